"""Shows what an export wrote, and the answers of queries."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from aoftool.cells import fold
from aoftool.escape import printable, shown_path, shown_text
from aoftool.next_step import parted
from aoftool.report.tables import table_lines
from aoftool.tables.export_model import Exported
from aoftool.units import format_bytes, format_count

__all__ = ["answer_lines", "cell_json", "cell_text", "export_json", "export_lines"]

# The widths of columns are those of the first rows.
_MEASURED = 500


def export_lines(done: Exported, width: int) -> Iterator[str]:
    """Yield the lines of an export."""
    yield from fold(f"{shown_path(done.path)}: {done.form}", width, 2)
    rows = [
        (table.table, format_count(table.rows), format_bytes(table.size_bytes), os.path.basename(table.path))
        for table in done.tables
    ]
    columns = (("table", "left"), ("rows", "right"), ("size", "right"), ("file", "left"))
    head, lines = table_lines(columns, rows, width)
    yield from head
    for own in lines:
        yield from own


def export_json(done: Exported) -> dict[str, Any]:
    """Return an export as one JSON object."""
    return {
        "schema": "aoftool.export/1",
        "path": shown_path(done.path),
        "format": done.form,
        "tables": [
            {
                "table": table.table,
                "path": shown_path(table.path),
                "rows": table.rows,
                "size_bytes": table.size_bytes,
            }
            for table in done.tables
        ],
        "left_out": [{"table": left.table, "why": left.why, **parted(left.next)} for left in done.left_out],
        "notes": done.notes,
    }


def answer_lines(names: Sequence[str], rows: Iterable[Sequence[Any]], width: int) -> Iterator[str]:
    """Yield the lines of a table; it is measured by its first rows, and each further part by its own."""
    rows = iter(rows)
    shown = 0
    columns: list[tuple[str, str]] = []
    while taken := list(islice(rows, _MEASURED)):
        if not columns:
            columns = [
                (shown_text(name), "right" if _is_number(cell) else "left")
                for name, cell in zip(names, taken[0], strict=True)
            ]
        head, lines = table_lines(columns, [[cell_text(cell) for cell in row] for row in taken], width)
        yield from head if not shown else ()
        for own in lines:
            yield from own
        shown += len(taken)
    if not shown:
        yield "no rows"


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (int, float, Decimal)) and not isinstance(cell, bool)


def cell_text(cell: Any) -> str:
    """Return a cell as it may be shown; nothing of a query reaches a terminal as it is."""
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        text = cell.replace(tzinfo=None).isoformat(" ", "milliseconds" if cell.microsecond else "seconds")
    elif isinstance(cell, bytes):
        return printable(cell)
    else:
        text = str(cell)
    # Keys are in their printable form already.
    return shown_text(text).replace("\\\\", "\\")


def cell_json(cell: Any) -> Any:
    """Return a cell as JSON holds it: times as text in ISO 8601, UTC; bytes in their printable form."""
    if cell is None or isinstance(cell, (bool, int, str)):
        return cell
    if isinstance(cell, float):
        return cell if cell == cell and abs(cell) != float("inf") else str(cell)
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return cell.total_seconds()
    if isinstance(cell, bytes):
        return printable(cell)
    if isinstance(cell, (list, tuple)):
        return [cell_json(each) for each in cell]
    if isinstance(cell, dict):
        return {str(name): cell_json(each) for name, each in cell.items()}
    return str(cell)
