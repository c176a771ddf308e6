"""Run the live commands over the live base records they touch, and give the resulting keys.

Knows which commands need running; what they do is `aoftool.keyspace`. Keys whose one live command is a
plain SET are left out: their value stands in the log. Memory is that of the keys replayed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aoftool.columns import Column, column_of
from aoftool.commands.effects import EffectTable
from aoftool.dataclass import dataclass
from aoftool.errors import NotJudgedError
from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.refusal import ReplayStopError
from aoftool.liveness.carry import Carrier
from aoftool.liveness.model import Chunk, Op, Trace
from aoftool.progress import Progress, no_progress
from aoftool.releases import Release
from aoftool.replay.compiled.hot import HOT, Runner
from aoftool.replay.doubt import beyond
from aoftool.rewrite.decide.base_keys import BaseKeys
from aoftool.rewrite.decide.picking import rows_as_run
from aoftool.rewrite.decide.touches import Touches, needed_rows, understood_rows
from aoftool.rewrite.replay.outcome import Outcome
from aoftool.rewrite.replay.texts import TextReader

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["Partition", "Replay", "UnknownFormError", "rows_to_run"]

Argv = Sequence[bytes]

# One reads the next piece, one takes half of the plain rows of this one.
_HELPERS = 2
_WORTH_HELP_BYTES = 16 << 20
# A thread takes its half of so many plain rows between two that are none, where such are so rare.
_WORTH_ROWS = 2048
_SELDOM = 256


class UnknownFormError(ReplayStopError):
    """A command is refused because of something that the release which wrote the log does not have.

    Args:
        what: that, in words.
        place: number of the file and offset of the command.
    """

    exit_code = NotJudgedError.exit_code

    def __init__(self, name: str, what: str, place: tuple[int, int]) -> None:
        message = f"{name}: {what} is not known here, so what it did is not known"
        super().__init__(message, reason="form", command_index=0, name=name)
        self.message = message
        self.what, self.place = what, place


@dataclass(frozen=True, slots=True)
class Partition:
    """A share of the keys: those whose component falls into it.

    Attributes:
        of_key: partition number of every key, 16 bits wide; None when there is one partition only.
    """

    number: int = 0
    of_key: Column | None = None

    def holds(self, key: int) -> bool:
        """Tell whether a key of the table belongs here."""
        return self.of_key is None or self.of_key[key] == self.number


def rows_to_run(chunk: Chunk, stop: int, touches: Touches, part: Partition) -> Column:
    """Return the live rows that must be executed for a share of the keys, in order."""
    return needed_rows(chunk, stop, touches.copied, part.of_key, part.number, True)


class Replay:
    """Run what must be run.

    Args:
        keyspace: takes what compiled code does not do; in final database numbers.
        release: the one that wrote the log.
        threads: 1 where nothing may be replayed by others than the caller's.

    Attributes:
        by_keyspace: upper-case names of the commands that the keyspace executed. What compiled code did comes
            out the same for every release, but for the counters of streams.
    """

    def __init__(
        self,
        trace: Trace,
        table: EffectTable,
        touches: Touches,
        base: BaseKeys,
        keyspace: Keyspace,
        release: Release,
        threads: int = 2,
    ) -> None:
        self.release, self._threads = release, threads
        self._trace = trace
        self._touches = touches
        self._base = base
        self._carrier = Carrier(trace, table)
        self.keyspace = keyspace
        self.commands = 0
        self.by_keyspace: set[bytes] = set()
        self._codes = bytes(HOT.get(name, 0) for name in trace.names)
        self._home = self._carrier.home
        self._final = column_of("q", map(self._carrier.number, range(trace.databases)))
        # SORT with a pattern may read any key, so all of them stay in the keyspace.
        native = Runner is not None and not touches.pattern_databases
        self._runner = Runner(keyspace, len(trace.keys), self._place) if Runner and native else None

    def load_base(self, part: Partition, progress: Progress = no_progress) -> None:
        """Put the live base records that commands touch in place."""
        touched, patterns = self._touches.touched, self._touches.pattern_databases
        only_read = self._base.only_read = {}
        if not patterns and not _meet(self._base.held, touched):
            return
        for record, number in self._base.to_load(touched, patterns, progress):
            if record.db in patterns or part.holds(number):
                db = self._carrier.number(record.db)
                self.keyspace.load(record, db)
                if number < 0 or not self._touches.written[number]:
                    keys, expires = only_read.get(record.db, (0, 0))
                    only_read[record.db] = keys + 1, expires + (record.expire_at_ms is not None)
                if self._runner is not None and number >= 0:
                    self._runner.let_go(number)

    def _place(self, key: int) -> tuple[int, bytes]:
        """Return the final database number and the name of a key."""
        return self._carrier.number(self._home[key]), self._trace.keys.key(key)

    def run(self, reader: TextReader, part: Partition, progress: Progress = no_progress) -> None:
        """Execute the live rows of a share of the keys, in order of the log.

        Their outcome is known afterwards.

        Raises:
            ReplayStopError: a server would not load this log.
        """
        with self._helpers() as helper:
            for _, chunk, stop in understood_rows(self._trace):
                rows = rows_to_run(chunk, stop, self._touches, part)
                self._run_rows(reader, chunk, rows, part, helper)
                progress(chunk.columns.offsets[stop] - chunk.columns.offsets[0])

    @contextmanager
    def _helpers(self) -> Iterator[Executor | None]:
        """Give threads that read, and replay a part of the rows; None where they are not worth it."""
        spans = (chunk.columns.offsets for chunk in self._trace.chunks)
        size = sum(offsets[-1] - offsets[0] for offsets in spans)
        alone = self._runner is None or self._threads == 1 or len(os.sched_getaffinity(0)) < _HELPERS
        if alone or size < _WORTH_HELP_BYTES:
            yield None
            return
        # Here: it takes longer to import than a small log to read.
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_HELPERS) as helper:
            yield helper

    @property
    def outcome(self) -> Outcome:
        """What it came to; nothing more is run."""
        return Outcome(self.keyspace, self._runner)

    def _run_rows(
        self,
        reader: TextReader,
        chunk: Chunk,
        rows: Column,
        part: Partition,
        helper: Executor | None,
    ) -> None:
        copied = self._touches.copied

        def unwanted(key: int) -> bool:
            return bool(copied[key]) or not part.holds(key)

        starts, codes, keys, numbers = rows_as_run(chunk, rows, self._codes, self._home, self._final)
        at = 0
        for group, data, base in reader.pieces(chunk, rows, helper):
            piece = slice(at, at + len(group))
            at += len(group)
            execute = _Executor(self, reader, chunk, group, numbers[piece], data, base, unwanted)
            if self._runner is None:
                execute.all()
                continue
            self._runner.run(
                memoryview(data),
                base,
                starts[piece],
                memoryview(codes)[piece],
                keys[piece],
                numbers[piece],
                execute.one,
                helper,
                _WORTH_ROWS,
                _SELDOM,
            )
        self.commands += len(rows)

    def take_back(self, chunk: Chunk, row: int, db: int) -> None:
        """Have the keys of a row in the keyspace before it is executed there."""
        runner, op = self._runner, chunk.columns.ops[row]
        if runner is None:
            return
        if Op.ONE_CHANGES <= op <= Op.ONE_SETS:
            runner.let_go(chunk.columns.keys[row])
        elif Op.MANY <= op <= Op.SORT:
            for key, _ in chunk.refs(row):
                runner.let_go(key)
        elif op == Op.FLUSH_DB:
            runner.forget(db)
        elif op == Op.FLUSH_ALL:
            for number in range(len(self.keyspace.databases)):
                runner.forget(number)

    def select(self, db: int) -> None:
        """Make a database the selected one."""
        self.keyspace.execute((b"SELECT", b"%d" % db))

    def text(self, argv: Argv, chunk: Chunk, row: int, unwanted: Callable[[int], bool]) -> Argv:
        """Return what is executed for a row."""
        if chunk.columns.ops[row] <= Op.ONE_SETS:
            return argv
        return self._carrier.text(argv, chunk, row, unwanted)


def _meet(held: bytearray, touched: bytearray) -> bool:
    """Tell whether a key has a live base record and is touched."""
    # As one long number each: a few words of Python for columns of any length.
    return 1 in held and bool(int.from_bytes(held, "little") & int.from_bytes(touched, "little"))


class _Executor:
    """Execute rows of one piece of the log through the keyspace, in the databases they work in."""

    def __init__(
        self,
        replay: Replay,
        reader: TextReader,
        chunk: Chunk,
        rows: Column,
        numbers: Column,
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
        for row, db, argv in zip(self._rows, self._numbers, texts, strict=True):
            self._run(row, db, argv)

    def one(self, index: int) -> None:
        """Execute one row."""
        rows = self._rows[index : index + 1]
        (argv,) = self._reader.split(self._data, self._base, self._chunk, rows)
        self._run(rows[0], self._numbers[index], argv)

    def _run(self, row: int, db: int, argv: list[bytes]) -> None:
        keyspace = self._replay.keyspace
        if db >= 0 and db != keyspace.selected:
            self._replay.select(db)
        self._replay.take_back(self._chunk, row, db)
        self._replay.by_keyspace.add(argv[0].upper())
        try:
            shortened = keyspace.shortened
            refusal = keyspace.execute(self._replay.text(argv, self._chunk, row, self._unwanted))
            if refusal is not None or keyspace.shortened > shortened:
                self._look_at(argv, row)
        except ReplayStopError as stop:
            if stop.reason == "arity":
                self._look_at(argv, row)
            stop.path = self._reader.path(self._chunk)
            stop.offset = self._chunk.columns.offsets[row]
            raise

    def _look_at(self, argv: list[bytes], row: int) -> None:
        """Stop where a command was refused for something that its writer must have known.

        Raises:
            UnknownFormError: it was.
        """
        what = beyond(argv, self._replay.release)
        if what:
            place = self._chunk.file, self._chunk.columns.offsets[row]
            raise UnknownFormError(argv[0].upper().decode("latin-1"), what, place)
