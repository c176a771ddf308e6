"""Give the result to an output: functions, then keys in the order their present form began.

Base records that no live command writes come first, in file order; then, database by database, every
key at the place of the first live command that writes it. So the output does not depend on hash
tables, and a rewrite of a rewrite gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aoftool.commands.effects import EffectTable
from aoftool.keyspace import Keyspace
from aoftool.liveness.carry import Carrier
from aoftool.liveness.model import DROPPED, Chunk, Op, RefEffect, Trace
from aoftool.rewrite.basekeys import BaseKeys
from aoftool.rewrite.choosing import Chooser
from aoftool.rewrite.model import OutputSize
from aoftool.rewrite.outputs import Output
from aoftool.rewrite.replaying import Partition
from aoftool.rewrite.texts import TextReader
from aoftool.rewrite.touches import Touches, chunk_touches, understood_rows

__all__ = ["Emitter", "first_writes"]


@dataclass(slots=True)
class FirstWrites:
    """Rows of a chunk with the keys that they are the first to write."""

    chunk: Chunk
    rows: NDArray[np.int64]
    keys: NDArray[np.uint32]


def first_writes(trace: Trace) -> list[FirstWrites]:
    """Return, for every key that live rows write, the first of these rows; in order of the log."""
    found = []
    seen = np.zeros(len(trace.keys), bool)
    first = np.zeros(len(trace.keys), np.int64)
    for _, chunk, stop in understood_rows(trace):
        touches = chunk_touches(chunk, stop)
        writes = touches.effects != RefEffect.READS
        rows, keys = touches.rows[writes], touches.keys[writes]
        order = np.arange(len(keys))
        # Assigned from the end, so that of equal keys the first one stays.
        first[keys[::-1]] = order[::-1]
        fresh = (first[keys] == order) & ~seen[keys]
        seen[keys] = True
        found.append(FirstWrites(chunk, rows[fresh], keys[fresh]))
    return found


class Emitter:
    """Write the result of one rewrite, share by share.

    Args:
        output: takes the keys.
        chooser: says which keys are written.
    """

    def __init__(
        self,
        trace: Trace,
        table: EffectTable,
        touches: Touches,
        base: BaseKeys,
        output: Output,
        chooser: Chooser,
        size: OutputSize,
    ) -> None:
        self._trace = trace
        self._table = table
        self._touches = touches
        self._base = base
        self._output = output
        self._chooser = chooser
        self._size = size
        self._carrier = Carrier(trace, table)
        self._home = trace.keys.databases()
        self._selected = -1
        self._hints: dict[int, tuple[int, int]] = {}

    def hint(self, keyspace: Keyspace) -> None:
        """Reckon how many keys each database will hold, when all are written from one keyspace."""
        copied = np.bincount(self._home[self._touches.copied > 0], minlength=self._trace.databases)
        shadowed = self._base.held & self._touches.touched
        loaded = np.bincount(self._home[shadowed > 0], minlength=self._trace.databases)
        for physical in range(self._trace.databases):
            db = self._carrier.number(physical)
            replayed = keyspace.databases[db]
            keys = self._base.databases.get(physical, 0) - int(loaded[physical])
            keys += int(copied[physical]) + len(replayed)
            expires = self._base.expires.get(physical, 0) + len(replayed.expires)
            self._hints[db] = keys, min(expires, keys)

    def functions(self, keyspace: Keyspace) -> None:
        """Write the function libraries."""
        for library in keyspace.libraries.values():
            self._output.writer.function(library.code)

    def base(self) -> None:
        """Write the live base records that no live command writes."""
        written = self._touches.written
        for record, number, cause in self._base.records():
            if cause or (number >= 0 and written[number]):
                continue
            key, expire_at_ms = record.key, record.expire_at_ms
            if self._open(self._carrier.number(record.db)) and self._chooser.takes(key, expire_at_ms):
                self._size.copied_records += int(self._output.record(record))
                self._count(expire_at_ms)

    def keys(
        self, firsts: list[FirstWrites], keyspace: Keyspace, reader: TextReader, part: Partition
    ) -> None:
        """Write the keys of a share: replayed ones from the keyspace, plain SETs from the log."""
        used = np.unique(self._home[self._touches.written > 0]).tolist()
        for db, physical in sorted((self._carrier.number(physical), physical) for physical in used):
            for item in firsts:
                here = self._home[item.keys] == physical
                if part.of_key is not None:
                    here &= part.of_key[item.keys] == part.number
                self._some(item.chunk, item.rows[here], item.keys[here], db, keyspace, reader)

    def _some(
        self,
        chunk: Chunk,
        rows: NDArray[np.int64],
        keys: NDArray[np.uint32],
        db: int,
        keyspace: Keyspace,
        reader: TextReader,
    ) -> None:
        if not len(keys) or self._chooser.number(db) is None:
            return
        database = keyspace.databases[db]
        name_of, write, takes = self._trace.keys.key, self._output.writer.key, self._chooser.takes
        copied = self._touches.copied[keys] > 0
        values = self._values(chunk, rows[copied], keys[copied], reader)
        for number, from_log in zip(keys.tolist(), copied.tolist(), strict=True):
            if from_log:
                name, value = next(values)
                if takes(name, None):
                    self._open(db)
                    write(name, value)
                    self._count(None)
                continue
            name = name_of(number)
            entry = database.entry(name)
            if entry is not None and takes(name, entry.expire_at_ms):
                self._open(db)
                write(name, entry.value, expire_at_ms=entry.expire_at_ms)
                self._count(entry.expire_at_ms)
        self._size.copied_sets += int(copied.sum())

    def _values(
        self, chunk: Chunk, rows: NDArray[np.int64], keys: NDArray[np.uint32], reader: TextReader
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) of keys that plain SETs write, in order."""
        simple = chunk.ops[rows] == Op.ONE_SETS
        if simple.all():
            for _, argv in reader.texts(chunk, rows):
                yield argv[1], argv[2]
            return
        numbers = keys.tolist()
        at = 0
        for row, argv in reader.texts(chunk, np.unique(rows)):
            places = self._places(chunk, row, argv)
            while at < len(numbers) and int(rows[at]) == row:
                place = places[numbers[at]]
                yield argv[place], argv[place + 1]
                at += 1

    def _places(self, chunk: Chunk, row: int, argv: list[bytes]) -> dict[int, int]:
        """Return the position in argv of every key of a row that is not cut out."""
        uses = self._table.of(argv).keys
        if int(chunk.ops[row]) == Op.ONE_SETS:
            return {int(chunk.keys[row]): uses[0].position}
        refs = chunk.refs(row)
        return {
            key: use.position for use, (key, flags) in zip(uses, refs, strict=True) if not flags & DROPPED
        }

    def _open(self, db: int) -> bool:
        """Make a database the one that keys go to; false when it is left out."""
        number = self._chooser.number(db)
        if number is None:
            return False
        if number != self._selected:
            self._output.writer.select(number, *self._hints.pop(db, (0, 0)))
            self._selected = number
        return True

    def _count(self, expire_at_ms: int | None) -> None:
        self._size.keys[self._selected] = self._size.keys.get(self._selected, 0) + 1
        self._size.expiring_keys += expire_at_ms is not None
