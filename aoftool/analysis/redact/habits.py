"""Answers about the habits of keys, with the names of keys replaced."""

from __future__ import annotations

from aoftool.analysis.habits.model import Cell, HabitTable, Unit
from aoftool.analysis.redact.contents import redacted_prefix
from aoftool.dataclass import replace
from aoftool.redaction import Redactor

__all__ = ["redacted_habits"]


def redacted_habits(table: HabitTable, redactor: Redactor | None) -> HabitTable:
    """Return an answer as it may be shown."""
    if redactor is None or not redactor.hides_keys:
        return table
    units = [column.unit for column in table.columns]

    def shown(cell: Cell, unit: Unit) -> Cell:
        if not isinstance(cell, bytes) or unit is Unit.NAME:
            return cell
        return redacted_prefix(cell, redactor) if unit is Unit.PREFIX else redactor.key(cell)

    rows = [[shown(cell, unit) for cell, unit in zip(row, units, strict=True)] for row in table.rows]
    return replace(table, rows=rows)
