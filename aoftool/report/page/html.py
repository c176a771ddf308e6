"""The page as one file of HTML: everything in it, nothing loaded, and a policy that forbids all else.

Text is escaped by the templates; style and script are allowed by their digests alone, so that nothing which
a log holds could ever run, were it to become markup.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from aoftool.errors import MissingExtraError
from aoftool.report.page.model import Page, Stack, Strips
from aoftool.units import format_bytes

__all__ = ["page_html"]

_SEGMENTS = (
    ("rdb", "RDB part"),
    ("commands", "commands"),
    ("unread", "behind the first damage"),
    ("damage", "damage"),
    ("kept", "kept by a repair"),
    ("aside", "set aside by a repair"),
)


def page_html(page: Page) -> str:
    """Return the page.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtraError(
            "the page is made with jinja2, which is not installed; --md and --json need nothing",
            hint="pip install 'aoftool[report]'",
        ) from error
    from aoftool.report.page import svg

    environment = Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"top_text": _top_text, "strip_kinds": _strip_kinds, "size_text": format_bytes}
    style, script = _text("page.css"), _text("page.js")
    return environment.get_template("page.html").render(
        page=page, svg=svg, style=style, script=script, policy=_policy(style, script), kind=_kind
    )


def _text(name: str) -> str:
    return files("aoftool.report.page").joinpath("templates").joinpath(name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """Return the policy: nothing is loaded from anywhere, and only our own style and script count."""
    return (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)};"
        " base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(raw).decode()}'"


def _top_text(chart: Stack) -> str:
    """Return what the upper edge of a chart is."""
    from aoftool.report.page.svg import top_of

    return f"0 to {format_bytes(top_of(chart))}" + ("" if chart.is_line else " a step")


def _strip_kinds(chart: Strips) -> list[tuple[str, str]]:
    """Return the kinds of segments that a drawing of files has, with their names."""
    held = {segment.kind for strip in chart.strips for segment in (*strip.segments, *strip.repaired)}
    return [(kind, words) for kind, words in _SEGMENTS if kind in held]


def _kind(block: object) -> str:
    """Return which macro shows a block."""
    return type(block).__name__.lower()
