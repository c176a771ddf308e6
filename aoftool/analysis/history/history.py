"""Everything that happened to a key: replay of the commands that bear on it, and only of those.

The commands come from `lineage`, what they do from `aoftool.keyspace`: the type, length and expire time
behind each step are those a loader would have. Where a command's effect cannot be known, the states behind
it are said to be unknown instead of guessed.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from aoftool.analysis.clock.bounds import LogClock, created_s
from aoftool.analysis.clock.clues import clue_words, find_clues
from aoftool.analysis.clock.model import Hit, TimeSource
from aoftool.analysis.commands.listing import logged
from aoftool.analysis.commands.model import LoggedCommand
from aoftool.analysis.history.deletions import grade_deletion
from aoftool.analysis.history.doubt import Doubt
from aoftool.analysis.history.lineage import WHOLE_DATABASE, Lineage, is_opaque, trace_lineage
from aoftool.analysis.history.model import (
    Deletion,
    HistoryEnd,
    HistoryStep,
    KeyState,
    StepKind,
)
from aoftool.analysis.history.names import NamesShown
from aoftool.analysis.history.reach import reached
from aoftool.aof.log import need_files, open_log_file
from aoftool.aof.model import Log, LogKind
from aoftool.budget import budget_for
from aoftool.commands.framing import FRAMING
from aoftool.commands.roles import keys_of
from aoftool.databases import INFERRED, MOST_DATABASES, setting_words
from aoftool.errors import OverBudgetError, UnsupportedError
from aoftool.escape import excerpt
from aoftool.progress import Progress, no_progress
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.header import HEADER_BYTES, is_rdb
from aoftool.rdb.modules import MODULE_TYPE
from aoftool.rdb.records.reader import empty_note, records
from aoftool.rdb.records.record import Record
from aoftool.replay.differences import rivals
from aoftool.replay.evidence import BaseVersion, Evidence, base_version
from aoftool.replay.log_writer import writer_of_log
from aoftool.replay.unknown_note import unknown_note
from aoftool.replay.writer import find_writer, flavour_of_writer
from aoftool.replay.writer_model import Writer
from aoftool.resp.watch import Watch
from aoftool.values import length_of, module_type, type_name
from aoftool.values.module import UnknownValue

if TYPE_CHECKING:
    from aoftool.keyspace.refusal import Refusal

__all__ = ["KeyHistory"]

_LARGE_BYTES = 256 << 20
_ENGINE = "aoftool.keyspace.engine"
_UNKNOWN = KeyState(is_known=False)
_GONE = KeyState()


class KeyHistory:
    """Iterate over what happened to keys; once. Afterwards `end` says what the reader must know.

    Args:
        keys: by name.
        admits: a pattern that asks for keys too; None without one.
        candidates: finds the commands in which keys of the pattern may be.
        db: only keys of this database, followed where they move; None for all.
        values: keep the value behind each step.
        now_ms: the load clock that relative expire times count from; the present by default.
        written_by: the release that wrote the log, if the user named it.

    Attributes:
        writer: who wrote the log, as which it was replayed; None before the first step.
    """

    def __init__(
        self,
        log: Log,
        keys: frozenset[bytes],
        *,
        admits: Callable[[bytes], bool] | None = None,
        candidates: Watch | None = None,
        db: int | None = None,
        values: bool = False,
        now_ms: int | None = None,
        written_by: str | None = None,
        workers: int = 1,
        progress: Progress = no_progress,
    ) -> None:
        self._log, self._values, self._now_ms = log, values, now_ms
        self._written_by = written_by
        self._asked, self._db = keys, db
        self._admits = admits or (lambda key: False)
        self._candidates = candidates or Watch()
        self._workers, self._progress = workers, progress
        self._base_s: int | None = None
        self._given_ms: dict[tuple[int, bytes], int | None] = {}
        self.writer: Writer | None = None
        self._aux: Mapping[bytes, bytes] = {}
        self._base_version: BaseVersion | None = None
        self._in_doubt: str | None = None
        self._doubt_of = Doubt()
        self.end = HistoryEnd()
        need_files(log)

    def __iter__(self) -> Iterator[HistoryStep]:
        if (self._log.size_bytes or 0) > _LARGE_BYTES:
            # The replay engine takes a tenth of a second to load; the scan leaves the interpreter idle.
            threading.Thread(target=import_module, args=(_ENGINE,), daemon=True).start()
        lineage = trace_lineage(
            self._log,
            set(self._asked) | self._of_base(),
            self._admits,
            self._candidates,
            workers=self._workers,
            progress=self._progress,
        )
        self.end.keys = len(lineage.keys)
        self.end.damage = lineage.end.told
        self._shown = NamesShown(lineage, self._db)
        told_by: set[TimeSource] = set()
        for step in self._steps(lineage):
            self.end.steps += 1
            told_by.update(step.bounds.sources)
            yield step
        clues = clue_words(told_by)
        if clues:
            self.end.notes.append(f"times are inferred from {clues}: they hold if no client chose those")
        if self._in_doubt is not None:
            text = "the state of a key is unknown until a command sets or removes all of it"
            self.end.notes.append(f"behind {self._in_doubt} {text}")

    def _steps(self, lineage: Lineage) -> Iterator[HistoryStep]:
        # Here, not above: a tenth of a second, and not every key is found.
        from aoftool.keyspace.engine import Keyspace

        found = list(self._records() if lineage.everything else self._base_records(lineage.keys))
        self._clock = LogClock(self._log, self._base_s, find_clues(self._log, lineage.held or ()))
        self.writer = self._find_writer(lineage)
        flavour = flavour_of_writer(self.writer)
        self._keyspace = Keyspace(
            flavour,
            INFERRED,
            self._now_ms,
            allow_random=True,
            stands_in=True,
            budget=budget_for(self._log.size_bytes or 0),
        )
        for record in found:
            yield from self._load(record)
        for hit in lineage.hits():
            if hit.command.name in FRAMING or (hit.file, hit.command.txn) in lineage.open_txns:
                continue
            yield from self._replay(hit)
        unknown = unknown_note(
            [place for place in self._keyspace.unknown_keys if self._db is None or place[0] == self._db]
        )
        if unknown:
            self.end.notes.append(unknown)
        if self._keyspace.choice_note:
            self.end.notes.append(self._keyspace.choice_note)
        if self._keyspace.clock_reads:
            self.end.notes.append("relative expire times are counted from now, as a loader does")
        setting = setting_words(len(self._keyspace.databases), None if self._db is None else {self._db})
        if setting:
            self.end.notes.append(setting)
        if lineage.open_txns:
            self.end.notes.append(self._open_note(lineage))

    def _open_note(self, lineage: Lineage) -> str:
        """Say what became of transactions that are open at the end of their file."""
        last = len(self._log.files) - 1
        if all(file == last for file, _ in lineage.open_txns):
            return "a MULTI without EXEC at the end never happened: its commands are left out"
        return "the commands of a MULTI that is open at the end of its file are left out"

    # -- the RDB part --------------------------------------------------------------------------

    def _of_base(self) -> set[bytes]:
        """Return the keys of the RDB part that the pattern asks for; read the facts about it."""
        wanted: set[bytes] = set()
        if self._candidates == Watch():
            return wanted
        for record in self._records():
            if self._admits(record.key):
                wanted.add(record.key)
        return wanted

    def _base_records(self, keys: set[bytes]) -> Iterator[Record]:
        return (record for record in self._records() if record.key in keys)

    def _records(self) -> Iterator[Record]:
        with open_log_file(self._log.files[0]) as source:
            if not source.seekable or not is_rdb(source.peek(HEADER_BYTES)):
                return
            reader = records(source, 0, skip_empty=True)
            for record in reader:
                try:
                    _ = record.key  # read only now, and raises where it is damaged
                except EncodingDamage:
                    continue
                yield record
            if reader.empty:
                self._note(empty_note(reader.empty))
            summary = reader.summary
            self._aux, self._base_version = summary.aux, base_version(summary)
            self._base_s = created_s(summary.aux)
            if summary.stop is not None and self.end.damage is None:
                damage = summary.stop
                self.end.damage = (self._log.files[0].shown_name, damage.offset, damage.message)

    def _note(self, text: str) -> None:
        if text not in self.end.notes:
            self.end.notes.append(text)

    def _find_writer(self, lineage: Lineage) -> Writer:
        """Return who wrote the log; all of it is read for that only if the keys asked for depend on it."""
        if lineage.held is not None:
            seen = Evidence(multi_part=self._log.kind is LogKind.MULTI_PART, base=self._base_version)
            for hit in lineage.held:
                seen.add(hit.command.argv)
            writer = find_writer(self._aux, seen, self._written_by)
            names = [hit.command.name for hit in lineage.held]
            if not writer.is_open or len(rivals(writer, names, seen)) == 1:
                return writer
        return writer_of_log(self._log, self._written_by, workers=self._workers)

    def _load(self, record: Record) -> Iterator[HistoryStep]:
        note = None
        if record.db >= MOST_DATABASES:
            self._note(f"the RDB part has the key in database {record.db}, which is not followed")
            return
        try:
            self._keyspace.load(record)
        except OverBudgetError:
            raise
        except (EncodingDamage, UnsupportedError) as problem:
            note = f"the value cannot be read: {problem.message}"
        key, file = record.key, self._log.files[0]
        if not self._shown.shows(0, record.start, record.db, key):
            return
        command = LoggedCommand(
            file.shown_name, 0, record.start, record.size_bytes, 0, record.db, 0, None, []
        )
        after = self._state(record.db, key)
        if note is not None:
            after = self._unread(record)
        bounds = self._clock.of_base()
        # The fork that made the RDB part came after; by how much more than a second nobody asks.
        self._given_ms[record.db, key] = None if bounds.earliest_ms is None else bounds.earliest_ms + 1000
        yield HistoryStep(StepKind.BASE, command, key, record.db, bounds, _GONE, after, note=note)

    def _unread(self, record: Record) -> KeyState:
        """Return what a record tells of a value that cannot be read."""
        module = record.encoding if record.type_id == MODULE_TYPE else ""
        return KeyState(record.type_name, record.elements, record.expire_at_ms, module_type=module)

    # -- commands ------------------------------------------------------------------------------

    def _replay(self, hit: Hit) -> Iterator[HistoryStep]:
        command = hit.command
        row = logged(command, self._log.files[hit.file], hit.file)
        name = command.name
        if is_opaque(name):
            yield from self._opaque(row)
            return
        places = self._touched(hit, row)
        before = [self._state(db, key) for db, key in places]
        # Of a key that is not known it cannot be told whether a server would have refused.
        told = self._execute(row)
        if told is not None and (what := self._beyond(row)):
            self._doubt(row, f"{what} of {name.decode('latin-1')} is not known here")
            told = None
        else:
            self._doubt_of.follow(row.db, name, row.argv)
        refused = told if all(state.is_known for state in before) else None
        kind = StepKind.WHOLE if name in WHOLE_DATABASE else StepKind.WRITE
        bounds = self._clock.bounds(hit.file, row.offset, row.time_s)
        of_file = self._clock.of_file(hit.file)
        is_plain = kind is StepKind.WRITE and len(keys_of(command.argv)) == 1
        for (db, key), was in zip(places, before, strict=True):
            after = self._state(db, key)
            if kind is StepKind.WHOLE and not was.exists and not after.exists:
                continue
            step = HistoryStep(kind, row, key, db, bounds, was, after, is_plain=is_plain, file_bounds=of_file)
            if refused is not None:
                step.refused = refused.text
            if was.exists and not after.exists and after.is_known and was.is_known:
                step.deletion = self._grade(step)
            if was.expire_at_ms != after.expire_at_ms:
                # When the expire time was given; a rename or copy brings one along from nobody knows when.
                self._given_ms[db, key] = bounds.latest_ms if is_plain else None
            yield step

    def _touched(self, hit: Hit, row: LoggedCommand) -> list[tuple[int, bytes]]:
        """Return the (database, key) pairs shown that a command may change, each once; go on behind it."""
        command, shown = hit.command, self._shown
        places = list(dict.fromkeys(reached(command, self._keyspace.databases)))
        at = hit.file, command.offset
        before = {place for place in places if shown.shows(*at, *place)}
        shown.follow(hit.file, command)
        return [place for place in places if place in before or shown.shows(*at, *place)]

    def _execute(self, row: LoggedCommand) -> Refusal | None:
        from aoftool.keyspace.refusal import Refusal, ReplayStopError

        keyspace = self._keyspace
        try:
            if keyspace.selected != row.db:
                keyspace.execute((b"SELECT", b"%d" % row.db))
            shortened = keyspace.shortened
            refused = keyspace.execute(row.argv)
            if keyspace.shortened > shortened and self._beyond(row):
                return Refusal(keyspace.commands, row.name.decode("latin-1"), "surplus arguments")
            return refused
        except ReplayStopError as stop:
            if stop.reason == "arity" and self._beyond(row):
                return Refusal(stop.command_index, stop.name, stop.message)
            self._doubt(row, stop.message.partition(": ")[2] or stop.message)
            return None

    def _beyond(self, row: LoggedCommand) -> str:
        """Return what the writer of the log cannot have written in a command that was refused."""
        from aoftool.replay.doubt import beyond, unknown_form

        assert self.writer is not None
        if unknown_form(row.argv):
            self.end.is_judged = False
        return beyond(row.argv, self.writer.release)

    def _opaque(self, row: LoggedCommand) -> Iterator[HistoryStep]:
        name = excerpt(row.argv[0][:40])
        self._doubt(row, f"{name} may read and write any key")
        for db, key in self._shown.asked_places(row.db):
            if self._shown.shows(row.file_number, row.offset, db, key) and key in row.argv:
                bounds = self._clock.bounds(row.file_number, row.offset, row.time_s)
                of_file = self._clock.of_file(row.file_number)
                yield HistoryStep(
                    StepKind.OPAQUE, row, key, db, bounds, _UNKNOWN, _UNKNOWN, file_bounds=of_file
                )

    def _doubt(self, row: LoggedCommand, why: str) -> None:
        self._doubt_of.begin()
        if self._in_doubt is None:
            self._in_doubt = f"{row.file} offset {row.offset:,} ({why})"

    def _state(self, db: int, key: bytes) -> KeyState:
        if not self._doubt_of.knows(db, key):
            return _UNKNOWN
        if not 0 <= db < len(self._keyspace.databases):
            return _GONE
        entry = self._keyspace.databases[db].entry(key)
        if entry is None:
            return _GONE
        if isinstance(entry.value, UnknownValue):
            return _UNKNOWN
        value = copy.deepcopy(entry.value) if self._values else None
        kind, length, module = type_name(entry.value), length_of(entry.value), module_type(entry.value)
        return KeyState(kind, length, entry.expire_at_ms, value, module_type=module)

    def _grade(self, step: HistoryStep) -> Deletion:
        row = step.command

        def run() -> int:
            from aoftool.analysis.history.deletion_runs import server_like_run

            return server_like_run(self._log.files[row.file_number], row.offset)

        return grade_deletion(
            row.argv,
            step.before,
            step.bounds,
            self._family(),
            run,
            in_transaction=row.txn > 0,
            given_ms=self._given_ms.get((step.db, step.key)),
        )

    def _family(self) -> str | None:
        """Return `redis` or `valkey` if the RDB part names it or nothing else is possible."""
        return None if self.writer is None else self.writer.family
