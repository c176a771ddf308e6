"""Whose the dead bytes of commands are, key by key; the specification of the twin in `_passes_cy`."""

from __future__ import annotations

from aoftool.columns import Column
from aoftool.liveness.model import DEAD_FROM, DROPPED, LAST, Chunk, Fate, KeyTable, Op

__all__ = ["add_dead"]


def add_dead(chunk: Chunk, keys: KeyTable, total: Column) -> None:
    """Add the dead bytes of the rows of a chunk to those of each key, 64 bits wide.

    A dead row with several keys gives each what it takes with its value, where that is known, else each the
    same part, and the first one what is left over; one that loses some keys gives their bytes to those.
    """
    columns = chunk.columns
    for row, (op, fate, key) in enumerate(zip(columns.ops, columns.fates, columns.keys, strict=True)):
        length = columns.offsets[row + 1] - columns.offsets[row]
        if Op.ONE_CHANGES <= op <= Op.ONE_SETS and fate >= DEAD_FROM:
            total[key] += length
        elif Op.MANY <= op <= Op.SORT and fate == Fate.TRIMMED:
            for at in _refs(chunk, key):
                if columns.ref_effects[at] & DROPPED:
                    total[columns.ref_keys[at]] += columns.ref_sizes[at]
        elif Op.MANY <= op <= Op.SORT and fate >= DEAD_FROM:
            refs = _refs(chunk, key)
            for at, part in zip(refs, _parts(chunk, keys, refs, length), strict=True):
                total[columns.ref_keys[at]] += part


def _refs(chunk: Chunk, first: int) -> range:
    effects, last = chunk.columns.ref_effects, first
    while not effects[last] & LAST:
        last += 1
    return range(first, last + 1)


def _parts(chunk: Chunk, keys: KeyTable, refs: range, length: int) -> list[int]:
    """Return what each key of a dead row of so many bytes is given."""
    columns = chunk.columns
    taken = [columns.ref_sizes[at] for at in refs]
    # What stands in front of a key, `$` and its length, is counted for the one before it.
    headers = [
        3 + len(str(len(keys.key(columns.ref_keys[at])))) if size else 0
        for at, size in zip(refs, taken, strict=True)
    ]
    behind = [*headers[1:], 0]
    parts = [size - own + next_ for size, own, next_ in zip(taken, headers, behind, strict=True)]
    if sum(parts) <= 0:
        parts = [length // len(refs)] * len(refs)
    parts[0] += length - sum(parts)
    return parts
