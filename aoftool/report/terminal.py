"""Pieces that every terminal report is made of: tables, labelled lines, verdict words.

All text is plain: nothing that came from a file is read as markup. Colour only repeats what words say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["facts", "make_table", "print_table"]


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


def facts(console: Console, pairs: Iterable[tuple[str, str, str]]) -> None:
    """Print labelled lines, (label, text, style), labels in one column, text wrapped beside them."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text, style in pairs:
        grid.add_row(Text(label), Text(text, style=style))
    console.print(grid)
