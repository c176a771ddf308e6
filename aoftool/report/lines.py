"""Lines and columns of text with a little colour, for reports that need no more than that.

All text is plain, laid out by whoever prints it, and colour only repeats what words say. A library that draws
terminals takes longer to import than a small log takes to check.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TextIO

from aoftool.cells import fold
from aoftool.report.tables import table_lines

__all__ = ["LineConsole", "Printer", "folded", "print_columns"]

_LEAST_WRAPPED = 16
# Select Graphic Rendition numbers. Source: ECMA-48, 8.3.117.
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "magenta": "35"}


def folded(text: str, width: int, indent: int) -> list[str]:
    """Break text between words into lines of a width; all but the first are indented.

    Long words, such as paths, stay whole, so that they can be copied.
    """
    return fold(text, max(width, indent + _LEAST_WRAPPED), indent, paths=True)


class Printer(Protocol):
    """Whatever prints text with a style."""

    @property
    def width(self) -> int:
        """Return how many columns a line may have."""

    def print(self, text: str = "", /, *, style: str = "", end: str = "\n") -> None:
        """Print text as it stands, in a style such as `bold red`."""


class LineConsole:
    """Print lines to a text file.

    Args:
        color: whether styles show.
        width: columns of the terminal; only columns are folded to it.
    """

    def __init__(self, file: TextIO, *, color: bool, width: int) -> None:
        self._file = file
        self._color = color
        self.width = width

    def print(self, text: str = "", /, *, style: str = "", end: str = "\n") -> None:
        """Print text as it stands, in a style of the words bold, dim, red, green, yellow, magenta."""
        if style and self._color:
            numbers = ";".join(_STYLES[word] for word in style.split())
            text = f"\x1b[{numbers}m{text}\x1b[0m"
        self._file.write(text + end)


def print_columns(
    console: Printer, headings: Sequence[str], rows: Iterable[tuple[Sequence[str], str]]
) -> None:
    """Print rows of (cells, style) under headings; the last column is folded to the width.

    Where that would break a word, such as the name of a file, the cells of a row stand below each other.
    """
    held = list(rows)
    columns = [(heading, "left") for heading in headings]
    head, bodies = table_lines(columns, [cells for cells, _ in held], console.width)
    if any(_breaks_words(cells, lines) for (cells, _), lines in zip(held, bodies, strict=True)):
        _print_stacked(console, headings, held)
        return
    for number, line in enumerate(head):
        console.print(line, style="bold" if number == 0 else "dim")
    for (_, style), lines in zip(held, bodies, strict=True):
        for line in lines:
            console.print(line, style=style)


def _breaks_words(cells: Sequence[str], lines: Sequence[str]) -> bool:
    """Tell whether some word of a row is not whole on one of its lines."""
    whole = {word for line in lines for word in line.split()}
    return any(word not in whole for cell in cells for word in cell.split())


def _print_stacked(
    console: Printer, headings: Sequence[str], rows: Iterable[tuple[Sequence[str], str]]
) -> None:
    indent = max(map(len, headings)) + 2
    for number, (cells, style) in enumerate(rows):
        if number:
            console.print()
        for heading, cell in zip(headings, cells, strict=True):
            for line in folded(f"{heading:<{indent}}{cell}", console.width, indent) if cell else ():
                console.print(line, style=style)
