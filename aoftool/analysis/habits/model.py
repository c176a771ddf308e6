"""What is told about how keys are used: a small table with typed columns. Plain data.

The questions differ, the answers do not: some rows, each with numbers of known units, and what the reader
must know to judge them. So one reporter shows them all.
"""

from __future__ import annotations

from enum import Enum

from aoftool.dataclass import dataclass, field

__all__ = ["Cell", "Column", "HabitTable", "Unit"]

Cell = bytes | int | float | None


class Unit(Enum):
    """What a cell holds."""

    KEY = "key"
    PREFIX = "prefix"
    NAME = "name"
    NUMBER = "number"
    COUNT = "count"
    BYTES = "bytes"
    SHARE = "share"
    SECONDS = "seconds"
    TIME = "time"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name for machines, its heading for people, and its unit."""

    name: str
    heading: str
    unit: Unit


@dataclass(slots=True)
class HabitTable:
    """An answer.

    Attributes:
        by: which question.
        columns, rows: a cell for each column; None where there is nothing to tell.
        left_out: rows that are not in it.
        facts: (label, text) about the whole, in reading order; holds nothing from the log but numbers.
        notes: what the reader must know to judge it.
    """

    by: str
    columns: list[Column]
    rows: list[list[Cell]] = field(default_factory=list)
    left_out: int = 0
    facts: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
