"""Shows what a capture took, what it could not have, and what was masked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aoftool.capture.model import Captured
from aoftool.escape import shown_text
from aoftool.report.lines import Printer
from aoftool.report.terminal import facts
from aoftool.units import counted, format_bytes, format_duration

__all__ = ["capture_json", "render_capture"]

_MISSING_SHOWN = 12


def render_capture(console: Printer, made: Captured) -> None:
    """Print everything."""
    facts(console, _lines(made))


def _lines(made: Captured) -> Iterator[tuple[str, str, str]]:
    yield "server", f"{made.server} at {shown_text(made.address)}", ""
    if made.waited_for is not None:
        yield "event", made.waited_for, ""
    text = f"{shown_text(made.path)}: {counted(len(made.files), 'file')}, {format_bytes(made.size_bytes)}"
    yield "bundle", f"{text}, in {format_duration(made.seconds)}", "bold"
    if made.masked:
        yield "masked", ", ".join(f"{kind} ({count:,})" for kind, count in made.masked), ""
    for number, (name, reason) in enumerate(made.missing):
        if number == _MISSING_SHOWN:
            yield "", f"and {counted(len(made.missing) - number, 'more')}: manifest.json has all", ""
            return
        yield ("" if number else "not there"), f"{shown_text(name)}: {shown_text(reason)}", ""


def capture_json(made: Captured) -> dict[str, Any]:
    """Return everything as one JSON object."""
    return {
        "schema": "aoftool.capture/1",
        "path": shown_text(made.path),
        "server": made.server,
        "address": shown_text(made.address),
        "waited_for": made.waited_for,
        "size_bytes": made.size_bytes,
        "seconds": made.seconds,
        "files": [{"name": name, "size_bytes": size} for name, size in made.files],
        "missing": [
            {"name": shown_text(name), "reason": shown_text(reason)} for name, reason in made.missing
        ],
        "masked": dict(made.masked),
    }
