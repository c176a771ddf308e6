"""Pairs of (score, member) kept in order while they come and go.

A list of short sorted lists: adding, removing and taking from either end stay cheap at any size.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from itertools import chain, islice

__all__ = ["Pair", "Ranking"]

Pair = tuple[float, bytes]

# Chunks hold up to twice this; measured best between 256 and 1024 for sets of 1e3 to 1e6 members.
_CHUNK = 512


class Ranking:
    """A sorted multiset of (score, member) pairs.

    Args:
        pairs: in any order.
    """

    __slots__ = ("_chunks", "_lasts", "_length")

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._fill(pairs)

    def _fill(self, pairs: Iterable[Pair]) -> None:
        ordered = sorted(pairs)
        self._chunks = [ordered[at : at + _CHUNK] for at in range(0, len(ordered), _CHUNK)]
        self._lasts = [chunk[-1] for chunk in self._chunks]
        self._length = len(ordered)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Pair]:
        return chain.from_iterable(self._chunks)

    def add(self, pair: Pair) -> None:
        """Put a pair in its place."""
        self._length += 1
        at = bisect_right(self._lasts, pair)
        if at == len(self._chunks):
            if not at:
                self._chunks.append([pair])
                self._lasts.append(pair)
                return
            at -= 1
            self._chunks[at].append(pair)
        else:
            insort(self._chunks[at], pair)
        self._settle(at)

    def _settle(self, at: int) -> None:
        """Split a chunk that grew too long, drop an empty one, and note its last pair."""
        chunk = self._chunks[at]
        if not chunk:
            del self._chunks[at], self._lasts[at]
            return
        if len(chunk) > 2 * _CHUNK:
            self._chunks.insert(at + 1, chunk[_CHUNK:])
            self._lasts.insert(at + 1, chunk[-1])
            del chunk[_CHUNK:]
        self._lasts[at] = chunk[-1]

    def remove(self, pair: Pair) -> None:
        """Take out a pair that is there."""
        at = bisect_left(self._lasts, pair)
        chunk = self._chunks[at]
        del chunk[bisect_left(chunk, pair)]
        self._length -= 1
        self._settle(at)

    def first_at_least(self, bound: tuple[float] | Pair) -> int:
        """Return the rank of the first pair not below a bound; `(score,)` is below all of its score."""
        at = bisect_left(self._lasts, bound)
        if at == len(self._chunks):
            return self._length
        return sum(map(len, self._chunks[:at])) + bisect_left(self._chunks[at], bound)

    def first_above(self, pair: Pair) -> int:
        """Return the rank of the first pair above another."""
        at = bisect_right(self._lasts, pair)
        if at == len(self._chunks):
            return self._length
        return sum(map(len, self._chunks[:at])) + bisect_right(self._chunks[at], pair)

    def between(self, start: int, stop: int) -> list[Pair]:
        """Return the pairs of ranks `start` up to `stop`, not including it."""
        at = 0
        while at < len(self._chunks) and start >= len(self._chunks[at]):
            start -= len(self._chunks[at])
            stop -= len(self._chunks[at])
            at += 1
        return list(islice(chain.from_iterable(self._chunks[at:]), start, max(stop, 0)))

    def cut(self, start: int, stop: int) -> list[Pair]:
        """Take out and return the pairs of ranks `start` up to `stop`."""
        gone = self.between(start, stop)
        if 0 < len(gone) < _CHUNK:
            for pair in gone:
                self.remove(pair)
        elif gone:
            self._fill(chain(self.between(0, start), self.between(stop, self._length)))
        return gone
