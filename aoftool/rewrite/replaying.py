"""Run the live commands over the live base records they touch, and give the resulting keys.

Knows which commands need running; what they do is `aoftool.keyspace`. Keys whose one live command is a
plain SET are left out: their value stands in the log. Memory is that of the keys replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aoftool.commands.effects import EffectTable
from aoftool.keyspace import Keyspace, ReplayStopError
from aoftool.liveness.carry import Carrier
from aoftool.liveness.model import Chunk, Fate, Op, Trace
from aoftool.progress import Progress, no_progress
from aoftool.rewrite.basekeys import BaseKeys
from aoftool.rewrite.hot import HOT, Runner
from aoftool.rewrite.texts import TextReader
from aoftool.rewrite.touches import Touches, chunk_touches, understood_rows

__all__ = ["Partition", "Replay", "rows_to_run"]

Argv = Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Partition:
    """A share of the keys: those whose component falls into it.

    Attributes:
        of_key: partition number of every key; None when there is one partition only.
    """

    number: int = 0
    of_key: NDArray[np.uint16] | None = None

    def holds(self, key: int) -> bool:
        """Tell whether a key of the table belongs here."""
        return self.of_key is None or int(self.of_key[key]) == self.number


def rows_to_run(chunk: Chunk, stop: int, touches: Touches, part: Partition) -> NDArray[np.int64]:
    """Return the live rows that must be executed for a share of the keys, in order."""
    found = chunk_touches(chunk, stop)
    needed = touches.copied[found.keys] == 0
    if part.of_key is not None:
        needed &= part.of_key[found.keys] == part.number
    ops = chunk.ops[:stop]
    whole = (ops == Op.FLUSH_DB) | (ops == Op.FLUSH_ALL)
    if part.number == 0:
        whole |= ops == Op.FUNCTIONS
    chosen = (chunk.fates[:stop] <= Fate.TRIMMED) & whole
    chosen[found.rows[needed]] = True
    return np.flatnonzero(chosen)


class Replay:
    """Run what must be run.

    Args:
        keyspace: where it ends up; in final database numbers.
    """

    def __init__(
        self, trace: Trace, table: EffectTable, touches: Touches, base: BaseKeys, keyspace: Keyspace
    ) -> None:
        self._trace = trace
        self._touches = touches
        self._base = base
        self._carrier = Carrier(trace, table)
        self.keyspace = keyspace
        self.commands = 0
        self._codes = np.array([HOT.get(name, 0) for name in trace.names], np.uint8)
        self._runner = None if Runner is None else Runner(keyspace, len(trace.keys))

    def load_base(self, part: Partition, progress: Progress = no_progress) -> None:
        """Put the live base records that commands touch in place."""
        touched, patterns = self._touches.touched, self._touches.pattern_databases
        if not patterns and not (self._base.held & touched).any():
            return
        for record, number in self._base.to_load(touched, patterns, progress):
            if record.db in patterns or part.holds(number):
                db = self._carrier.number(record.db)
                self.keyspace.load_record(
                    db, record.key, record.value(), record.expire_at_ms, record.encoding
                )

    def run(self, reader: TextReader, part: Partition, progress: Progress = no_progress) -> None:
        """Execute the live rows of a share of the keys, in order of the log.

        Raises:
            ReplayStopError: a server would not load this log.
        """
        for _, chunk, stop in understood_rows(self._trace):
            rows = rows_to_run(chunk, stop, self._touches, part)
            self._run_rows(reader, chunk, rows, part)
            progress(int(chunk.offsets[stop] - chunk.offsets[0]))

    def _run_rows(self, reader: TextReader, chunk: Chunk, rows: NDArray[np.int64], part: Partition) -> None:
        copied = self._touches.copied

        def unwanted(key: int) -> bool:
            return bool(copied[key]) or not part.holds(key)

        numbers = self._numbers_of(chunk, rows)
        codes = self._codes[chunk.names[rows]]
        codes[chunk.ops[rows] > Op.ONE_SETS] = 0
        at = 0
        for group, data, base in reader.pieces(chunk, rows):
            piece = slice(at, at + len(group))
            at += len(group)
            execute = _Executor(self, reader, chunk, group, numbers[piece], data, base, unwanted)
            if self._runner is None:
                execute.all()
                continue
            starts = np.ascontiguousarray(chunk.offsets[group])
            keys = np.ascontiguousarray(chunk.keys[group])
            self._runner.run(memoryview(data), base, starts, codes[piece], keys, numbers[piece], execute.one)
        self.commands += len(rows)

    def select(self, db: int) -> None:
        """Make a database the selected one."""
        self.keyspace.execute((b"SELECT", b"%d" % db))

    def text(self, argv: Argv, chunk: Chunk, row: int, unwanted: Callable[[int], bool]) -> Argv:
        """Return what is executed for a row."""
        if int(chunk.ops[row]) <= Op.ONE_SETS:
            return argv
        return self._carrier.text(argv, chunk, row, unwanted)

    def _numbers_of(self, chunk: Chunk, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the final database number each row works in, -1 for rows bound to none."""
        ops = chunk.ops[rows]
        keys = chunk.keys[rows].astype(np.int64)
        many = (ops >= Op.MANY) & (ops <= Op.SORT)
        keys[many] = chunk.ref_keys[keys[many]]
        keyed = (ops >= Op.ONE_CHANGES) & (ops <= Op.SORT)
        home = self._trace.keys.databases()
        physical = np.full(len(rows), -1, np.int64)
        physical[keyed] = home[keys[keyed]]
        physical[ops == Op.FLUSH_DB] = keys[ops == Op.FLUSH_DB]
        final = np.array([self._carrier.number(db) for db in range(self._trace.databases)], np.int64)
        return np.where(physical >= 0, final[physical], -1)


class _Executor:
    """Execute rows of one piece of the log through the keyspace, in the databases they work in."""

    def __init__(
        self,
        replay: Replay,
        reader: TextReader,
        chunk: Chunk,
        rows: NDArray[np.int64],
        numbers: NDArray[np.int64],
        data: bytes,
        base: int,
        unwanted: Callable[[int], bool],
    ) -> None:
        self._replay = replay
        self._reader = reader
        self._chunk = chunk
        self._rows = rows
        self._numbers = numbers
        self._data = data
        self._base = base
        self._unwanted = unwanted

    def all(self) -> None:
        """Execute every row."""
        texts = self._reader.split(self._data, self._base, self._chunk, self._rows)
        for row, db, argv in zip(self._rows.tolist(), self._numbers.tolist(), texts, strict=True):
            self._run(row, db, argv)

    def one(self, index: int) -> None:
        """Execute one row."""
        rows = self._rows[index : index + 1]
        (argv,) = self._reader.split(self._data, self._base, self._chunk, rows)
        self._run(int(rows[0]), int(self._numbers[index]), argv)

    def _run(self, row: int, db: int, argv: list[bytes]) -> None:
        keyspace = self._replay.keyspace
        if db >= 0 and db != keyspace.selected:
            self._replay.select(db)
        try:
            keyspace.execute(self._replay.text(argv, self._chunk, row, self._unwanted))
        except ReplayStopError as stop:
            stop.path = self._reader.path(self._chunk)
            stop.offset = int(self._chunk.offsets[row])
            raise
