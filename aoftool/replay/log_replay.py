"""Replay a whole log, command by command, with a look at the data in between.

Transactions are run as if their commands were bare, at their place, which comes to the same; one without
EXEC at the end of its file never happened, so each file is walked once before it is replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from aoftool.aof.ending import note_stop
from aoftool.aof.ending_model import ListingEnd
from aoftool.aof.log import LogPart, read_parts
from aoftool.aof.model import Log, LogKind
from aoftool.budget import budget_for
from aoftool.commands.framing import FRAMING
from aoftool.commands.roles import begins_with_key, keys_of
from aoftool.commands.table import lookup
from aoftool.commands.wrapped import unwrapped
from aoftool.databases import INFERRED, MOST_DATABASES
from aoftool.errors import OverBudgetError, UnsupportedError
from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.refusal import CommandRefused, ReplayStopError
from aoftool.progress import Progress, no_progress
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.extras import base_member_note
from aoftool.rdb.functions import read_functions
from aoftool.rdb.records.reader import empty_note, records
from aoftool.replay.doubt import beyond, unknown_form
from aoftool.replay.evidence import Evidence, base_version
from aoftool.replay.log_writer import writer_of_log
from aoftool.replay.unknown_note import unknown_note
from aoftool.replay.writer import find_writer, flavour_of_writer
from aoftool.replay.writer_model import Writer
from aoftool.resp.model import Command
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch

__all__ = ["EVERYTHING", "LogReplay"]

EVERYTHING = Watch(min_length=1)
"""Makes every command a hit."""

_PART_BYTES = 1 << 20
_MOST_REFUSED = 10_000


class LogReplay:
    """Iterate over (file number, command) of a log, each just before it is run; once.

    Args:
        until: (file number, offset): the replay ends before the command there.
        until_s: it ends before the first command behind a later `#TS`.
        now_ms: the load clock.
        written_by: the release that wrote the log, if the user named it.
        chosen: tells which keys are replayed; commands of other keys alone are given but not run. None: all.
        stops_at_unknown: a command that no release has is run, and ends the replay, though it names no chosen
            key: which of its arguments are keys is not known.
        watch: which commands are given at all, of files that can be read at an offset; those of chosen keys
            must be among them.
        writer: who wrote the log, where that was found out before.
        told_of: tells of which keys the notes speak, by database and name; of all by default.
        instead: what is run in the place of a command, by (file number, offset); None for nothing.
        closed: files that are known to end outside of a transaction, by number, with their sizes then.

    Attributes:
        writer: who wrote the log, as which it is replayed.
        keyspace: the data; there from the first step on.
        stopped: where the effect of a command could not be known, in words; None when all was run.
        stopped_at: that command, with the number of its file.
        unknown: the command there, with the number of its file and what of it no release has, in words;
            None where that is not why.
        refused: commands that a loader answers with an error, with their files and that; the first of them.
        end: what could not be read.
        is_timed: a command had a time; None when there was no command.
    """

    def __init__(
        self,
        log: Log,
        *,
        until: tuple[int, int] | None = None,
        until_s: int | None = None,
        now_ms: int | None = None,
        written_by: str | None = None,
        chosen: Callable[[bytes], bool] | None = None,
        stops_at_unknown: bool = False,
        watch: Watch = EVERYTHING,
        writer: Writer | None = None,
        told_of: Callable[[int, bytes], bool] | None = None,
        instead: Mapping[tuple[int, int], Sequence[bytes] | None] | None = None,
        closed: Mapping[int, int] | None = None,
        progress: Progress = no_progress,
    ) -> None:
        self._log, self._until, self._until_s = log, until, until_s
        self._chosen, self._watch, self._stops_at_unknown = chosen, watch, stops_at_unknown
        self._instead, self._told_of = instead or {}, told_of
        self._closed = closed or {}
        self.writer = writer or writer_of_log(log, written_by)
        self._now_ms, self._progress, self._written_by = now_ms, progress, written_by
        self.keyspace = self._new_keyspace()
        self.stopped: str | None = None
        self.stopped_at: tuple[int, Command] | None = None
        self.unknown: tuple[int, Command, str] | None = None
        self.refused: list[tuple[int, Command, str]] = []
        self.end = ListingEnd()
        self.is_timed: bool | None = None
        self._beyond = 0

    def run(self) -> LogReplay:
        """Run everything, for the data behind it."""
        for _ in self:
            pass
        return self

    def __iter__(self) -> Iterator[tuple[int, Command]]:
        yield from self._steps()
        self._note_beyond()
        told_of = self._told_of
        unknown = unknown_note(
            [place for place in self.keyspace.unknown_keys if told_of is None or told_of(*place)]
        )
        if unknown:
            self.end.note(unknown)
        if self.keyspace.choice_note:
            self.end.note(self.keyspace.choice_note)

    def _steps(self) -> Iterator[tuple[int, Command]]:
        for number, part in enumerate(read_parts(self._log)):
            if self._is_behind(number, 0):
                return
            if part.rdb is not None:
                self._load(part, number)
            if part.tail_start is None or self.end.damage is not None:
                return
            self.keyspace.start_file()
            for command in self._unwrapped(number, part, part.tail_start):
                if command.db >= MOST_DATABASES:
                    self._beyond += 1
                    continue
                if self.keyspace.selected != command.db:
                    self.keyspace.execute((b"SELECT", b"%d" % command.db))
                yield number, command
                argv = self._instead.get((number, command.offset), command.argv)
                if argv is None or self._is_left_out(command):
                    continue
                if not self._execute(number, part, command, argv):
                    self.stopped_at = number, command
                    return
            if self.end.damage is not None:
                return

    def _is_left_out(self, command: Command) -> bool:
        if self._chosen is None or (self._stops_at_unknown and lookup(command.name) is None):
            return False
        argv = command.argv
        if len(argv) > 1 and self._chosen(argv[1]) and begins_with_key(command.name):
            # Most commands of a sample; where their other keys stand takes longer to find.
            return False
        keys = keys_of(argv)
        return bool(keys) and not any(map(self._chosen, keys))

    def _note_beyond(self) -> None:
        """Say how much stands in databases that are not followed: no server is known to be set up so."""
        if self._beyond:
            self.end.note(
                f"databases from {MOST_DATABASES} on are left out: {self._beyond:,} of the keys and commands"
            )

    def _new_keyspace(self) -> Keyspace:
        flavour = flavour_of_writer(self.writer)
        return Keyspace(
            flavour,
            INFERRED,
            self._now_ms,
            allow_random=True,
            stands_in=True,
            budget=budget_for(self._log.size_bytes or 0),
        )

    def _is_behind(self, number: int, offset: int) -> bool:
        return self._until is not None and (number, offset) >= self._until

    def _load(self, part: LogPart, number: int) -> None:
        assert part.rdb is not None
        if number == 0 and self._log.kind is LogKind.STDIN:
            self.writer = find_writer(part.rdb.aux, Evidence(base=base_version(part.rdb)), self._written_by)
            self.keyspace = self._new_keyspace()
        self._load_libraries(part)
        with part.source.reopen() as source:
            reader = records(source, 0, skip_empty=True)
            for record in reader:
                if record.db >= MOST_DATABASES:
                    self._beyond += 1
                    continue
                if self._chosen is not None and not self._chosen(record.key):
                    continue
                try:
                    self.keyspace.load(record)
                except OverBudgetError:
                    raise
                except UnsupportedError as error:
                    self.end.note(error.message)
                except EncodingDamage as damage:
                    self.end.note(f"a key of the RDB part cannot be read: {damage.message}")
        if reader.empty:
            self.end.note(empty_note(reader.empty))
        if part.rdb.member_count:
            self.end.note(base_member_note(part.rdb))
        if part.rdb.stop is not None:
            damage_found = part.rdb.stop
            self.end.damage = (part.file.shown_name, damage_found.offset, damage_found.message)

    def _load_libraries(self, part: LogPart) -> None:
        """Put function libraries in place."""
        if part.rdb is None or not part.rdb.functions:
            return
        with part.source.reopen() as source:
            try:
                for code in read_functions(part.rdb, source):
                    self.keyspace.load_library(code)
            except (CommandRefused, EncodingDamage, UnsupportedError) as problem:
                words = problem.text if isinstance(problem, CommandRefused) else problem.message
                self.end.note(f"a function library cannot be read: {words.removeprefix('ERR ')}")

    def _commands(self, number: int, part: LogPart, start: int) -> Iterator[Command]:
        open_txn = self._open_transaction(number, part, start)
        if part.source.seekable:
            reader = SieveReader(
                part.source, self._watch, start=start, part_bytes=_PART_BYTES, progress=self._progress
            )
            found: Iterator[Command] = iter(reader)
        else:
            slow = part.commands()
            found = _whole_transactions(slow)
        found = self._before(number, found)
        # What is queued at the moment meant has not run.
        ends_early = self._until is not None or self._until_s is not None
        for command in _whole_transactions(found) if ends_early else found:
            if command.name not in FRAMING and not (open_txn and command.txn == open_txn):
                yield command
        if part.source.seekable:
            is_whole = self._until is None or self._until[0] > number
            note_stop(self.end, part, reader.stop, reader.state.unclosed_at if is_whole else None)
        else:
            note_stop(self.end, part, slow.tally().stop, slow.tally().transactions.open_offset)

    def _before(self, number: int, found: Iterable[Command]) -> Iterator[Command]:
        """Yield the commands of a file up to the moment meant."""
        for command in found:
            self.is_timed = self.is_timed or command.time_s >= 0
            behind = self._until_s is not None and command.time_s > self._until_s
            if behind or self._is_behind(number, command.offset):
                self._until = (number, command.offset)
                return
            yield command

    def _unwrapped(self, number: int, part: LogPart, start: int) -> Iterator[Command]:
        """Yield what runs, the commands inside those of KeyDB in their place."""
        for outer in self._commands(number, part, start):
            for command in unwrapped(outer):
                if command is outer or command.name not in FRAMING:
                    yield command

    def _open_transaction(self, number: int, part: LogPart, start: int) -> int:
        """Return the number of the transaction that is still open at the end of a file, 0 for none."""
        if not part.source.seekable or self._closed.get(number) == part.source.size_bytes:
            return 0
        return self._open_transaction_walked(part, start)

    @staticmethod
    def _open_transaction_walked(part: LogPart, start: int) -> int:
        walk = SieveReader(part.source, Watch(), start=start)
        for _ in walk:
            pass
        return walk.state.txn if walk.state.is_open else 0

    def _execute(self, number: int, part: LogPart, command: Command, argv: Sequence[bytes]) -> bool:
        try:
            shortened = self.keyspace.shortened
            refused = self.keyspace.execute(argv)
            if refused is not None and len(self.refused) < _MOST_REFUSED:
                self.refused.append((number, command, refused.text))
            doubtful = refused is not None or self.keyspace.shortened > shortened
            what = beyond(command.argv, self.writer.release) if doubtful else ""
        except ReplayStopError as stop:
            what = unknown_form(command.argv) if stop.reason == "arity" else ""
            if not what:
                why = stop.message.partition(": ")[2] or stop.message
                self.stopped = f"{part.file.shown_name} offset {command.offset:,} ({why})"
                return False
        if what:
            name = command.name.decode("latin-1")
            self.stopped = f"{part.file.shown_name} offset {command.offset:,} ({what} of {name})"
            if unknown_form(command.argv):
                self.unknown = number, command, what
        return not what


def _whole_transactions(found: Iterable[Command]) -> Iterator[Command]:
    """Hold the commands of a transaction back until its EXEC: without one it never happens."""
    held: list[Command] = []
    for command in found:
        if not command.txn:
            yield command
            continue
        held.append(command)
        if command.name == b"EXEC":
            yield from held
            held = []
