"""Cells of a page: numbers with their text, names from a log as they may be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from aoftool.escape import shown_name
from aoftool.report.page.model import Cell, Column, Table
from aoftool.units import format_bytes, format_count, format_share, format_time_ms

__all__ = [
    "NAME_WIDTH",
    "code",
    "count",
    "made_table",
    "name",
    "number",
    "share",
    "size",
    "text",
    "when",
]

NAME_WIDTH = 80
"""Cells of a terminal that a name takes at most; longer ones end in their length."""

Row = TypeVar("Row")
Field = tuple[str, str, Callable[[Row], Cell]]
"""Name of a column, its heading, and what makes its cell of a row."""

NOTHING = Cell("–")


def text(words: str) -> Cell:
    """Return a cell of words."""
    return Cell(words)


def code(words: str) -> Cell:
    """Return a cell of something to copy."""
    return Cell(words, is_code=True)


def name(raw: bytes) -> Cell:
    """Return a cell with a name from a log."""
    return Cell(shown_name(raw, NAME_WIDTH), is_code=True)


def count(value: int | None) -> Cell:
    """Return a cell with a count; a dash for what is not known."""
    return NOTHING if value is None else Cell(format_count(value), value)


def size(value: int | None) -> Cell:
    """Return a cell with a size."""
    return NOTHING if value is None else Cell(format_bytes(value), value)


def number(value: float | None, shown: str) -> Cell:
    """Return a cell with a number that has its own text."""
    return NOTHING if value is None else Cell(shown, value)


def share(part: int | None, whole: int) -> Cell:
    """Return a cell with a share, 0 to 1."""
    if part is None or not whole:
        return NOTHING
    return Cell(format_share(part, whole), round(part / whole, 6))


def when(time_ms: int | None) -> Cell:
    """Return a cell with a time, its value Unix milliseconds."""
    return NOTHING if time_ms is None else Cell(format_time_ms(time_ms), time_ms, is_moment=True)


def made_table(
    id: str,
    caption: str,
    fields: Sequence[Field[Row]],
    rows: Iterable[Row],
    *,
    most: int = 30,
    left_out: int = 0,
    is_detail: bool = False,
) -> Table:
    """Return a table of rows; of many the first ones, and how many are left out.

    Args:
        fields: a column is one of numbers when it holds nothing else.
        left_out: rows that are not even among these.
    """
    held = list(rows)
    cells = [[make(row) for _, _, make in fields] for row in held[:most]]
    columns = [
        Column(known, heading, _is_number([row[at] for row in cells]))
        for at, (known, heading, _) in enumerate(fields)
    ]
    return Table(id, caption, columns, cells, left_out + max(len(held) - most, 0), is_detail)


def _is_number(cells: Sequence[Cell]) -> bool:
    """Tell whether a column holds numbers that are no times, and no words beside them."""
    told = [cell for cell in cells if cell.text not in ("", NOTHING.text)]
    return bool(told) and all(cell.value is not None and not cell.is_moment for cell in told)
