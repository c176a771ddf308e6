"""Pieces that every terminal report is made of: tables, labelled lines, verdict words.

All text is plain: nothing that came from a file is read as markup. Colour only repeats what words say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["Column", "facts", "figures", "make_table", "print_rows", "print_table", "words"]

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


def make_table(columns: Sequence[tuple[str, str]]) -> Table:
    """Return an empty table; columns are (heading, `left` or `right`). Headings never wrap."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for heading, side in columns:
        table.add_column(
            Text(heading),
            justify="right" if side == "right" else "left",
            no_wrap=side == "right",
            overflow="fold",
        )
    return table


def print_table(
    console: Console, columns: Sequence[tuple[str, str]], rows: Iterable[tuple[Sequence[str], str]]
) -> None:
    """Print a table whose rows are (cells, style)."""
    table = make_table(columns)
    for cells, style in rows:
        table.add_row(*(Text(cell) for cell in cells), style=style)
    console.print(table)


def print_rows(
    console: Console,
    columns: Sequence[Column[Row]],
    rows: Iterable[Row],
    style: Callable[[Row], str] = lambda row: "",
) -> None:
    """Print one line for each row, in its style."""
    headings = [(column.heading, column.side) for column in columns]
    print_table(console, headings, (([c.cell(row) for c in columns], style(row)) for row in rows))


def facts(console: Console, pairs: Iterable[tuple[str, str, str]]) -> None:
    """Print labelled lines, (label, text, style), labels in one column, text wrapped beside them."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text, style in pairs:
        grid.add_row(Text(label), Text(text, style=style))
    console.print(grid)
