"""Drop what is left to do nothing: deletions and flushes that nothing live precedes.

The last pass goes forward over the rows the backward pass left alive. Knows of the base only which
keys of it live on.
"""

from __future__ import annotations

from typing import Protocol

from aoftool.liveness.model import DROPPED, EFFECT_MASK, Chunk, Fate, Op, RefEffect, Trace

__all__ = ["BaseKeys", "NoBase", "UnknownBase", "drop_needless"]


class BaseKeys(Protocol):
    """Which keys hold something before the first row."""

    def has_key(self, number: int) -> bool:
        """Tell whether a key of the table may have a live base record."""

    def has_database(self, db: int) -> bool:
        """Tell whether a physical database may hold any live base record."""


class NoBase:
    """The log starts from nothing."""

    def has_key(self, number: int) -> bool:
        """Tell that no key is there."""
        return False

    def has_database(self, db: int) -> bool:
        """Tell that no database holds anything."""
        return False


class UnknownBase:
    """There is a base that was not read: anything may be in it."""

    def has_key(self, number: int) -> bool:
        """Tell that the key may be there."""
        return True

    def has_database(self, db: int) -> bool:
        """Tell that the database may hold something."""
        return True


class _Filled:
    """What may exist at a place of the log."""

    def __init__(self, trace: Trace, base: BaseKeys) -> None:
        self._base = base
        self._home = trace.keys.databases().tolist()
        self._written = bytearray(len(trace.keys))
        self._databases: set[int] = set()

    def write(self, key: int) -> None:
        self._written[key] = 1
        self._databases.add(self._home[key])

    def has_key(self, key: int) -> bool:
        return bool(self._written[key]) or self._base.has_key(key)

    def has_database(self, db: int) -> bool:
        return db in self._databases or self._base.has_database(db)


def drop_needless(trace: Trace, base: BaseKeys) -> None:
    """Mark live deletions and flushes that find nothing; ends at the first opaque command."""
    filled = _Filled(trace, base)
    for number, chunk in enumerate(trace.chunks):
        stop = len(chunk)
        last = trace.first_opaque is not None and trace.first_opaque.chunk == number
        if last and trace.first_opaque is not None:
            stop = trace.first_opaque.row
        _chunk(chunk, stop, filled, range(trace.databases))
        if last:
            return


def _chunk(chunk: Chunk, stop: int, filled: _Filled, databases: range) -> None:
    ops, keys, fates = chunk.ops.tolist(), chunk.keys.tolist(), chunk.fates.tolist()
    for row in range(stop):
        if fates[row] > Fate.TRIMMED:
            continue
        op, key = ops[row], keys[row]
        needless = False
        if op == Op.ONE_DELETES:
            needless = not filled.has_key(key)
        elif op <= Op.ONE_SETS:
            filled.write(key)
        elif op == Op.FLUSH_DB:
            needless = not filled.has_database(key)
        elif op == Op.FLUSH_ALL:
            needless = not any(map(filled.has_database, databases))
        elif op <= Op.SORT:
            needless = _many(chunk, row, filled)
        if needless:
            chunk.fates[row] = Fate.NEEDLESS


def _many(chunk: Chunk, row: int, filled: _Filled) -> bool:
    """Note the writes of a row with several keys; a deletion may lose names or be needless."""
    at = int(chunk.keys[row])
    kept = trimmed = 0
    for key, effect in list(chunk.refs(row)):
        code = effect & EFFECT_MASK
        if code == RefEffect.DELETES and not effect & DROPPED:
            if filled.has_key(key):
                kept += 1
            else:
                chunk.ref_effects[at] |= DROPPED
                trimmed += 1
        elif code != RefEffect.READS and not effect & DROPPED:
            filled.write(key)
            kept += 1
        at += 1
    if trimmed and kept:
        chunk.fates[row] = Fate.TRIMMED
    return trimmed > 0 and kept == 0
