"""Find a key that stands twice in an RDB part, at the speed of a walk, for who reads it for something else.

Compares keys as they are stored, header included: a server stores one key always the same way. A deep check
compares them decoded (`aoftool.rdb.verify.across_records`), and says of each what it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aoftool.files import Source
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.records.reader import RecordReader
from aoftool.rdb.records.record import Record
from aoftool.rdb.verify.across_records import KEY_LIMIT, KeyCheck
from aoftool.rdb.walk.walker import Row

__all__ = ["first_key_twice"]

# Longer keys are rare, and hashed one by one.
_LONGEST = 128
_MASK = (1 << 64) - 1
_KEY_AT, _VALUE_AT, _DB = (Row._fields.index(name) for name in ("key_at", "value_at", "db"))


def first_key_twice(source: Source, start: int = 0) -> int | None:
    """Return the offset of the first record whose key stands before it in the same database; None for none.

    Takes eight bytes of memory a key, up to `KEY_LIMIT` keys, and a second pass only where some may be twice.

    Args:
        source: can be read at an offset; the part begins at `start`.
    """
    digests = _digests(source, start)
    order = np.sort(digests)
    if not (order[1:] == order[:-1]).any():
        return None
    exact = KeyCheck()
    for record in _readable(source, start):
        exact.add(record.db, record.key)
    if not exact.suspects():
        return None
    issues = exact.confirm_all(_readable(source, start))
    return min((issue.offset for issue in issues), default=None)


def _readable(source: Source, start: int) -> Iterator[Record]:
    """Yield the records whose keys can be read."""
    with source.reopen() as again:
        for record in RecordReader(again, start):
            try:
                _ = record.key  # read only now, and raises where it is damaged
            except EncodingDamage:
                continue
            yield record


def _digests(source: Source, start: int) -> NDArray[np.uint64]:
    found: list[NDArray[np.uint64]] = []
    keys = 0
    for digests in _Spans(source, start).digests():
        found.append(digests)
        keys += len(digests)
        if keys >= KEY_LIMIT:
            break
    return np.concatenate(found) if found else np.empty(0, np.uint64)


def _rows(walker: Any) -> NDArray[np.int64]:
    """Return the rows of a window; the kernel packs them as the same columns."""
    if hasattr(walker, "take_packed_rows"):
        packed: NDArray[np.int64] = np.frombuffer(walker.take_packed_rows(), np.int64)
        return packed.reshape(-1, len(Row._fields))
    return np.array(walker.take_rows(), np.int64).reshape(-1, len(Row._fields))


class _Spans(RecordReader):
    """Give what stands between the records and their values, window by window."""

    def digests(self) -> Iterator[NDArray[np.uint64]]:
        walker: Any = self._pass.walker
        if walker is None:
            return
        hashing = _Hashing()
        for piece, offset in self._pass.windows():
            self._hold(piece, offset)
            rows = _rows(walker)
            if len(rows):
                # Records that were not held begin before; their keys are read again.
                yield hashing.of(rows, self._held(), self._base, self._cut)
            self._let_go(walker.needed_from, offset + len(piece))

    def _cut(self, start: int, end: int) -> bytes:
        assert self._context is not None
        assert self._context.source is not None
        return bytes(self._context.source.read_at(start, end - start))


class _Hashing:
    """A hash of 64 bits by a table of random numbers, so that nobody can prepare collisions."""

    def __init__(self) -> None:
        draw = np.frombuffer(os.urandom((_LONGEST + 2) * 8), np.uint64) | np.uint64(1)
        self._factors, self._db, self._length = draw[:_LONGEST], draw[_LONGEST], draw[_LONGEST + 1]

    def of(
        self, rows: NDArray[np.int64], held: bytes, base: int, cut: Callable[[int, int], bytes]
    ) -> NDArray[np.uint64]:
        """Return a digest of database and stored key for each row."""
        starts, ends = rows[:, _KEY_AT], rows[:, _VALUE_AT]
        sizes = ends - starts
        found = np.zeros(len(rows), np.uint64)
        data = np.frombuffer(held, np.uint8)
        near = (starts >= base) & (ends - base <= len(data)) & (sizes <= _LONGEST)
        for size in np.unique(sizes[near]).tolist():
            here = np.flatnonzero(near & (sizes == size))
            at = (starts[here] - base)[:, None] + np.arange(size)
            found[here] = (data[at].astype(np.uint64) + np.uint64(1)) @ self._factors[:size]
        for index in np.flatnonzero(~near).tolist():
            start, end = int(starts[index]), int(ends[index])
            whole = base <= start and end - base <= len(data)
            key = held[start - base : end - base] if whole else cut(start, end)
            found[index] = hash(key) & _MASK
        mixed: NDArray[np.uint64] = found + rows[:, _DB].astype(np.uint64) * self._db
        # A sum of odd multiples tells little in its low bits.
        spread: NDArray[np.uint64] = (mixed ^ (mixed >> np.uint64(29))) * self._length
        return spread
