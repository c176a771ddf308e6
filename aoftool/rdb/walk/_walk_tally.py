"""What a walk counts in one database: keys by type, and their expire times.

Part of the reference implementation of the structure walk; see `_walk_py`.
"""

from __future__ import annotations

__all__ = ["MASK", "WalkTally"]

# Counters wrap at 64 bits, as the compiled ones do; only forged counts get there.
MASK = (1 << 64) - 1


class WalkTally:
    """Counts by (type, form of a string); false while nothing was counted."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, int], list[int]] = {}
        self._expires = 0
        self._first = 0
        self._last = 0

    def __bool__(self) -> bool:
        return bool(self._rows)

    def count(self, number: int, form: int, elements: int, size: int, uncounted: int) -> None:
        """Take one key."""
        counts = self._rows.setdefault((number, form), [0, 0, 0, 0])
        counts[0] += 1
        counts[1] = (counts[1] + elements) & MASK
        counts[2] += size
        counts[3] += uncounted

    def count_expire(self, time_ms: int) -> None:
        """Take the expire time of a key."""
        self._first = time_ms if not self._expires else min(self._first, time_ms)
        self._last = time_ms if not self._expires else max(self._last, time_ms)
        self._expires += 1

    def rows(self) -> list[tuple[int, int, int, int, int, int]]:
        """Return (type, form, keys, elements, bytes, keys of unknown size), ascending."""
        return [
            (number, form, counts[0], counts[1], counts[2], counts[3])
            for (number, form), counts in sorted(self._rows.items())
        ]

    def expires(self) -> tuple[int, int, int]:
        """Return (keys with an expire time, earliest, latest)."""
        return self._expires, self._first, self._last
