"""How far a log could be read, and what must be said of it: plain data."""

from __future__ import annotations

from aoftool.dataclass import dataclass, field

__all__ = ["Damage", "ListingEnd"]

Damage = tuple[str, int, str]
"""Shown name of the file, offset, and reason of a place that cannot be read."""


@dataclass(slots=True)
class ListingEnd:
    """What is to be said behind a listing.

    Attributes:
        notes: what the reader must know to judge it, in words.
        damage: (file, offset, reason) of the first place that cannot be read; None when there is none.
        flaw: the same of what is damaged, but stepped over, an RDB part or a transaction that is open where
            another file follows; what stands behind it was read.
        open_txn: (file number, transaction) that has no EXEC at the end of the log; None without one.
    """

    notes: list[str] = field(default_factory=list)
    damage: Damage | None = None
    flaw: Damage | None = None
    open_txn: tuple[int, int] | None = None

    @property
    def told(self) -> Damage | None:
        """The damage to be told: what ended the reading, else what was stepped over."""
        return self.damage or self.flaw

    def note(self, text: str) -> None:
        """Add a note, once."""
        if text not in self.notes:
            self.notes.append(text)
