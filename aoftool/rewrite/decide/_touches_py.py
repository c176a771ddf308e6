"""Which keys the rows of one chunk touch; the specification of `_touches_cy.pyx`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aoftool.dataclass import dataclass
from aoftool.liveness.model import DROPPED, EFFECT_MASK, LAST, Chunk, Fate, Op, RefEffect

__all__ = [
    "ChunkTouches",
    "chunk_touches",
    "count_rows",
    "count_touches",
    "first_rows",
    "needed_rows",
    "row_refs",
]


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


def count_touches(
    chunk: Chunk,
    stop: int,
    counts: NDArray[np.uint8],
    written: NDArray[np.uint8],
    sets: NDArray[np.uint8],
) -> None:
    """Add the touches of live rows before `stop` to columns with one byte a key.

    Args:
        counts: touches so far, 2 for more than one.
        written: set to 1 where a row may write the key.
        sets: set to 1 where a row is a plain SET of the key.
    """
    touches = chunk_touches(chunk, stop)
    here = np.minimum(np.bincount(touches.keys, minlength=len(counts)), 2).astype(np.uint8)
    np.minimum(counts + here, 2, out=counts)
    written[touches.keys[touches.effects != RefEffect.READS]] = 1
    sets[touches.keys[touches.effects == RefEffect.SETS]] = 1


def first_rows(
    chunk: Chunk, stop: int, seen: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return (rows, keys) of the live rows before `stop` that are the first to write a key, in order.

    Args:
        seen: one byte a key, 1 where an earlier row wrote it; brought up to date.
    """
    touches = chunk_touches(chunk, stop)
    writes = touches.effects != RefEffect.READS
    rows, keys = touches.rows[writes], touches.keys[writes]
    order = np.arange(len(keys))
    first = np.zeros(len(seen), np.int64)
    # Assigned from the end, so that of equal keys the first one stays.
    first[keys[::-1]] = order[::-1]
    fresh = (first[keys] == order) & (seen[keys] == 0)
    seen[keys] = 1
    return rows[fresh], keys[fresh]


def needed_rows(
    chunk: Chunk,
    stop: int,
    copied: NDArray[np.uint8],
    of_key: NDArray[np.uint16] | None,
    number: int,
) -> NDArray[np.bool_]:
    """Tell which live rows before `stop` touch a key that is not copied and belongs to a share.

    Args:
        of_key: share of each key; None when all belong to this one.
        number: of the share.
    """
    found = chunk_touches(chunk, stop)
    wanted = copied[found.keys] == 0
    if of_key is not None:
        wanted &= of_key[found.keys] == number
    needed = np.zeros(stop, bool)
    needed[found.rows[wanted]] = True
    return needed


def count_rows(
    chunk: Chunk,
    fates: int,
    rows: NDArray[np.int64],
    sizes: NDArray[np.int64],
    ops: NDArray[np.int64],
    live: NDArray[np.int64],
) -> None:
    """Add the rows of a chunk to counts.

    Args:
        fates: number of fates; the cell of a row is its name times this plus its fate.
        rows, sizes: rows and their bytes by cell.
        ops, live: rows and live rows by op.
    """
    cells = chunk.names.astype(np.int64) * fates + chunk.fates
    rows += np.bincount(cells, minlength=len(rows))
    # Sums of floats are exact below 2^53 bytes.
    sizes += np.bincount(cells, weights=np.diff(chunk.offsets), minlength=len(sizes)).astype(np.int64)
    ops += np.bincount(chunk.ops, minlength=len(ops))
    live += np.bincount(chunk.ops[chunk.fates <= Fate.TRIMMED], minlength=len(live))
