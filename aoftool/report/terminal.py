"""Pieces that every terminal report is made of: tables, labelled lines, verdict words.

All text is plain: nothing that came from a file is read as markup. Colour only repeats what words say.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from aoftool.cells import fold
from aoftool.dataclass import dataclass
from aoftool.report.lines import Printer
from aoftool.report.tables import fact_lines, table_lines
from aoftool.units import format_bytes

__all__ = [
    "Column",
    "facts",
    "figures",
    "print_lines",
    "print_room",
    "print_rows",
    "print_table",
    "say",
    "words",
]

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column of a table.

    Attributes:
        cell: its text for a row.
        side: `left` or `right`.
    """

    heading: str
    cell: Callable[[Row], str]
    side: str


def words(heading: str, cell: Callable[[Row], str]) -> Column[Row]:
    """Return a column of words, on the left of it."""
    return Column(heading, cell, "left")


def figures(heading: str, cell: Callable[[Row], str]) -> Column[Row]:
    """Return a column of figures, on the right of it."""
    return Column(heading, cell, "right")


def print_lines(console: Printer, lines: Iterable[str], style: str = "") -> None:
    """Print lines that are laid out already: nothing is folded again, nothing is added."""
    for line in lines:
        console.print(line, style=style)


def say(console: Printer, text: str, style: str = "") -> None:
    """Print a sentence, folded to the width."""
    print_lines(console, fold(text, console.width), style)


def print_table(
    console: Printer, columns: Sequence[tuple[str, str]], rows: Iterable[tuple[Sequence[str], str]]
) -> None:
    """Print a table whose rows are (cells, style)."""
    held = list(rows)
    head, bodies = table_lines(columns, [cells for cells, _ in held], console.width)
    print_lines(console, head[:1], "bold")
    print_lines(console, head[1:], "dim")
    for (_, style), lines in zip(held, bodies, strict=True):
        print_lines(console, lines, style)


def print_rows(
    console: Printer,
    columns: Sequence[Column[Row]],
    rows: Iterable[Row],
    style: Callable[[Row], str] = lambda row: "",
) -> None:
    """Print one line for each row, in its style."""
    headings = [(column.heading, column.side) for column in columns]
    print_table(console, headings, (([c.cell(row) for c in columns], style(row)) for row in rows))


def facts(console: Printer, pairs: Iterable[tuple[str, str, str]]) -> None:
    """Print labelled lines, (label, text, style), labels in one column, text folded beside them."""
    held = list(pairs)
    width = max((len(label) for label, _, _ in held), default=0)
    for label, text, style in held:
        # The label keeps its own look.
        first, *more = fact_lines(label, text, width, console.width)
        console.print(first[:width], end="")
        console.print(first[width:], style=style)
        print_lines(console, more, style)


def print_room(console: Printer, folder: str, kept_bytes: int) -> None:
    """Print how much room the way back takes, and what to type to have it.

    Args:
        folder: of the receipt, printable.
    """
    say(console, f"That takes {format_bytes(kept_bytes)}. To free it, when all is well, for good:")
    console.print(f"  aoftool undo --forget {shlex.quote(folder)}")
