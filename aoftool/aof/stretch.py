"""The part of a log between two moments."""

from __future__ import annotations

from aoftool.aof.model import Place
from aoftool.aof.moment import Resolved
from aoftool.dataclass import dataclass

__all__ = ["Stretch"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a log between two moments.

    Attributes:
        since, until: None for no bound. Commands at a place `since` are in it, those at a place `until` are
            not; seconds of times are in it on both ends.
    """

    since: Resolved | None = None
    until: Resolved | None = None

    @property
    def asks_time(self) -> bool:
        """Tell whether a bound is a time, so that only commands of known time can be in it."""
        return self.since_s is not None or self.until_s is not None

    @property
    def since_s(self) -> int | None:
        """Return the first second, Unix time; None where it begins at a place, or has no bound."""
        return None if self.since is None else self.since.time_s

    @property
    def until_s(self) -> int | None:
        """Return the last second, Unix time; None where it ends at a place, or has no bound."""
        return None if self.until is None else self.until.time_s

    @property
    def first(self) -> Place | None:
        """Return the place it begins at."""
        return None if self.since is None else self.since.place

    @property
    def last(self) -> Place | None:
        """Return the place it ends before."""
        return None if self.until is None else self.until.place

    def may_hold(self, first: Place, last: Place, first_s: int | None, last_s: int | None) -> bool:
        """Tell whether some of what stands from one place to another may be in it.

        Args:
            first_s, last_s: when it ran, Unix time; None where nothing bounds it.
        """
        if (self.first is not None and last < self.first) or (self.last is not None and first >= self.last):
            return False
        return self.may_hold_time(first_s, last_s)

    def may_hold_time(self, first_s: int | None, last_s: int | None) -> bool:
        """Tell whether what ran between two seconds may be in it, as far as its bounds are times.

        Args:
            first_s, last_s: Unix time; None where nothing bounds it.
        """
        if self.since_s is not None and last_s is not None and last_s < self.since_s:
            return False
        return self.until_s is None or first_s is None or first_s <= self.until_s
