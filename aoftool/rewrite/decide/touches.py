"""Which live rows touch which keys: order of output, keys that need no replay, keys to load.

Works on whole columns; a touch is one key of one live row before the first opaque command.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aoftool.kernels import kernel
from aoftool.liveness.model import Chunk, Fate, Op, Trace
from aoftool.rewrite.decide._touches_py import ChunkTouches, chunk_touches, row_refs

__all__ = [
    "ChunkTouches",
    "Touches",
    "chunk_touches",
    "count_rows",
    "count_touches",
    "first_rows",
    "needed_rows",
    "row_refs",
    "understood_rows",
]

if TYPE_CHECKING:
    from aoftool.rewrite.decide._touches_py import count_rows, count_touches, first_rows, needed_rows
else:
    _chosen = kernel("aoftool.rewrite.decide._touches_cy")
    count_rows, count_touches = _chosen.count_rows, _chosen.count_touches
    first_rows, needed_rows = _chosen.first_rows, _chosen.needed_rows


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
        counts = np.zeros(size, np.uint8)
        self.written = np.zeros(size, np.uint8)
        sets = np.zeros(size, np.uint8)
        sorted_databases = [np.zeros(0, np.uint32)]
        flushed: set[int] = set()
        for _, chunk, stop in understood_rows(trace):
            flushed |= _flushed_databases(trace, chunk, stop)
            count_touches(chunk, stop, counts, self.written, sets)
            sorted_databases.append(_sorted_databases(trace, chunk, stop))
        self.touched = np.minimum(counts, 1)
        self.copied = ((counts == 1) & (sets == 1)).astype(np.uint8)
        self.flushed = frozenset(flushed)
        self.pattern_databases = frozenset(np.concatenate(sorted_databases).tolist())
        if self.pattern_databases:
            # SORT with a pattern reads any key of its database.
            self.copied[np.isin(trace.keys.databases(), list(self.pattern_databases))] = 0


def _flushed_databases(trace: Trace, chunk: Chunk, stop: int) -> set[int]:
    ops, alive = chunk.ops[:stop], chunk.fates[:stop] <= Fate.TRIMMED
    if (alive & (ops == Op.FLUSH_ALL)).any():
        return set(range(trace.databases))
    return set(chunk.keys[:stop][alive & (ops == Op.FLUSH_DB)].tolist())


def _sorted_databases(trace: Trace, chunk: Chunk, stop: int) -> NDArray[np.uint32]:
    rows = np.flatnonzero(chunk.ops[:stop] == Op.SORT)
    rows = rows[chunk.fates[rows] <= Fate.TRIMMED]
    if not len(rows):
        return np.zeros(0, np.uint32)
    return np.unique(trace.keys.databases()[chunk.ref_keys[chunk.keys[rows]]])
