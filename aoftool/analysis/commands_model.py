"""Commands of a log as a listing shows them: plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from aoftool.analysis.time_model import TimeBounds

__all__ = ["UNKNOWN", "ListingEnd", "LoggedCommand", "Place"]

UNKNOWN = -1
"""Database or transaction number that the part of the log which was read does not tell."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """An offset in one file of a log.

    Attributes:
        file: number of the file in load order.
        offset: absolute, in that file.
    """

    file: int
    offset: int


@dataclass(slots=True)
class LoggedCommand:
    """One command.

    Attributes:
        file: printable name.
        file_number: number of the file in load order.
        offset, length: its span, framing included.
        index: commands before it in the file; `UNKNOWN` when nobody counted.
        db: database it runs in, `UNKNOWN` before the first SELECT of a partial reading.
        txn: number of its transaction in the file, MULTI and EXEC included; 0 outside, or `UNKNOWN`.
        time_s: the last `#TS` before it, None without one.
        argv: arguments; long ones may be cut.
        lengths: their true lengths when any was cut, else None.
        is_context: it is no hit, but stands near one.
        bounds: when it ran, where it has no `#TS` and somebody inferred it.
    """

    file: str
    file_number: int
    offset: int
    length: int
    index: int
    db: int
    txn: int
    time_s: int | None
    argv: list[bytes]
    lengths: list[int] | None = None
    is_context: bool = False
    bounds: TimeBounds | None = None

    @property
    def name(self) -> bytes:
        """Return the command name in upper case."""
        return self.argv[0].upper()


@dataclass(slots=True)
class ListingEnd:
    """What is to be said behind a listing.

    Attributes:
        notes: what the reader must know to judge it, in words.
        damage: (file, offset, reason) of the first place that cannot be read; None when there is none.
        flaw: the same of an RDB part that is damaged, but stepped over; what stands behind it was read.
        open_txn: (file number, transaction) that has no EXEC at the end of the log; None without one.
    """

    notes: list[str] = field(default_factory=list)
    damage: tuple[str, int, str] | None = None
    flaw: tuple[str, int, str] | None = None
    open_txn: tuple[int, int] | None = None

    @property
    def told(self) -> tuple[str, int, str] | None:
        """The damage to be told: what ended the reading, else what was stepped over."""
        return self.damage or self.flaw

    def note(self, text: str) -> None:
        """Add a note, once."""
        if text not in self.notes:
            self.notes.append(text)
