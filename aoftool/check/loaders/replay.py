"""Replay a log as servers would load it, to see what they answer to its commands.

A server that loads a log throws the replies away: a command that fails is skipped, and at most a line of
its own log tells. Here every reply is looked at. Needs the memory of the data set as Python objects,
one server at a time, so that logs above `MAX_REPLAY_BYTES` are not replayed. Where the effect of a
command cannot be known (scripts, modules) the replay of that server ends, and what follows is not judged.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from aoftool.budget import Budget, budget_for
from aoftool.check.exam_model import FileExam, LogExam
from aoftool.check.loaders.replay_model import Answered, Replay
from aoftool.commands.framing import FRAMING
from aoftool.commands.table import lookup_argv
from aoftool.dataclass import replace
from aoftool.errors import OverBudgetError
from aoftool.files.source import Source, open_source
from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.flavour import FLAVOURS, Flavour
from aoftool.keyspace.refusal import CommandRefused, ReplayStopError
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.functions import read_functions
from aoftool.rdb.records.reader import records
from aoftool.releases import NAMES
from aoftool.replay.doubt import unknown_form
from aoftool.resp.commands import commands
from aoftool.resp.model import Command
from aoftool.units import format_bytes

__all__ = ["MAX_REPLAY_BYTES", "keyspace_before", "replay_log", "to_replay"]

MAX_REPLAY_BYTES = 256 << 20
"""Bytes of files above which a log is not replayed; unpacked data may take several times as much."""

_OFFSETS = 5
_GROUPS = 200
# Servers log these whether or not there was a key; what they change besides keys is not watched.
# Source: Redis 7.0 src/db.c flushallCommand, src/functions.c; measured on Redis 7.0.15 and Valkey 9.1.2.
_KEYLESS = frozenset({b"FLUSHALL", b"FLUSHDB", b"SWAPDB", b"FUNCTION"})


def to_replay(targets: Sequence[str]) -> list[str]:
    """Return which of many targets a log is replayed for: measured ones, the newest of those that load alike.

    A replay costs much more than the rest of a check, and what was not measured loads as a neighbour does.
    """
    chosen: dict[Flavour, str] = {}
    for name in targets:
        if NAMES[name].is_measured:
            alike = replace(FLAVOURS[name], name="", version=(0, 0), rdb_version=0, geo_store_clears=None)
            chosen[alike] = name
    return list(chosen.values()) or list(targets)


def replay_log(exam: LogExam, targets: Sequence[str]) -> Replay:
    """Replay a log as each of some targets would load it.

    Args:
        targets: names of those that load the log, or load it after a cut.
    """
    found = Replay()
    size = sum(file.size_bytes for file in exam.files)
    if size > MAX_REPLAY_BYTES:
        limit = format_bytes(MAX_REPLAY_BYTES)
        found.skipped = f"the log was not replayed: it has {format_bytes(size)}, the limit is {limit}"
        return found
    # One after the other: all the memory for each, and a part of the time.
    budget = budget_for(size).shared(len(targets))
    for number, target in enumerate(targets):
        watch = number == len(targets) - 1
        _Replayer(found, target, exam.databases, budget, watch=watch).run(exam)
    return found


def keyspace_before(exam: LogExam, number: int, target: str) -> Keyspace | None:
    """Return what there is when a server comes to a file of a log; None where a replay cannot tell.

    Args:
        number: of the file, in load order.
    """
    size = sum(file.size_bytes for file in exam.files[:number])
    if size > MAX_REPLAY_BYTES:
        return None
    return _Replayer(Replay(), target, exam.databases, budget_for(size), watch=False).before(exam, number)


class _Replayer:
    """One server's load."""

    def __init__(self, found: Replay, target: str, databases: int, budget: Budget, *, watch: bool) -> None:
        self._found, self._target = found, target
        self._keyspace = Keyspace(target, databases, allow_random=True, budget=budget)
        self._changed = False
        self._watch = watch
        if watch:
            self._keyspace.observe(self)

    def keys_changed(self, command_index: int, db: int, keys: Sequence[bytes]) -> None:
        """Note that the running command changed something."""
        self._changed = True

    def run(self, exam: LogExam) -> None:
        for file in exam.files:
            if not self._file(file):
                return
        self._expired()

    def before(self, exam: LogExam, number: int) -> Keyspace | None:
        """Return the keyspace in front of a file, None where the replay ends earlier."""
        return self._keyspace if all(map(self._file, exam.files[:number])) else None

    def _file(self, file: FileExam) -> bool:
        """Replay one file; tell whether the next one may follow."""
        if not file.size_bytes:
            return True
        with open_source(file.plain_path or file.path) as source:
            if file.rdb is not None and not self._load(file, source):
                return False
            self._keyspace.start_file()
            if file.tail is None:
                return True
            end = file.tail.first.good_end
            # Queued commands by their number: where they stand.
            queued: dict[int, Command] = {}
            for command in commands(source, file.tail_start, end=end):
                if not self._command(file, command, queued):
                    return False
            self._keyspace.drop_transaction()
        return True

    def _load(self, file: FileExam, source: Source) -> bool:
        if not self._load_libraries(file, source):
            return False
        for record in records(source, 0, skip_empty=True):
            if record.db >= len(self._keyspace.databases):
                return self._end(file, record.start, "a database that servers refuse")
            try:
                self._keyspace.load_record(
                    record.db,
                    record.key,
                    record.value(),
                    record.expire_at_ms,
                    record.encoding,
                    stored_bytes=record.size_bytes,
                )
            except OverBudgetError as error:
                return self._end(file, record.start, error.message)
            except EncodingDamage as damage:
                return self._end(file, record.start, f"a value that cannot be read: {damage.message}")
        return True

    def _load_libraries(self, file: FileExam, source: Source) -> bool:
        if file.rdb is None or not file.rdb.walk.functions:
            return True
        if not source.seekable:
            return self._end(file, 0, "function libraries in a packed RDB part are not read")
        with source.reopen() as handle:
            for code in read_functions(file.rdb.walk, handle):
                try:
                    self._keyspace.load_library(code)
                except CommandRefused as refused:
                    return self._end(file, 0, refused.text.removeprefix("ERR "))
        return True

    def _command(self, file: FileExam, command: Command, queued: dict[int, Command]) -> bool:
        keyspace = self._keyspace
        self._changed = False
        # The engine keeps the first hundred only.
        keyspace.refusals.clear()
        index = keyspace.commands
        try:
            refusal = keyspace.execute(command.argv)
        except ReplayStopError as stop:
            return self._end(file, command.offset, stop.message.partition(": ")[2] or stop.message)
        if keyspace.in_transaction:
            queued[index] = command
            return True
        if queued:
            for late in keyspace.refusals:
                place = queued.get(late.command_index)
                if place is not None and (what := unknown_form(place.argv)):
                    return self._unknown(file, place, what)
                if place is not None:
                    self._answered(file, place.offset, late.name, late.text, inside=True)
            queued.clear()
        elif refusal is not None and (what := unknown_form(command.argv)):
            return self._unknown(file, command, what)
        elif refusal is not None:
            self._answered(file, command.offset, refusal.name, refusal.text, inside=False)
        elif self._watch and not self._changed:
            self._idle(file, command)
        return True

    def _unknown(self, file: FileExam, command: Command, what: str) -> bool:
        """Note a form that no release has: whoever wrote it did something that is not known here."""
        words = f"{what} of {command.name.decode('latin-1')}"
        self._found.unknown.setdefault((file.path, words), (command.offset, command.offset + command.length))
        return self._end(file, command.offset, f"{words} is known to no release")

    def _answered(self, file: FileExam, offset: int, name: str, text: str, *, inside: bool) -> None:
        key = (file.path, name, text)
        row = self._found.answered.get(key)
        if row is None:
            if len(self._found.answered) >= _GROUPS:
                return
            row = self._found.answered[key] = Answered(*key)
        row.counts[self._target] = row.counts.get(self._target, 0) + 1
        row.inside[self._target] = row.inside.get(self._target, 0) + inside
        if len(row.offsets) < _OFFSETS and offset not in row.offsets:
            row.offsets.append(offset)

    def _idle(self, file: FileExam, command: Command) -> None:
        spec = lookup_argv(command.argv)
        if spec is None or not spec.is_write or command.name in FRAMING | _KEYLESS:
            return
        key = (file.path, spec.full_name.decode("latin-1"))
        count, first = self._found.idle.get(key, (0, command.offset))
        self._found.idle[key] = (count + 1, first)

    def _end(self, file: FileExam, offset: int, why: str) -> bool:
        self._found.ended[self._target] = (file.path, offset, why)
        return False

    def _expired(self) -> None:
        now_ms = int(time.time() * 1000)
        databases = self._keyspace.databases
        passed = sum(at <= now_ms for database in databases for at in database.expires.values())
        if passed:
            self._found.expired[self._target] = (passed, sum(map(len, databases)))
