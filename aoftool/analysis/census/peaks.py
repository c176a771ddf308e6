"""The largest of something, with where it stands: a summary that keeps a fixed number of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aoftool.analysis.census.model import TOP, Spike
from aoftool.dataclass import dataclass, field
from aoftool.escape import printable, unprintable

__all__ = ["Peak", "Peaks"]


@dataclass(frozen=True, slots=True)
class Peak:
    """One of the largest; members as in `Spike`, names in place of numbers."""

    size: int
    file: str
    offset: int
    other: int
    time_s: int
    db: int
    command: bytes
    key: bytes

    @classmethod
    def of(cls, spike: Spike, files: list[str], commands: list[bytes]) -> Peak:
        """Return a spike with its numbers replaced by names."""
        name = commands[spike.command] if spike.command >= 0 else b""
        return cls(
            spike.size, files[spike.file], spike.offset, spike.other, spike.time_s, spike.db, name, spike.key
        )

    @property
    def rank(self) -> tuple[int, str, int]:
        """Return what peaks are ordered by: the largest first, then by place."""
        return -self.size, self.file, self.offset


@dataclass(slots=True)
class Peaks:
    """At most TOP peaks, largest first."""

    entries: list[Peak] = field(default_factory=list)

    def add(self, peaks: Iterable[Peak]) -> None:
        """Take in more peaks."""
        self.entries = sorted({*self.entries, *peaks}, key=lambda peak: peak.rank)[:TOP]

    def merge(self, other: Peaks) -> Peaks:
        """Return the largest of both; neither is changed."""
        total = Peaks()
        total.add([*self.entries, *other.entries])
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return JSON members; names as printable text."""
        return {
            "entries": [
                [
                    peak.size,
                    peak.file,
                    peak.offset,
                    peak.other,
                    peak.time_s,
                    peak.db,
                    printable(peak.command),
                    printable(peak.key),
                ]
                for peak in self.entries
            ]
        }

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> Peaks:
        """Return the peaks that `to_dict` made members of."""
        return cls(
            [
                Peak(size, file, offset, other, time_s, db, unprintable(command), unprintable(key))
                for size, file, offset, other, time_s, db, command, key in members["entries"]
            ]
        )
