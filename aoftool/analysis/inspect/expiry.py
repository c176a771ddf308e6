"""Which keys expire together, and when: from the expire times that the commands left.

A key that a command emptied without deleting it by name still counts, for what a command leaves of a
value is not known here.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from aoftool.analysis.census.key_counts import KeyCounts
from aoftool.analysis.census.tables import seconds_of
from aoftool.analysis.inspect.contents_model import ExpiryView
from aoftool.dataclass import dataclass, field

__all__ = ["ExpirySummary"]

_HORIZON = (
    ("within a minute", 60),
    ("within an hour", 3600),
    ("within a day", 86400),
    ("within a week", 604800),
    ("within 30 days", 2592000),
)
_SECONDS_SHOWN = 10


@dataclass
class ExpirySummary:
    """How many keys expire in each second.

    Attributes:
        by_second: keys that expire in a second; every key once.
    """

    keys: int = 0
    deleted: int = 0
    by_second: dict[int, int] = field(default_factory=dict)

    def add(self, keys: KeyCounts) -> None:
        """Count keys that are not in it yet."""
        self.keys += len(keys)
        self.deleted += keys.deleted()
        self._put(Counter(seconds_of(keys.deadline_ms)).items())

    def _put(self, counts: Iterable[tuple[int, int]]) -> None:
        found = self.by_second
        for second, count in counts:
            found[second] = found.get(second, 0) + count

    def merge(self, other: ExpirySummary) -> ExpirySummary:
        """Return both together: for logs that share no key."""
        total = ExpirySummary(self.keys + other.keys, self.deleted + other.deleted)
        for side in (self, other):
            total._put(side.by_second.items())
        return total

    def view(self, end_s: int | None) -> ExpiryView:
        """Return what is shown; `end_s` is when the log ends."""
        shown = heapq.nsmallest(_SECONDS_SHOWN, self.by_second.items(), key=lambda item: (-item[1], item[0]))
        return ExpiryView(
            self.keys,
            sum(self.by_second.values()),
            self.deleted,
            shown,
            *self._horizon(end_s),
            self._some(lambda second: second % 60 == 0),
            self._some(lambda second: second % 3600 == 0),
            end_s,
        )

    def _some(self, wanted: Callable[[int], bool]) -> int:
        """Return how many keys expire in the seconds that are wanted."""
        return sum(count for second, count in self.by_second.items() if wanted(second))

    def _horizon(self, end_s: int | None) -> tuple[list[tuple[str, int]], int | None]:
        if end_s is None:
            return [], None
        bounds = [end_s, *(end_s + reach for _, reach in _HORIZON)]
        counts = [0] * (len(bounds) + 1)
        for second, count in self.by_second.items():
            counts[bisect_right(bounds, second)] += count
        labels = [*(label for label, _ in _HORIZON), "later"]
        return list(zip(labels, counts[1:], strict=True)), counts[0]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON members."""
        return {
            "keys": self.keys,
            "deleted": self.deleted,
            "seconds": sorted(self.by_second),
            "counts": [self.by_second[second] for second in sorted(self.by_second)],
        }

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> ExpirySummary:
        """Return the summary that `to_dict` made members of."""
        return cls(
            members["keys"],
            members["deleted"],
            dict(zip(members["seconds"], members["counts"], strict=True)),
        )
