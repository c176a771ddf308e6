"""Which keys expire together, and when: from the expire times that the commands left.

A key that a command emptied without deleting it by name still counts, for what a command leaves of a
value is not known here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from aoftool.analysis.census.key_counts import KeyCounts
from aoftool.analysis.census.model import DELETED
from aoftool.analysis.inspect.contents_model import ExpiryView
from aoftool.dataclass import dataclass, field

__all__ = ["ExpirySummary"]

Column = npt.NDArray[np.int64]
_HORIZON = (
    ("within a minute", 60),
    ("within an hour", 3600),
    ("within a day", 86400),
    ("within a week", 604800),
    ("within 30 days", 2592000),
)
_SECONDS_SHOWN = 10


def _none() -> Column:
    return np.zeros(0, np.int64)


@dataclass
class ExpirySummary:
    """How many keys expire in each second.

    Attributes:
        seconds, counts: seconds ascending, and keys in each; every key once.
    """

    keys: int = 0
    deleted: int = 0
    seconds: Column = field(default_factory=_none)
    counts: Column = field(default_factory=_none)

    def add(self, keys: KeyCounts) -> None:
        """Count keys that are not in it yet."""
        given = keys.deadline_ms[keys.deadline_ms > 0]
        self.keys += len(keys)
        self.deleted += int((keys.deadline_ms == DELETED).sum())
        self._put(given // 1000, np.ones(len(given), np.int64))

    def _put(self, seconds: Column, counts: Column) -> None:
        both = np.concatenate((self.seconds, seconds))
        added = np.concatenate((self.counts, counts))
        self.seconds, owner = np.unique(both, return_inverse=True)
        self.counts = np.zeros(len(self.seconds), np.int64)
        np.add.at(self.counts, owner, added)

    def merge(self, other: ExpirySummary) -> ExpirySummary:
        """Return both together: for logs that share no key."""
        total = ExpirySummary(self.keys + other.keys, self.deleted + other.deleted)
        for side in (self, other):
            total._put(side.seconds, side.counts)
        return total

    def view(self, end_s: int | None) -> ExpiryView:
        """Return what is shown; `end_s` is when the log ends."""
        expiring = int(self.counts.sum())
        order = np.lexsort((self.seconds, -self.counts))[:_SECONDS_SHOWN]
        return ExpiryView(
            self.keys,
            expiring,
            self.deleted,
            [(int(self.seconds[n]), int(self.counts[n])) for n in order.tolist()],
            *self._horizon(end_s),
            int(self.counts[self.seconds % 60 == 0].sum()),
            int(self.counts[self.seconds % 3600 == 0].sum()),
            end_s,
        )

    def _horizon(self, end_s: int | None) -> tuple[list[tuple[str, int]], int | None]:
        if end_s is None:
            return [], None
        passed = int(self.counts[self.seconds < end_s].sum())
        found = []
        least = end_s
        for label, reach in _HORIZON:
            chosen = (self.seconds >= least) & (self.seconds < end_s + reach)
            found.append((label, int(self.counts[chosen].sum())))
            least = end_s + reach
        found.append(("later", int(self.counts[self.seconds >= least].sum())))
        return found, passed

    def to_dict(self) -> dict[str, Any]:
        """Return JSON members."""
        return {
            "keys": self.keys,
            "deleted": self.deleted,
            "seconds": self.seconds.tolist(),
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> ExpirySummary:
        """Return the summary that `to_dict` made members of."""
        return cls(
            members["keys"],
            members["deleted"],
            np.array(members["seconds"], np.int64),
            np.array(members["counts"], np.int64),
        )
