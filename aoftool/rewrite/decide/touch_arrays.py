"""Which keys the rows of one chunk touch, as arrays of numpy, for who reckons with whole columns of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aoftool.dataclass import dataclass
from aoftool.liveness.model import DROPPED, EFFECT_MASK, LAST, Chunk, Fate, Op, RefEffect

__all__ = ["ChunkTouches", "chunk_touches", "row_refs"]


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
    refs, counts = row_refs(chunk, many)
    rows = np.repeat(many, counts)
    if not dead:
        kept = (chunk.ref_effects[refs] & DROPPED) == 0
        refs, rows = refs[kept], rows[kept]
    all_rows = np.concatenate((one, rows))
    order = np.argsort(all_rows, kind="stable")
    keys = np.concatenate((chunk.keys[one], chunk.ref_keys[refs]))
    effects = np.concatenate((one_effects, chunk.ref_effects[refs] & EFFECT_MASK))
    return ChunkTouches(all_rows[order], keys[order], effects[order])


def row_refs(chunk: Chunk, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the refs of MANY rows, row after row, and how many each of them has."""
    first = chunk.keys[rows].astype(np.int64)
    lasts = np.flatnonzero(chunk.ref_effects & LAST)
    counts = lasts[np.searchsorted(lasts, first)] - first + 1
    refs = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return refs, counts


def _one_effects() -> NDArray[np.uint8]:
    effects = np.zeros(len(Op), np.uint8)
    effects[Op.ONE_CHANGES] = RefEffect.CHANGES
    effects[Op.ONE_REPLACES] = RefEffect.REPLACES
    effects[Op.ONE_DELETES] = RefEffect.DELETES
    effects[Op.ONE_SETS] = RefEffect.SETS
    return effects


_ONE_EFFECTS = _one_effects()
