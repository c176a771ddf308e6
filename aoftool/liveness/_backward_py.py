"""Decide which rows are dead: the backward pass, in Python. The specification of the compiled twin.

Walks the trace from its end and keeps K, the keys that are certainly replaced later: per physical
database either a set, or (after a flush) all keys but some. A row is dead if all it writes is in K.
A live row first adds what it replaces to K and then takes every other key it touches out of it,
those it only reads too. Memory: a few bytes per key of the table.

Source: rules measured by loading pruned and unpruned logs on Redis 6.2.5, 7.0.15, 8.0.6 and Valkey
8.1.1, 9.1.2.
"""

from __future__ import annotations

from aoftool.columns import Column, column_of
from aoftool.liveness.model import (
    DROPPED,
    EFFECT_MASK,
    LAST,
    Chunk,
    Fate,
    KeyTable,
    Op,
    RefEffect,
    Trace,
)

__all__ = ["Covered", "mark_dead"]

_CAUSES = {
    RefEffect.REPLACES: Fate.OVERWRITTEN,
    RefEffect.SETS: Fate.OVERWRITTEN,
    RefEffect.DELETES: Fate.DELETED,
}
_ONE_CAUSES = {
    Op.ONE_REPLACES: Fate.OVERWRITTEN,
    Op.ONE_SETS: Fate.OVERWRITTEN,
    Op.ONE_DELETES: Fate.DELETED,
}


class Covered:
    """K: the keys whose present state is certainly replaced later, each with the cause.

    A database that was flushed holds all its keys but the exceptions.
    """

    def __init__(self, keys: KeyTable) -> None:
        self._databases = keys.home_column().tolist()
        self._flushed: dict[int, bool] = {}
        self._own: dict[int, dict[int, int]] = {}
        self._out: dict[int, set[int]] = {}

    def cause(self, key: int) -> int:
        """Return why a key is in K, or 0 when it is not."""
        db = self._databases[key]
        own = self._own.get(db)
        if own is not None and key in own:
            return own[key]
        if self._flushed.get(db) and key not in self._out.get(db, ()):
            return Fate.FLUSHED
        return 0

    def causes(self) -> Column:
        """Return the cause of every key."""
        return column_of("B", map(self.cause, range(len(self._databases))))

    def add(self, key: int, cause: int) -> None:
        """Put a key into K."""
        db = self._databases[key]
        self._own.setdefault(db, {})[key] = cause
        self._out.get(db, set()).discard(key)

    def remove(self, key: int) -> None:
        """Take a key out of K."""
        db = self._databases[key]
        self._own.get(db, {}).pop(key, None)
        if self._flushed.get(db):
            self._out.setdefault(db, set()).add(key)

    def holds_all(self, db: int) -> bool:
        """Tell whether every key of a physical database is in K."""
        return self._flushed.get(db, False) and not self._out.get(db)

    def covers_unnamed(self, db: int) -> bool:
        """Tell whether K holds the keys of a database that no command names."""
        return self._flushed.get(db, False)

    def set_all(self, db: int, flushed: bool) -> None:
        """Fill K with a whole physical database, or empty it."""
        self._flushed[db] = flushed
        self._own.pop(db, None)
        self._out.pop(db, None)


class _Walk:
    def __init__(self, trace: Trace) -> None:
        self.covered = Covered(trace.keys)
        self.databases = range(trace.databases)
        self.home = trace.keys.home_column().tolist()
        self.evalsha_follows = False

    def chunk(self, chunk: Chunk) -> None:
        columns = chunk.columns
        ops, keys = columns.ops.tolist(), columns.keys.tolist()
        for row in range(len(chunk) - 1, -1, -1):
            op = ops[row]
            if op <= Op.UNFINISHED:
                continue
            if op <= Op.ONE_SETS:
                fate = self.one(Op(op), keys[row])
            elif op == Op.MANY_TRIM:
                fate = self.trim(chunk, keys[row])
            elif op <= Op.SORT:
                fate = self.many(chunk, row, op == Op.SORT)
            else:
                fate = self.special(op, keys[row])
            columns.fates[row] = fate

    def one(self, op: Op, key: int) -> int:
        cause = self.covered.cause(key)
        if cause:
            return cause
        if op is not Op.ONE_CHANGES:
            self.covered.add(key, _ONE_CAUSES[op])
        return Fate.LIVE

    def many(self, chunk: Chunk, row: int, reads_database: bool) -> int:
        refs = [(key, effect & EFFECT_MASK) for key, effect in chunk.refs(row)]
        causes = [self.covered.cause(key) for key, effect in refs if effect != RefEffect.READS]
        if all(causes):
            return causes[0]
        for key, effect in refs:
            if effect in _CAUSES:
                self.covered.add(key, _CAUSES[RefEffect(effect)])
        for key, effect in refs:
            if effect not in _CAUSES:
                self.covered.remove(key)
        if reads_database:
            self.covered.set_all(self.home[refs[0][0]], False)
        return Fate.LIVE

    def trim(self, chunk: Chunk, first: int) -> int:
        """Of equal keys the last one counts, so refs are walked from the end."""
        keys, effects = chunk.columns.ref_keys, chunk.columns.ref_effects
        last = first
        while not effects[last] & LAST:
            last += 1
        dropped = []
        for at in range(last, first - 1, -1):
            key = keys[at]
            if self.covered.cause(key):
                dropped.append(at)
            else:
                self.covered.add(key, _CAUSES[RefEffect(effects[at] & EFFECT_MASK)])
        if len(dropped) == last - first + 1:
            return self.covered.cause(keys[first])
        for at in dropped:
            effects[at] |= DROPPED
        return Fate.TRIMMED if dropped else Fate.LIVE

    def special(self, op: int, db: int) -> int:
        if op == Op.FLUSH_DB:
            return self.flush([db])
        if op == Op.FLUSH_ALL:
            return self.flush(list(self.databases))
        if op == Op.SCRIPTS:
            return Fate.LIVE if self.evalsha_follows else Fate.NO_EFFECT
        if op in (Op.OPAQUE, Op.EVALSHA):
            self.evalsha_follows = self.evalsha_follows or op == Op.EVALSHA
            for number in self.databases:
                self.covered.set_all(number, False)
        return Fate.LIVE

    def flush(self, databases: list[int]) -> int:
        if all(self.covered.holds_all(db) for db in databases):
            return Fate.FLUSHED
        for db in databases:
            self.covered.set_all(db, True)
        return Fate.LIVE


def mark_dead(trace: Trace) -> Covered:
    """Write the fate of every row into the trace and return K at the start of the log.

    A base record is dead if its key is in that K.
    """
    walk = _Walk(trace)
    for chunk in reversed(trace.chunks):
        walk.chunk(chunk)
    return walk.covered
