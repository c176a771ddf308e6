"""Drop what is left to do nothing: deletions and flushes that nothing live precedes.

The last pass goes forward over the rows the backward pass left alive. Knows of the base only which
keys of it live on. In Python; the specification of the twin in `_passes_cy`.
"""

from __future__ import annotations

from aoftool.liveness.model import DROPPED, EFFECT_MASK, Chunk, Fate, Op, RefEffect, Trace

__all__ = ["drop_needless"]


class _Filled:
    """What may exist at a place of the log."""

    def __init__(self, trace: Trace, held: bytearray, databases: bytearray) -> None:
        self._home = trace.keys.home_column().tolist()
        self.held = held
        self.databases = databases

    def write(self, key: int) -> None:
        self.held[key] = 1
        self.databases[self._home[key]] = 1


def drop_needless(trace: Trace, held: bytearray, databases: bytearray) -> None:
    """Mark live deletions and flushes that find nothing; ends at the first opaque command.

    Args:
        held: one byte a key, 1 for keys with a live base record; changed.
        databases: one byte a physical database, 1 for those with one; changed.
    """
    filled = _Filled(trace, held, databases)
    for number, chunk in enumerate(trace.chunks):
        stop = len(chunk)
        last = trace.first_opaque is not None and trace.first_opaque.chunk == number
        if last and trace.first_opaque is not None:
            stop = trace.first_opaque.row
        _chunk(chunk, stop, filled)
        if last:
            return


def _chunk(chunk: Chunk, stop: int, filled: _Filled) -> None:
    columns = chunk.columns
    ops, keys, fates = columns.ops.tolist(), columns.keys.tolist(), columns.fates.tolist()
    for row in range(stop):
        if fates[row] > Fate.TRIMMED:
            continue
        op, key = ops[row], keys[row]
        needless = False
        if op == Op.ONE_DELETES:
            needless = not filled.held[key]
        elif op <= Op.ONE_SETS:
            filled.write(key)
        elif op == Op.FLUSH_DB:
            needless = not filled.databases[key]
        elif op == Op.FLUSH_ALL:
            needless = 1 not in filled.databases
        elif op <= Op.SORT:
            needless = _many(chunk, row, filled)
        if needless:
            columns.fates[row] = Fate.NEEDLESS


def _many(chunk: Chunk, row: int, filled: _Filled) -> bool:
    """Note the writes of a row with several keys; a deletion may lose names or be needless."""
    columns = chunk.columns
    at = columns.keys[row]
    kept = trimmed = 0
    for key, effect in list(chunk.refs(row)):
        code = effect & EFFECT_MASK
        if code == RefEffect.DELETES and not effect & DROPPED:
            if filled.held[key]:
                kept += 1
            else:
                columns.ref_effects[at] |= DROPPED
                trimmed += 1
        elif code != RefEffect.READS and not effect & DROPPED:
            filled.write(key)
            kept += 1
        at += 1
    if trimmed and kept:
        columns.fates[row] = Fate.TRIMMED
    return trimmed > 0 and kept == 0
