"""Shows how keys are used: the facts, a table, what to know about it; or JSON, or CSV."""

from __future__ import annotations

from typing import Any, TextIO

from aoftool.analysis.habits.model import Cell, Column, HabitTable, Unit
from aoftool.escape import json_bytes, shown_name
from aoftool.report.csvout import CsvRows
from aoftool.report.lines import Printer
from aoftool.report.terminal import facts, print_table, say
from aoftool.units import counted, format_bytes, format_count, format_duration, format_share, format_time_ms

__all__ = ["cell_text", "habits_json", "render_habits", "write_habits_csv"]

_NAMES = (Unit.KEY, Unit.PREFIX, Unit.NAME)
_NAME_WIDTH = 40
_SHARE_STEPS = 1_000_000


def render_habits(console: Printer, table: HabitTable) -> None:
    """Print an answer."""
    facts(console, [(label, text, "") for label, text in table.facts])
    if table.rows:
        console.print()
        columns = [(c.heading, "left" if c.unit in _NAMES else "right") for c in table.columns]
        rows = [
            [cell_text(cell, c) for cell, c in zip(row, table.columns, strict=True)] for row in table.rows
        ]
        print_table(console, columns, ((cells, "") for cells in rows))
    if table.left_out:
        say(
            console,
            f"{counted(table.left_out, 'more row')}: --limit shows {'it' if table.left_out == 1 else 'them'}",
        )
    if table.notes:
        console.print()
        facts(console, [("note" if not number else "", note, "") for number, note in enumerate(table.notes)])


def cell_text(cell: Cell, column: Column) -> str:
    """Return a cell as people read it."""
    if cell is None:
        return "-"
    if isinstance(cell, bytes):
        return shown_name(cell, _NAME_WIDTH)
    if column.unit is Unit.SHARE:
        return format_share(round(cell * _SHARE_STEPS), _SHARE_STEPS)
    if column.unit is Unit.RATE:
        return f"{cell:,.1f}" if cell >= 10 else f"{cell:.2g}"
    if column.unit is Unit.BYTES:
        return format_bytes(int(cell))
    if column.unit is Unit.SECONDS:
        return format_duration(cell)
    if column.unit is Unit.TIME:
        return format_time_ms(int(cell) * 1000)
    return str(cell) if column.unit is Unit.NUMBER else format_count(int(cell))


def habits_json(table: HabitTable) -> dict[str, Any]:
    """Return an answer as one JSON object; shares from 0 to 1."""
    return {
        "schema": "aoftool.key-habits/1",
        "by": table.by,
        "units": {column.name: column.unit.value for column in table.columns},
        "rows": [_row_json(row, table.columns) for row in table.rows],
        "left_out": table.left_out,
        "facts": dict(table.facts),
        "notes": table.notes,
    }


def _row_json(row: list[Cell], columns: list[Column]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for cell, column in zip(row, columns, strict=True):
        members |= json_bytes(column.name, cell) if isinstance(cell, bytes) else {column.name: cell}
    return members


def write_habits_csv(table: HabitTable, stream: TextIO) -> None:
    """Write the rows as CSV, with the names of the columns first."""
    out = CsvRows(stream, (column.name for column in table.columns))
    for row in table.rows:
        out.add(row)
