"""JSON to stdout: one object, or one object a line for streams.

ASCII only, so that no control character of any kind reaches a terminal. Names of files need not be text: such
a name is given as other bytes are, readable and beside it in base64, as half a surrogate pair is no JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from aoftool.escape import json_bytes, printable
from aoftool.regex import regex

__all__ = ["add_members", "json_line", "json_text", "print_json", "print_json_line"]

# As JSON spells it; a whole pair is a character beyond the first plane.
_HALF = regex(r"(?<!\\ud[89ab][0-9a-f]{2})\\ud[c-f]|\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f])")
_more: list[Callable[[], dict[str, Any]]] = []


def add_members(make: Callable[[], dict[str, Any]] | None) -> None:
    """Let every object that is printed from here on end with these members too; None ends that."""
    _more[:] = [] if make is None else [make]


def print_json(body: dict[str, Any]) -> None:
    """Print one indented object; members keep their order."""
    for make in _more:
        body = {**body, **make()}
    sys.stdout.write(json_text(body, indent=2) + "\n")


def print_json_line(body: dict[str, Any]) -> None:
    """Print one object on one line."""
    sys.stdout.write(json_line(body))


def json_line(body: dict[str, Any]) -> str:
    """Return one object on one line, its line feed included."""
    return json_text(body, separators=(",", ":")) + "\n"


def json_text(body: dict[str, Any], **form: Any) -> str:
    """Return one object as text, in a form that `json.dumps` knows; without a line end."""
    text = json.dumps(body, **form)
    # Half a pair stands for a byte that is no UTF-8, or came from half a pair in JSON that was read.
    return json.dumps(_whole(body), **form) if _HALF.search(text) else text


def _whole(value: Any) -> Any:
    """Return the same, and bytes in place of text that is none."""
    if isinstance(value, dict):
        members: dict[str, Any] = {}
        for name, item in value.items():
            name = printable(_raw(name)) if _is_broken(name) else name
            members |= json_bytes(name, _raw(item)) if _is_broken(item) else {name: _whole(item)}
        return members
    if isinstance(value, list | tuple):
        return [printable(_raw(item)) if _is_broken(item) else _whole(item) for item in value]
    return value


def _is_broken(item: Any) -> bool:
    return isinstance(item, str) and any("\ud800" <= letter <= "\udfff" for letter in item)


def _raw(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
