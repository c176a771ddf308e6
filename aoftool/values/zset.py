"""A sorted set value."""

from __future__ import annotations

__all__ = ["ZSetValue"]


class ZSetValue(dict[bytes, float]):
    """Members to scores. Order is by (score, member bytes); `ranked` gives it."""

    __slots__ = ()

    def ranked(self) -> list[tuple[float, bytes]]:
        """Return (score, member) pairs, ascending; equal scores are ordered by member bytes."""
        return sorted((score, member) for member, score in self.items())
