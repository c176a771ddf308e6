"""Which live rows touch which keys: order of output, keys that need no replay, keys to load.

Works on whole columns; a touch is one key of one live row before the first opaque command.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aoftool.columns import array_of, places_of
from aoftool.kernels import kernel
from aoftool.liveness.model import Chunk, Fate, Op, Trace

__all__ = [
    "Touches",
    "count_rows",
    "count_touches",
    "first_rows",
    "needed_rows",
    "understood_rows",
]

if TYPE_CHECKING:
    from aoftool.rewrite.decide._touches_py import count_rows, count_touches, first_rows, needed_rows
else:
    _chosen = kernel("aoftool.rewrite.decide._touches_cy")
    count_rows, count_touches = _chosen.count_rows, _chosen.count_touches
    first_rows, needed_rows = _chosen.first_rows, _chosen.needed_rows

# One touch, and more than one, are one byte of what is touched.
_TOUCHED = bytes(min(count, 1) for count in range(256))


def understood_rows(trace: Trace) -> Iterator[tuple[int, Chunk, int]]:
    """Yield (chunk number, chunk, rows of it) up to the first opaque command."""
    for number, chunk in enumerate(trace.chunks):
        stop = len(chunk)
        if trace.first_opaque is not None and trace.first_opaque.chunk <= number:
            if trace.first_opaque.chunk == number and trace.first_opaque.row:
                yield number, chunk, trace.first_opaque.row
            return
        yield number, chunk, stop


class Touches:
    """What all live rows together do to each key.

    Attributes:
        touched: one byte a key, 1 when a live row touches it.
        written: one byte a key, 1 when a live row may write it.
        copied: one byte a key, 1 when its only touch is a plain SET: the value stands in the log.
        pattern_databases: physical databases all of whose keys a live SORT may read.
        flushed: physical databases that a live row empties: what was there before was only read.
    """

    def __init__(self, trace: Trace) -> None:
        size = len(trace.keys)
        counts = bytearray(size)
        self.written = bytearray(size)
        self.copied = bytearray(size)
        patterns: set[int] = set()
        flushed: set[int] = set()
        for _, chunk, stop in understood_rows(trace):
            flushed |= _flushed_databases(trace, chunk, stop)
            count_touches(chunk, stop, counts, self.written, self.copied)
            patterns |= _sorted_databases(trace, chunk, stop)
        self.touched = counts.translate(_TOUCHED)
        self.flushed = frozenset(flushed)
        self.pattern_databases = frozenset(patterns)
        if self.pattern_databases:
            # SORT with a pattern reads any key of its database.
            import numpy as np

            read = np.isin(trace.keys.databases(), list(self.pattern_databases))
            array_of(self.copied)[read] = 0


def _flushed_databases(trace: Trace, chunk: Chunk, stop: int) -> set[int]:
    if next(_living_rows(chunk, Op.FLUSH_ALL, stop), None) is not None:
        return set(range(trace.databases))
    return {chunk.columns.keys[row] for row in _living_rows(chunk, Op.FLUSH_DB, stop)}


def _sorted_databases(trace: Trace, chunk: Chunk, stop: int) -> set[int]:
    columns = chunk.columns
    keys = [columns.ref_keys[columns.keys[row]] for row in _living_rows(chunk, Op.SORT, stop)]
    homes = trace.keys.home_column() if keys else None
    return {homes[key] for key in keys} if homes is not None else set()


def _living_rows(chunk: Chunk, op: Op, stop: int) -> Iterator[int]:
    """Yield the live rows of a kind that is rare."""
    fates = chunk.columns.fates
    return (row for row in places_of(chunk.columns.ops, op, stop) if fates[row] <= Fate.TRIMMED)
