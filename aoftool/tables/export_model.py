"""What an export wrote: plain data."""

from __future__ import annotations

from aoftool.dataclass import dataclass, field

__all__ = ["Exported", "ExportedTable", "LeftOut"]


@dataclass(frozen=True, slots=True)
class ExportedTable:
    """One file of a table."""

    table: str
    path: str
    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A table that could not be filled, why, and what to type next."""

    table: str
    why: str
    next: str | None


@dataclass(slots=True)
class Exported:
    """All of it.

    Attributes:
        path: the directory.
        left_out: tables that the log does not give: it is damaged, or nobody knows what a command did.
        notes: what is to be known of the rows, in words.
    """

    path: str
    form: str
    tables: list[ExportedTable] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
