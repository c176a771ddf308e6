"""A sorted set value."""

from __future__ import annotations

from aoftool.values.ranking import Pair, Ranking

__all__ = ["ZSetValue"]


class ZSetValue(dict[bytes, float]):
    """Members to scores. Order is by (score, member bytes); `ranked` gives it.

    Once `ranking` has been asked for, changes must go through `put` and `drop`, which keep it true.

    Attributes:
        is_skiplist: the server has it in its large encoding. Only replay needs to know: there a
            score of -0 stays what it is.
    """

    __slots__ = ("_ranking", "is_skiplist")

    def __init__(self, *args: object, **kwargs: float) -> None:
        super().__init__(*args, **kwargs)
        self.is_skiplist = False
        self._ranking: Ranking | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return (_restored, (dict(self), self.is_skiplist))

    def copy(self) -> ZSetValue:
        """Return a copy of its own, in the same encoding."""
        return _restored(self, self.is_skiplist)

    def ranked(self) -> list[Pair]:
        """Return (score, member) pairs, ascending; equal scores are ordered by member bytes."""
        return sorted((score, member) for member, score in self.items())

    def ranking(self) -> Ranking:
        """Return the same order, kept for the next time."""
        if self._ranking is None:
            self._ranking = Ranking((score, member) for member, score in self.items())
        return self._ranking

    def put(self, member: bytes, score: float) -> None:
        """Add a member or give it another score."""
        if self._ranking is not None:
            old = self.get(member)
            if old is not None:
                self._ranking.remove((old, member))
            self._ranking.add((score, member))
        self[member] = score

    def drop(self, member: bytes) -> bool:
        """Remove a member; tell whether it was there."""
        score = self.pop(member, None)
        if score is None:
            return False
        if self._ranking is not None:
            self._ranking.remove((score, member))
        return True

    def cut(self, start: int, stop: int) -> int:
        """Remove the members of ranks `start` up to `stop`; return how many that were."""
        gone = self.ranking().cut(start, stop)
        for _, member in gone:
            del self[member]
        return len(gone)


def _restored(scores: dict[bytes, float], is_skiplist: bool) -> ZSetValue:
    value = ZSetValue(scores)
    value.is_skiplist = is_skiplist
    return value
