"""Replies as text, as the command line client of a server prints them: numbered, or raw pairs."""

from __future__ import annotations

from typing import Any

from aoftool.escape import printable

__all__ = ["numbered", "pairs"]


def pairs(reply: Any) -> list[tuple[str, str]]:
    """Return names and values of a flat reply, escaped; what is no pair is left out."""
    if not isinstance(reply, list):
        return []
    words = [_plain(item) for item in reply]
    return list(zip(words[::2], words[1::2], strict=False))


def _plain(item: Any) -> str:
    return printable(item) if isinstance(item, bytes) else str(item)


def numbered(reply: Any) -> str:
    """Return a reply as `--no-raw` shows it."""
    return "\n".join(_lines(reply)) + "\n"


def _lines(reply: Any) -> list[str]:
    if not isinstance(reply, list):
        return [_scalar(reply)]
    if not reply:
        return ["(empty array)"]
    width = len(str(len(reply)))
    lines = []
    for number, item in enumerate(reply, 1):
        first, *more = _lines(item)
        lines.append(f"{number:>{width}}) {first}")
        lines += [" " * (width + 2) + line for line in more]
    return lines


def _scalar(item: Any) -> str:
    if item is None:
        return "(nil)"
    if isinstance(item, bytes):
        return '"' + printable(item).replace('"', '\\"') + '"'
    return f"(integer) {item}"
