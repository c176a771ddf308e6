"""How large things are: a histogram by powers of two, as a summary."""

from __future__ import annotations

from typing import Any

from aoftool.analysis.census.model import HISTOGRAM
from aoftool.dataclass import dataclass, field

__all__ = ["SizeHistogram"]


@dataclass(slots=True)
class SizeHistogram:
    """Counts by number of binary digits: row 0 holds size 0, row n sizes from 2^(n-1) to 2^n - 1."""

    counts: list[int] = field(default_factory=lambda: [0] * HISTOGRAM)

    @property
    def total(self) -> int:
        """Return how many sizes were counted."""
        return sum(self.counts)

    def add(self, size: int) -> None:
        """Count one size."""
        self.counts[size.bit_length()] += 1

    def merge(self, other: SizeHistogram) -> SizeHistogram:
        """Return the sum; neither is changed."""
        return SizeHistogram([one + two for one, two in zip(self.counts, other.counts, strict=True)])

    def bound(self, share: float) -> int:
        """Return a size that at least this share of all stays at or below; exact to a factor of two."""
        wanted = share * self.total
        seen = 0
        for digits, count in enumerate(self.counts):
            seen += count
            if count and seen >= wanted:
                return (1 << digits) - 1
        return 0

    def rows(self) -> list[tuple[int, int, int]]:
        """Return (least size, greatest size, count) from the first used row to the last."""
        used = [digits for digits, count in enumerate(self.counts) if count]
        if not used:
            return []
        return [
            (1 << digits >> 1, (1 << digits) - 1, self.counts[digits])
            for digits in range(used[0], used[-1] + 1)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON members."""
        return {"counts": list(self.counts)}

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> SizeHistogram:
        """Return the histogram that `to_dict` made members of."""
        return cls(list(members["counts"]))
