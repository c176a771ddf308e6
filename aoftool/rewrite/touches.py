"""Which live rows touch which keys: order of output, keys that need no replay, keys to load.

Works on whole columns; a touch is one key of one live row before the first opaque command.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aoftool.liveness.model import DROPPED, EFFECT_MASK, LAST, Chunk, Fate, Op, RefEffect, Trace

__all__ = ["ChunkTouches", "Touches", "chunk_touches", "understood_rows"]


def understood_rows(trace: Trace) -> Iterator[tuple[int, Chunk, int]]:
    """Yield (chunk number, chunk, rows of it) up to the first opaque command."""
    for number, chunk in enumerate(trace.chunks):
        stop = len(chunk)
        if trace.first_opaque is not None and trace.first_opaque.chunk <= number:
            if trace.first_opaque.chunk == number and trace.first_opaque.row:
                yield number, chunk, trace.first_opaque.row
            return
        yield number, chunk, stop


@dataclass(slots=True)
class ChunkTouches:
    """Touches of one chunk in order of rows, and inside a row in order of its keys."""

    rows: NDArray[np.int64]
    keys: NDArray[np.uint32]
    effects: NDArray[np.uint8]


def chunk_touches(chunk: Chunk, stop: int, *, dead: bool = False) -> ChunkTouches:
    """Return the keys that live rows before `stop` touch, cut-out ones left out.

    Args:
        dead: give what dead rows touch too, and what was cut out of live ones.
    """
    ops, live = chunk.ops[:stop], chunk.fates[:stop] <= (Fate.NEEDLESS if dead else Fate.TRIMMED)
    one = np.flatnonzero(live & (ops >= Op.ONE_CHANGES) & (ops <= Op.ONE_SETS))
    many = np.flatnonzero(live & (ops >= Op.MANY) & (ops <= Op.SORT))
    one_effects = _ONE_EFFECTS[ops[one]]
    if not len(many):
        return ChunkTouches(one, chunk.keys[one], one_effects)
    first = chunk.keys[many].astype(np.int64)
    lasts = np.flatnonzero(chunk.ref_effects & LAST)
    counts = lasts[np.searchsorted(lasts, first)] - first + 1
    refs = np.repeat(first - np.concatenate(([0], np.cumsum(counts)[:-1])), counts) + np.arange(counts.sum())
    rows = np.repeat(many, counts)
    if not dead:
        kept = (chunk.ref_effects[refs] & DROPPED) == 0
        refs, rows = refs[kept], rows[kept]
    all_rows = np.concatenate((one, rows))
    order = np.argsort(all_rows, kind="stable")
    keys = np.concatenate((chunk.keys[one], chunk.ref_keys[refs]))
    effects = np.concatenate((one_effects, chunk.ref_effects[refs] & EFFECT_MASK))
    return ChunkTouches(all_rows[order], keys[order], effects[order])


def _one_effects() -> NDArray[np.uint8]:
    effects = np.zeros(len(Op), np.uint8)
    effects[Op.ONE_CHANGES] = RefEffect.CHANGES
    effects[Op.ONE_REPLACES] = RefEffect.REPLACES
    effects[Op.ONE_DELETES] = RefEffect.DELETES
    effects[Op.ONE_SETS] = RefEffect.SETS
    return effects


_ONE_EFFECTS = _one_effects()


class Touches:
    """What all live rows together do to each key.

    Attributes:
        touched: one byte a key, 1 when a live row touches it.
        written: one byte a key, 1 when a live row may write it.
        copied: one byte a key, 1 when its only touch is a plain SET: the value stands in the log.
        pattern_databases: physical databases all of whose keys a live SORT may read.
    """

    def __init__(self, trace: Trace) -> None:
        size = len(trace.keys)
        counts = np.zeros(size, np.uint8)
        self.written = np.zeros(size, np.uint8)
        sets = np.zeros(size, np.uint8)
        sorted_databases = [np.zeros(0, np.uint32)]
        for _, chunk, stop in understood_rows(trace):
            touches = chunk_touches(chunk, stop)
            here = np.minimum(np.bincount(touches.keys, minlength=size), 2).astype(np.uint8)
            counts = np.minimum(counts + here, 2)
            self.written[touches.keys[touches.effects != RefEffect.READS]] = 1
            sets[touches.keys[touches.effects == RefEffect.SETS]] = 1
            sorted_databases.append(_sorted_databases(trace, chunk, stop))
        self.touched = np.minimum(counts, 1)
        self.copied = ((counts == 1) & (sets == 1)).astype(np.uint8)
        self.pattern_databases = frozenset(np.concatenate(sorted_databases).tolist())
        if self.pattern_databases:
            # SORT with a pattern reads any key of its database.
            self.copied[np.isin(trace.keys.databases(), list(self.pattern_databases))] = 0


def _sorted_databases(trace: Trace, chunk: Chunk, stop: int) -> NDArray[np.uint32]:
    rows = np.flatnonzero((chunk.ops[:stop] == Op.SORT) & (chunk.fates[:stop] <= Fate.TRIMMED))
    return np.unique(trace.keys.databases()[chunk.ref_keys[chunk.keys[rows]]])
