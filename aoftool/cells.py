"""How wide text is on a terminal, and how it breaks: wide characters take two cells, marks take none."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from aoftool.regex import regex

__all__ = ["cell_width", "clipped", "fold", "leading", "padded"]

_NO_CELL = frozenset(("Mn", "Me", "Cf"))
_CUT = "..."
_WORD = regex(r"(\s*)(\S+)")


def cell_width(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.category(char) in _NO_CELL:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return text with blanks up to so many cells, in front of it with `right`."""
    blanks = " " * (width - cell_width(text))
    return blanks + text if right else text + blanks


def clipped(text: str, width: int) -> str:
    """Return text of at most so many cells; dots end one that was cut."""
    if cell_width(text) <= width:
        return text
    return leading(text, width - len(_CUT)) + _CUT


def leading(text: str, width: int) -> str:
    """Return the start of a text in so many cells, at least one character; escapes stay whole."""
    return next(_pieces(text, max(width, 1)))


def fold(text: str, width: int, indent: int = 0, *, paths: bool = False) -> list[str]:
    """Break text between words into lines of so many cells, all but the first indented; never empty.

    A word that is longer than a line is broken, but never inside a character or an escape such as `\\x00`;
    with `paths` one with a slash stays whole, so that it can be copied.
    """
    if cell_width(text) <= width:
        return [text]  # blanks in it may mean something
    lines: list[str] = []
    line = ""
    for blanks, word in _WORD.findall(text):
        room = width - indent if lines else width
        if line.strip() and cell_width(line + blanks + word) > room:
            lines.append(line)
            line, blanks, room = "", "", width - indent
        if cell_width(line + blanks + word) > room and not (paths and "/" in word):
            *whole, word = _pieces(line + blanks + word, room)
            lines += whole
            line, blanks = "", ""
        line += blanks + word
    lines.append(line)
    return [lines[0], *(" " * indent + rest for rest in lines[1:])]


def _pieces(text: str, width: int) -> Iterator[str]:
    """Yield a text in pieces of at most so many cells, at least one character each."""
    piece, used = "", 0
    for unit in _units(text):
        cells = cell_width(unit)
        if piece and used + cells > width:
            yield piece
            piece, used = "", 0
        piece, used = piece + unit, used + cells
    yield piece


def _units(text: str) -> Iterator[str]:
    """Yield characters with their marks, and escapes, each whole."""
    at = 0
    while at < len(text):
        end = at + (4 if text.startswith("\\x", at) else 2 if text[at] == "\\" else 1)
        while end < len(text) and _cells(text[end]) == 0:
            end += 1
        yield text[at:end]
        at = end
