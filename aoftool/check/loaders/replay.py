"""Replay a log as servers would load it, to see what they answer to its commands.

A server that loads a log throws the replies away: a command that fails is skipped, and at most a line of
its own log tells. Here every reply is looked at. Needs the memory of the data set, one server at a time,
so that logs above `MAX_REPLAY_BYTES` are not replayed. Where the effect of a command cannot be known
(scripts, modules) the replay of that server ends, and what follows is not judged. Servers that answer
alike to all that a log asks of them are replayed once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from aoftool.budget import Budget, budget_for
from aoftool.check.exam_model import FileExam, LogExam
from aoftool.check.loaders.replay_model import Answered, Replay
from aoftool.commands.framing import FRAMING
from aoftool.commands.table import lookup_argv
from aoftool.databases import INFERRED
from aoftool.dataclass import dataclass, replace
from aoftool.errors import OverBudgetError
from aoftool.files.source import Source, open_source
from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.flavour import FLAVOURS, AskedFlavour, Flavour
from aoftool.keyspace.refusal import CommandRefused, Refusal, ReplayStopError
from aoftool.keyspace.server_commands import commands_are_alike
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.extras import read_script
from aoftool.rdb.functions import read_functions
from aoftool.rdb.records.reader import records
from aoftool.releases import NAMES
from aoftool.replay.compiled.following import Following, can_follow
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
    *others, newest = targets
    runs = [_run(exam, newest, budget, watch=True)]
    for target in others:
        run = next((run for run in runs if run.goes_for(target)), None)
        if run is None:
            run = _run(exam, target, budget, watch=False)
            runs.append(run)
        _take_over(found, run, target)
    _take_over(found, runs[0], newest)
    return found


@dataclass
class _Run:
    """What came of a replay as one server, and what decides whether it is that of another one too."""

    target: str
    replay: Replay
    names: set[bytes]
    asked: AskedFlavour

    def goes_for(self, target: str) -> bool:
        """Tell whether a replay as another server comes out the same."""
        own, other = FLAVOURS[self.target], FLAVOURS[target]
        return self.asked.answers_alike(other) and commands_are_alike(self.names, own, other)


def _run(exam: LogExam, target: str, budget: Budget, *, watch: bool) -> _Run:
    replayer = _Replayer(target, exam.databases, budget, watch=watch)
    replayer.run(exam)
    return _Run(target, replayer.found, replayer.names, replayer.asked)


def _take_over(found: Replay, run: _Run, target: str) -> None:
    """Add what a replay showed, as that of a target."""
    of_run = run.replay
    for key, row in of_run.answered.items():
        if key not in found.answered and len(found.answered) >= _GROUPS:
            continue
        ours = found.answered.setdefault(key, Answered(*key))
        ours.counts[target], ours.inside[target] = row.counts[run.target], row.inside[run.target]
        ours.offsets += [at for at in row.offsets if at not in ours.offsets][: _OFFSETS - len(ours.offsets)]
    for place, span in of_run.unknown.items():
        found.unknown.setdefault(place, span)
    found.idle.update(of_run.idle)
    if run.target in of_run.ended:
        found.ended[target] = of_run.ended[run.target]
    if run.target in of_run.expired:
        found.expired[target] = of_run.expired[run.target]


def keyspace_before(exam: LogExam, number: int, target: str) -> Keyspace | None:
    """Return what there is when a server comes to a file of a log; None where a replay cannot tell.

    Args:
        number: of the file, in load order.
    """
    size = sum(file.size_bytes for file in exam.files[:number])
    if size > MAX_REPLAY_BYTES:
        return None
    return _Replayer(target, exam.databases, budget_for(size), watch=False).before(exam, number)


class _Replayer:
    """One server's load.

    Attributes:
        found: what it showed.
        asked: what was asked of the flavour.
    """

    def __init__(self, target: str, databases: int, budget: Budget, *, watch: bool) -> None:
        self.found, self._target = Replay(), target
        self._keyspace = Keyspace(target, databases, allow_random=True, budget=budget)
        self.asked = self._keyspace.note_questions()
        # Compiled code has a place for each database from the start.
        self._is_fixed = databases != INFERRED
        self._following: Following | None = None
        self._seen: set[bytes] = set()
        self._changed = False
        self._watch = watch
        # Of the file in hand: refusals in the transaction that is open, and what changed nothing, by name.
        self._late: list[tuple[int, Command, Refusal]] = []
        self._unchanged: dict[bytes, tuple[int, int]] = {}
        if watch:
            self._keyspace.observe(self)

    @property
    def names(self) -> set[bytes]:
        """Upper-case names of the commands that were run."""
        if self._following is None:
            return self._seen
        return self._seen | self._following.handed_back | self._following.follower.names_run()

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
        if not all(map(self._file, exam.files[:number])):
            return None
        if self._following is not None:
            self._following.follower.export()
        return self._keyspace

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
            done = self._tail(file, source)
            self._note_idle(file)
            self._keyspace.drop_transaction()
        return done

    def _tail(self, file: FileExam, source: Source) -> bool:
        """Replay the commands of a file."""
        assert file.tail is not None
        start, end = file.tail_start, file.tail.first.good_end
        # Queued commands by their number: where they stand.
        queued: dict[int, Command] = {}
        if not can_follow() or not source.seekable or not self._is_fixed:
            for command in commands(source, start, end=end):
                self._seen.add(command.name)
                if not self._command(file, command, queued):
                    return False
            return True
        if self._following is None:
            self._following = Following(self._keyspace)
        follower = self._following.follower

        def execute(command: Command, inside: bool) -> bool:
            self._answer_late(file, follower.transactions if inside else 0)
            if not inside:
                return self._command(file, command, queued)
            return self._inside(file, command, follower.transactions, source)

        framing = file.tail.first.transactions
        odd = framing.nested, framing.lone_execs, framing.discards_inside, framing.lone_discards
        bare = not any(each.count for each in odd)
        open_from = end if framing.open_offset is None else framing.open_offset
        done = self._following.run(source, start, open_from, execute, bare=bare)
        # What is queued at the end never runs.
        done = done and self._following.run(source, open_from, end, execute, bare=False)
        self._answer_late(file, 0)
        return done

    def _inside(self, file: FileExam, command: Command, transaction: int, source: Source) -> bool:
        """Run a command of a transaction at its place, which comes to the same as to run it at EXEC."""
        try:
            refusal = self._keyspace.execute(command.argv)
        except ReplayStopError as stop:
            self._late.clear()
            if stop.reason == "arity" and (what := unknown_form(command.argv)):
                return self._unknown(file, command, what)
            # What cannot be queued is answered at once.
            at_once = stop.reason in ("unknown", "arity")
            offset = command.offset if at_once else _exec_behind(source, command)
            return self._end(file, offset, stop.message.partition(": ")[2] or stop.message)
        if refusal is None:
            return True
        if what := unknown_form(command.argv):
            self._answer_late(file, 0)
            return self._unknown(file, command, what)
        self._late.append((transaction, command, refusal))
        return True

    def _answer_late(self, file: FileExam, transaction: int) -> None:
        """Count the refusals of a transaction that has come to its EXEC."""
        if self._late and self._late[0][0] != transaction:
            for _, command, refusal in self._late:
                self._answered(file, command.offset, refusal.name, refusal.text, inside=True)
            self._late.clear()

    def _note_idle(self, file: FileExam) -> None:
        """Take in which commands of a file changed nothing, by their places."""
        if self._following is not None:
            for name, count, first in self._following.follower.take_idle():
                if self._watch:
                    before, at = self._unchanged.get(name, (0, first))
                    self._unchanged[name] = (before + count, min(at, first))
        for name, row in sorted(self._unchanged.items(), key=lambda item: item[1][1]):
            self.found.idle[file.path, name.decode("latin-1")] = row
        self._unchanged = {}

    def _load(self, file: FileExam, source: Source) -> bool:
        if not self._load_libraries(file, source) or not self._load_scripts(file, source):
            return False
        for record in records(source, 0, skip_empty=True):
            if record.db >= len(self._keyspace.databases):
                return self._end(file, record.start, "a database that servers refuse")
            try:
                self._keyspace.load(record)
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

    def _load_scripts(self, file: FileExam, source: Source) -> bool:
        """Keep what EVALSHA may name, where the server does; tell whether the replay goes on."""
        extras = [] if file.rdb is None else file.rdb.walk.scripts
        if not extras or self._keyspace.flavour.has((7, 0), (7, 2)):
            return True
        if not source.seekable:
            return self._end(file, 0, "scripts in a packed RDB part are not read")
        for extra in extras:
            self._keyspace.load_script(read_script(source, extra))
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
            if stop.reason == "arity" and (what := unknown_form(command.argv)):
                return self._unknown(file, command, what)
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
            self._idle(command)
        return True

    def _unknown(self, file: FileExam, command: Command, what: str) -> bool:
        """Note a form that no release has: whoever wrote it did something that is not known here."""
        words = f"{what} of {command.name.decode('latin-1')}"
        self.found.unknown.setdefault((file.path, words), (command.offset, command.offset + command.length))
        return self._end(file, command.offset, f"{words} is known to no release")

    def _answered(self, file: FileExam, offset: int, name: str, text: str, *, inside: bool) -> None:
        key = (file.path, name, text)
        row = self.found.answered.get(key)
        if row is None:
            if len(self.found.answered) >= _GROUPS:
                return
            row = self.found.answered[key] = Answered(*key)
        row.counts[self._target] = row.counts.get(self._target, 0) + 1
        row.inside[self._target] = row.inside.get(self._target, 0) + inside
        if len(row.offsets) < _OFFSETS and offset not in row.offsets:
            row.offsets.append(offset)

    def _idle(self, command: Command) -> None:
        spec = lookup_argv(command.argv)
        if spec is None or not spec.is_write or command.name in FRAMING | _KEYLESS:
            return
        count, first = self._unchanged.get(spec.full_name, (0, command.offset))
        self._unchanged[spec.full_name] = (count + 1, first)

    def _end(self, file: FileExam, offset: int, why: str) -> bool:
        self.found.ended[self._target] = (file.path, offset, why)
        return False

    def _expired(self) -> None:
        now_ms = int(time.time() * 1000)
        databases = self._keyspace.databases
        passed = sum(at <= now_ms for database in databases for at in database.expires.values())
        keys = sum(map(len, databases))
        if self._following is not None:
            held, held_passed = self._following.follower.count(now_ms)
            passed, keys = passed + held_passed, keys + held
        if passed:
            self.found.expired[self._target] = (passed, keys)


def _exec_behind(source: Source, command: Command) -> int:
    """Return where the EXEC of a transaction stands, given a command in it."""
    behind = commands(source, command.offset)
    return next((each.offset for each in behind if each.name == b"EXEC"), command.offset)
