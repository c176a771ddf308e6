"""A log as tables: who fills each of them, from what the verbs are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from aoftool.analysis.commands.filter import CommandFilter
from aoftool.analysis.tables.commands import CommandRows, CommandTable
from aoftool.aof.log import need_files
from aoftool.aof.model import Log, LogFile, LogKind
from aoftool.api.machine import worker_count
from aoftool.dataclass import dataclass, field, replace
from aoftool.errors import SourceError, UsageError
from aoftool.escape import printable, shown_path
from aoftool.files.times import modified_ns
from aoftool.keyspace.selection import KeySelection
from aoftool.progress import Stage, silent_stage
from aoftool.rewrite.model import Cut
from aoftool.tables.batch import Batch, batches_of_rows
from aoftool.tables.schema import TABLES, Table, table_named

if TYPE_CHECKING:
    from aoftool.analysis.audit.model import AuditEvent
    from aoftool.analysis.growth.model import Growth
    from aoftool.analysis.keys.model import KeyRow
    from aoftool.aof.ending_model import Damage
    from aoftool.aof.survey import Survey
    from aoftool.check.model import Finding
    from aoftool.redaction import Redactor
    from aoftool.tables.arrow import ArrowTable

__all__ = ["LogTables", "TableRequest", "to_arrow"]

_STEPS, _PREFIXES = 500, 200
_TIMES = frozenset(("earliest", "latest", "earliest_from", "latest_from"))
_FATES = frozenset(("fate", "cause"))


@dataclass(frozen=True, slots=True)
class TableRequest:
    """What goes into the tables.

    Attributes:
        wanted: which commands; its keys choose rows of `keys` too, its stretch events, and all of it growth.
        selection: which keys.
        cut: the moment of the table of keys.
        arguments: fill the column of arguments.
        savings: find what becomes of commands; None does so in logs up to 128 MiB.
        redactor: hides keys and values.
        limit: rows of a table.
    """

    wanted: CommandFilter = field(default_factory=CommandFilter)
    selection: KeySelection = field(default_factory=KeySelection)
    cut: Cut = field(default_factory=Cut)
    arguments: bool = False
    savings: bool | None = None
    redactor: Redactor | None = None
    limit: int | None = None


class LogTables:
    """The tables of one log; nothing is read before a batch is asked for.

    Attributes:
        notes: what is to be known of what was read so far, in words.
        survey: what each file holds, once the table of commands, or of growth, was read to its end.
        damage: the first place that a table did not get beyond, where no survey tells it.
        findings: those of the check, once that table was read.
    """

    def __init__(
        self,
        log: Log,
        asked: TableRequest | None = None,
        *,
        workers: int | None = None,
        stage: Stage = silent_stage,
    ) -> None:
        self._log, self._asked = log, asked or TableRequest()
        self._workers, self._stage = worker_count(workers), stage
        self._is_spent = False
        self.notes: list[str] = []
        self.survey: Survey | None = None
        self.damage: Damage | None = None
        self.findings: Sequence[Finding] | None = None

    def batches(self, name: str, columns: frozenset[str] | None = None) -> Iterator[Batch]:
        """Yield the rows of a table in batches of bounded size.

        Args:
            columns: names of those that are needed; None for all. Others may be there or not.

        Raises:
            UsageError: there is no such table.
            SourceError: standard input was read already.
            AoftoolError: as the verb raises that shows the same.
        """
        table = table_of(name)
        if name == "commands":
            yield from self._commands(columns or frozenset(table.names))
            return
        rows: dict[str, Callable[[], Iterator[Sequence[Any]]]] = {
            "keys": self._keys,
            "files": self._files,
            "findings": self._findings,
            "events": self._events,
            "growth": self._growth,
        }
        yield from batches_of_rows(table, _limited(rows[name](), self._asked.limit))

    def _spend(self) -> None:
        if self._log.kind is not LogKind.STDIN:
            return
        if self._is_spent:
            raise SourceError("standard input can be read only once", hint="save it to a file first")
        self._is_spent = True

    def _end_at(self, damage: Damage | None) -> None:
        self.damage = self.damage or damage

    def _note(self, text: str) -> None:
        if text and text not in self.notes:
            self.notes.append(text)

    def _commands(self, columns: frozenset[str]) -> Iterator[Batch]:
        log, asked = self._log, self._asked
        self._spend()
        need_files(log)
        table = CommandTable(
            asked.wanted, columns, arguments=asked.arguments, redactor=asked.redactor, limit=asked.limit
        )
        if asked.arguments and "arguments" in columns:
            _need_seekable(log)
        if columns & _TIMES or asked.wanted.asks_time:
            from aoftool.analysis.clock.whole_log import clock_of_log

            with self._stage("looking for times", log.size_bytes) as progress:
                table = replace(table, clock=_clock(log, self._workers, progress, clock_of_log))
        if columns & _FATES:
            table = replace(table, fates=self._fates())
        with self._stage("reading commands", log.size_bytes) as progress:
            rows = CommandRows(log, table, progress)
            yield from rows
        self.survey = rows.survey
        lost = next((file for file in log.files if not file.exists and file.path != "-"), None)
        if lost is not None:
            self._end_at((lost.shown_name, 0, "it is missing"))
        for note in rows.notes:
            self._note(note)

    def _fates(self) -> Any:
        from aoftool.rewrite.ask.fates import find_fates
        from aoftool.rewrite.ask.savings import AUTOMATIC_BYTES

        log, wanted = self._log, self._asked.savings
        if wanted is False:
            return None
        if log.kind is LogKind.STDIN:
            self._note("what becomes of commands is not told of standard input, which is read once")
            return None
        if wanted is None and (log.size_bytes or 0) > AUTOMATIC_BYTES:
            self._note("what becomes of commands was not looked for in a log above 128 MiB: --savings does")
            return None
        with self._stage("looking for dead commands", log.size_bytes) as progress:
            fates, why = find_fates(log, progress)
        self._note(why)
        return fates

    def _keys(self) -> Iterator[Sequence[Any]]:
        from aoftool.api.keys import RowRequest, open_rows

        asked, redactor = self._asked, self._asked.redactor
        self._spend()
        wanted = RowRequest(asked.selection, asked.cut, limit=asked.limit)
        names = asked.wanted.keys
        with (
            self._stage("replaying", self._log.size_bytes) as progress,
            open_rows(self._log, wanted, progress) as rows,
        ):
            for row in rows:
                if not names or row.key in names:
                    yield _key_cells(row, redactor)
            for note in rows.notes:
                self._note(note)
            if rows.stop is not None:
                self._end_at(rows.stop)
                self._note(f"keys: {rows.stop[0]} is read up to offset {rows.stop[1]:,}: {rows.stop[2]}")

    def _files(self) -> Iterator[Sequence[Any]]:
        for number, file in enumerate(self._log.files):
            yield _file_cells(number, file)
        for file in self._log.history:
            yield _file_cells(None, file)

    def _findings(self) -> Iterator[Sequence[Any]]:
        from aoftool.api.checking import check

        self._spend()
        with self._stage("checking", self._log.size_bytes) as progress:
            found = check(self._log, workers=self._workers, progress=progress)
        self.findings = found.findings
        for finding in found.findings:
            remedy = finding.remedies[0] if finding.remedies else None
            yield (
                finding.code, finding.severity.value, shown_path(finding.path), finding.start,
                finding.end, finding.command_index, finding.line, finding.message, finding.evidence,
                None if remedy is None else remedy.action, None if remedy is None else remedy.loses_bytes,
            )  # fmt: skip

    def _events(self) -> Iterator[Sequence[Any]]:
        from aoftool.analysis.redact.commands import redacted_audit
        from aoftool.api.auditing import audit

        self._spend()
        found = audit(
            self._log, context=0, stretch=self._asked.wanted.stretch, workers=self._workers, stage=self._stage
        )
        for note in found.notes:
            self._note(note)
        self._end_at(found.damage)
        for event in redacted_audit(found, self._asked.redactor).events:
            yield _event_cells(event, self._asked.redactor)

    def _growth(self) -> Iterator[Sequence[Any]]:
        from aoftool.analysis.redact.contents import redacted_growth
        from aoftool.api.growing import growth, read

        self._spend()
        with self._stage("counting", self._log.size_bytes) as progress:
            found = read(self._log, _census(self._asked), self._asked.wanted.names or None, progress)
        self.survey = found.survey
        for note in found.notes:
            self._note(note)
        grown = growth(self._log, found, buckets=_STEPS, top=_PREFIXES, workers=self._workers)
        yield from _growth_cells(redacted_growth(grown, self._asked.redactor))


def table_of(name: str) -> Table:
    """Return a table by its name.

    Raises:
        UsageError: there is none.
    """
    try:
        return table_named(name)
    except KeyError:
        names = ", ".join(table.name for table in TABLES)
        raise UsageError(f"there is no table {name!a}", hint=f"one of {names}") from None


def to_arrow(log: Log, name: str) -> ArrowTable:
    """Return a table of a log for whatever takes Arrow streams; see `Log.to_arrow`."""
    from aoftool.tables.arrow import ArrowTable

    return ArrowTable(table_of(name), lambda: LogTables(log).batches(name))


def _limited(rows: Iterator[Sequence[Any]], limit: int | None) -> Iterator[Sequence[Any]]:
    if limit is None:
        yield from rows
        return
    for number, row in enumerate(rows):
        if number == limit:
            return
        yield row


def _clock(log: Log, workers: int, progress: Any, clock_of_log: Any) -> Any:
    # Of a log of which a file is missing or damaged no clock is made; commands of #TS have their times.
    try:
        return clock_of_log(log, workers=workers, progress=progress)
    except SourceError:
        return None


def _need_seekable(log: Log) -> None:
    from aoftool.files import open_source

    for file in log.files:
        if not file.exists:
            continue
        with open_source(file.path) as source:
            if not source.seekable:
                raise UsageError(
                    f"arguments are read a second time, which {file.shown_name} does not allow",
                    hint="unpack it first, or leave --arguments out",
                )


def _key_cells(row: KeyRow, redactor: Redactor | None) -> Sequence[Any]:
    key = row.key if redactor is None else redactor.key(row.key)
    command = None if row.command is None else printable(row.command)
    return (
        row.db, printable(key), row.type_name, row.encoding, row.elements, row.size_bytes, row.expire_at_ms,
        row.file, row.offset, command, row.writes,
    )  # fmt: skip


def _file_cells(number: int | None, file: LogFile) -> Sequence[Any]:
    written = None
    if file.exists and file.path != "-":
        try:
            written = modified_ns(file.path) // 1_000_000
        except OSError:
            written = None
    return (
        number, file.shown_name, file.role.value, file.sequence, file.size_bytes, written, file.listed,
        file.exists,
    )  # fmt: skip


def _event_cells(event: AuditEvent, redactor: Redactor | None) -> Sequence[Any]:
    from aoftool.analysis.commands.model import UNKNOWN
    from aoftool.analysis.tables.names import known_keys

    row, bounds = event.command, event.bounds
    # The command is hidden already where something is to be.
    keys = known_keys(row.argv)
    prefix = event.common_prefix
    return (
        event.code.value, event.severity.value, row.file, row.offset,
        None if event.last is None else event.last.offset,
        None if row.time_s is None else row.time_s * 1000, bounds.earliest_ms, bounds.latest_ms,
        None if bounds.earliest_from is None else bounds.earliest_from.value,
        None if bounds.latest_from is None else bounds.latest_from.value,
        None if row.db == UNKNOWN else row.db, printable(row.name) if row.argv else None,
        printable(keys[0]) if keys else None, event.commands, event.size_bytes,
        None if prefix is None else printable(prefix),
        None if event.loss is None else event.loss.keys, event.text,
    )  # fmt: skip


def _census(asked: TableRequest) -> Any:
    from aoftool.analysis.census.model import CensusOptions

    wanted, stretch = asked.wanted, asked.wanted.stretch
    selection, names = asked.selection, wanted.keys
    admits_all = not names and selection.name is None

    def admit(key: bytes) -> bool:
        return (not names or key in names) and (
            selection.name is None or selection.name.search(key) is not None
        )

    until_s = stretch.until_s
    return CensusOptions(
        since_s=stretch.since_s,
        until_s=None if until_s is None else until_s + 1,
        first=stretch.first,
        last=stretch.last,
        databases=wanted.dbs,
        admit=None if admits_all else admit,
    )


def _growth_cells(grown: Growth) -> Iterator[Sequence[Any]]:
    left = [(bucket.commands, bucket.size_bytes) for bucket in grown.buckets]
    for row in grown.rows:
        for number, bucket in enumerate(grown.buckets):
            commands, size_bytes = row.bucket_commands[number], row.bucket_bytes[number]
            if commands:
                left[number] = left[number][0] - commands, left[number][1] - size_bytes
                yield (
                    number, bucket.start, bucket.end, bucket.time_ms, bucket.bound_ms, printable(row.name),
                    commands, size_bytes,
                )  # fmt: skip
    for number, (bucket, rest) in enumerate(zip(grown.buckets, left, strict=True)):
        if rest[0]:
            yield number, bucket.start, bucket.end, bucket.time_ms, bucket.bound_ms, "(other)", *rest
    if grown.untimed_commands:
        counts = grown.untimed_commands, grown.untimed_bytes
        yield None, None, None, None, None, "(before the first #TS)", *counts
