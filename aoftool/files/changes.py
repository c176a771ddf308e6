"""What can happen to an input while it is read, as records.

Knows the kinds and their wording; detecting them is the business of `aoftool.files.source`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from aoftool.dataclass import dataclass

__all__ = ["OF_A_LIVE_LOG", "PACKED_DAMAGE", "ChangeKind", "SourceChange", "first_damage"]


class ChangeKind(str, Enum):
    """Name what happened; the values are stable and appear in JSON."""

    SHRANK = "shrank"
    GREW = "grew"
    MODIFIED = "modified"
    VANISHED = "vanished"
    REPLACED = "replaced"
    SUPERSEDED = "superseded"
    IO_ERROR = "io-error"
    COMPRESSED_TRUNCATED = "compressed-truncated"
    COMPRESSED_DAMAGED = "compressed-damaged"


OF_A_LIVE_LOG = frozenset({ChangeKind.GREW, ChangeKind.MODIFIED, ChangeKind.SUPERSEDED})
"""What a server does to a sound log, and what was read of it is as good as before."""
PACKED_DAMAGE = frozenset({ChangeKind.COMPRESSED_TRUNCATED, ChangeKind.COMPRESSED_DAMAGED})
"""What is wrong with a compressed file itself: its plain bytes end early, wherever that is."""


@dataclass(frozen=True)
class SourceChange:
    """Hold one thing that went wrong with an input after it was opened.

    Attributes:
        kind: what happened.
        message: one printable line for people.
        offset: byte offset up to which the bytes handed out are good, in the (decompressed) stream;
            None where the kind has no place, as for a file that was replaced.
        size_before: stored size in bytes when it was opened, None when unknown.
        size_after: stored size in bytes now, None when unknown.
    """

    kind: ChangeKind
    message: str
    offset: int | None = None
    size_before: int | None = None
    size_after: int | None = None

    def to_dict(self) -> dict[str, str | int | None]:
        """Return the record as JSON members."""
        return {
            "kind": self.kind.value,
            "message": self.message,
            "offset": self.offset,
            "size_before": self.size_before,
            "size_after": self.size_after,
        }


def first_damage(changes: Iterable[SourceChange]) -> SourceChange | None:
    """Return the first of the changes that is damage of a compressed file itself."""
    return next((change for change in changes if change.kind in PACKED_DAMAGE), None)
