"""Which keys the rows of one chunk touch; the specification of `_touches_cy.pyx`."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from aoftool.columns import Column
from aoftool.liveness.model import DROPPED, EFFECT_MASK, LAST, Chunk, Fate, Op, RefEffect

__all__ = ["count_rows", "count_touches", "first_rows", "needed_rows"]

_ONE_EFFECTS = {
    Op.ONE_CHANGES: RefEffect.CHANGES,
    Op.ONE_REPLACES: RefEffect.REPLACES,
    Op.ONE_DELETES: RefEffect.DELETES,
    Op.ONE_SETS: RefEffect.SETS,
}


def _touched(chunk: Chunk, stop: int) -> Iterator[tuple[int, int, int]]:
    """Yield (row, key, effect) of what live rows before `stop` touch, cut-out keys left out."""
    fates = chunk.columns.fates
    for row in range(stop):
        if fates[row] <= Fate.TRIMMED:
            for key, effect in _touched_by(chunk, row):
                yield row, key, effect


def _touched_by(chunk: Chunk, row: int) -> Iterator[tuple[int, int]]:
    op = chunk.columns.ops[row]
    if Op.ONE_CHANGES <= op <= Op.ONE_SETS:
        yield chunk.columns.keys[row], _ONE_EFFECTS[Op(op)]
    elif Op.MANY <= op <= Op.SORT:
        for key, flags in chunk.refs(row):
            if not flags & DROPPED:
                yield key, flags & EFFECT_MASK


def count_touches(chunk: Chunk, stop: int, counts: bytearray, written: bytearray, copied: bytearray) -> None:
    """Add the touches of live rows before `stop` to columns with one byte a key.

    Args:
        counts: touches so far, 2 for more than one.
        written: set to 1 where a row may write the key.
        copied: 1 where the only touch so far is a plain SET of the key.
    """
    for _, key, effect in _touched(chunk, stop):
        copied[key] = counts[key] == 0 and effect == RefEffect.SETS
        counts[key] = min(counts[key] + 1, 2)
        written[key] |= effect != RefEffect.READS


def first_rows(chunk: Chunk, stop: int, seen: bytearray) -> tuple[Column, Column]:
    """Return (rows, keys) of the live rows before `stop` that are the first to write a key, in order.

    Args:
        seen: one byte a key, 1 where an earlier row wrote it; brought up to date.
    """
    rows, keys = array("q"), array("I")
    for row, key, effect in _touched(chunk, stop):
        if effect != RefEffect.READS and not seen[key]:
            seen[key] = 1
            rows.append(row)
            keys.append(key)
    return memoryview(rows), memoryview(keys)


def needed_rows(
    chunk: Chunk,
    stop: int,
    copied: Sequence[int],
    of_key: Sequence[int] | None,
    number: int,
    special: bool,
) -> Column:
    """Return the live rows before `stop` that touch a key of a share that is not copied, in order.

    Args:
        of_key: share of each key; None when all belong to this one.
        number: of the share.
        special: the rows too that empty databases, and with share 0 those of functions.
    """
    columns, found = chunk.columns, array("q")
    others = {Op.FLUSH_DB, Op.FLUSH_ALL} if special else set[Op]()
    if special and number == 0:
        others.add(Op.FUNCTIONS)
    for row in range(stop):
        if columns.fates[row] > Fate.TRIMMED:
            continue
        if columns.ops[row] in others or any(
            not copied[key] and (of_key is None or of_key[key] == number)
            for key, _ in _touched_by(chunk, row)
        ):
            found.append(row)
    return memoryview(found)


def count_rows(chunk: Chunk, fates: int, rows: Column, sizes: Column, ops: Column, cut: Column) -> None:
    """Add the rows of a chunk to counts, 64 bits each.

    Args:
        fates: number of fates; the cell of a row is its name times this plus its fate.
        rows, sizes: rows and their bytes by cell.
        ops: rows by op.
        cut: bytes by name that trimmed rows lose.
    """
    columns = chunk.columns
    for row, (name, fate, op) in enumerate(zip(columns.names, columns.fates, columns.ops, strict=True)):
        cell = name * fates + fate
        rows[cell] += 1
        sizes[cell] += columns.offsets[row + 1] - columns.offsets[row]
        ops[op] += 1
        if fate == Fate.TRIMMED:
            cut[name] += sum(
                columns.ref_sizes[at] for at in _refs(chunk, row) if columns.ref_effects[at] & DROPPED
            )


def _refs(chunk: Chunk, row: int) -> range:
    effects, first = chunk.columns.ref_effects, chunk.columns.keys[row]
    last = first
    while not effects[last] & LAST:
        last += 1
    return range(first, last + 1)
