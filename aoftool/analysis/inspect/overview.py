"""Turns a survey of a log into the rows that people read: distribution, databases, RDB parts.

The bytes of all command rows add up to the bytes of all files exactly: framing commands, annotations,
RDB parts and what could not be read are rows of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aoftool.analysis.census.driver import Contents
from aoftool.analysis.census.wrapped import wrapped_counts
from aoftool.analysis.inspect.model import (
    CommandRow,
    DatabaseRow,
    FileRow,
    Overview,
    RdbPart,
    RdbRow,
    RowKind,
    TimeRange,
    Writer,
)
from aoftool.aof.model import LogFile
from aoftool.aof.numbers import highest_of_rdb, highest_of_tally
from aoftool.aof.survey import Content, FileSurvey, Survey
from aoftool.commands.framing import FRAMING
from aoftool.commands.table import lookup
from aoftool.databases import databases_for
from aoftool.dataclass import replace
from aoftool.escape import printable, shown_path, shown_text
from aoftool.files.source import STDIN, open_source
from aoftool.rdb.dialects import KEPT_COMPATIBLE, OWN_VERSION, foreign_writer
from aoftool.rdb.walk.summary import OTHER_DATABASES, RdbWalk
from aoftool.replay.log_writer import writer_of_survey
from aoftool.resp.model import OTHER_DB, OTHER_NAMES, Row, RowKey, TailTally

__all__ = ["narrowed_overview", "overview_of"]

_FORMATS = {
    Content.MISSING: "missing",
    Content.EMPTY: "empty",
    Content.RDB: "RDB",
    Content.RESP: "RESP",
    Content.MIXED: "RDB + RESP",
}


def overview_of(survey: Survey) -> Overview:
    """Return the overview of a surveyed log."""
    return Overview(
        path=shown_path(survey.log.path),
        layout=survey.log.kind.value,
        size_bytes=survey.size_bytes,
        files=[_file_row(item) for item in survey.files],
        history=[_history_row(file) for file in survey.log.history],
        writer=_writer(survey.files),
        time_range=_time_range(survey.files),
        commands=_command_rows(survey.files),
        databases=_database_rows(survey.files),
        rdb_parts=[_rdb_part(item, item.walk) for item in survey.files if item.walk is not None],
        transactions=sum(tail.transactions.count for _, tail in _tails(survey.files)),
        databases_needed=databases_for(max(map(_highest_database, survey.files), default=0)),
        wrapped=wrapped_counts(survey),
        reading=writer_of_survey(survey),
    )


def _highest_database(item: FileSurvey) -> int:
    highest = 0 if item.walk is None else highest_of_rdb(item.walk)
    if item.tail is None:
        return highest
    if item.file.path == STDIN:
        return max(highest, highest_of_tally(item.tail, None))
    with open_source(item.file.path) as source:
        return max(highest, highest_of_tally(item.tail, source))


def narrowed_overview(overview: Overview, contents: Contents) -> Overview:
    """Return an overview whose commands and databases are those that were counted; the rest is left out."""
    commands = []
    for label, count in contents.commands.items():
        name = label.partition(b" ")[0]
        kind = RowKind.FRAMING if name in FRAMING else RowKind.COMMAND
        known = name == OTHER_NAMES or lookup(name) is not None
        largest = count.largest_bytes, count.largest_file, count.largest_offset
        commands.append(CommandRow(label, kind, count.commands, count.size_bytes, *largest, known))
    databases = [
        DatabaseRow(None if db < 0 else db, *counts) for db, counts in sorted(contents.databases().items())
    ]
    return replace(overview, commands=commands, databases=databases, rdb_parts=[])


def _shown_name(item: FileSurvey) -> str:
    return _name_of(item.file)


def _name_of(file: LogFile) -> str:
    return file.shown_name


def _tails(files: Iterable[FileSurvey]) -> Iterator[tuple[FileSurvey, TailTally]]:
    return ((item, item.tail) for item in files if item.tail is not None)


def _file_row(item: FileSurvey) -> FileRow:
    return FileRow(
        name=_shown_name(item),
        role=item.file.role.value,
        sequence=item.file.sequence,
        format=_FORMATS[item.content],
        size_bytes=item.size_bytes,
        good_end=item.good_end,
        commands=item.tail.commands if item.tail is not None else 0,
        compression=item.compression,
        disk_bytes=item.stored_size_bytes,
    )


def _history_row(file: LogFile) -> FileRow:
    size = file.size_bytes or 0
    return FileRow(
        name=_name_of(file),
        role=file.role.value,
        sequence=file.sequence,
        format="not read" if file.exists else "missing",
        size_bytes=size,
        good_end=size,
        commands=0,
        disk_bytes=file.size_bytes,
    )


def _command_rows(files: list[FileSurvey]) -> list[CommandRow]:
    rows: dict[bytes, CommandRow] = {}
    for item, tail in _tails(files):
        for key, counted in tail.rows.items():
            row = rows.setdefault(_label(key), _new_row(key))
            _add(row, counted, _shown_name(item))
    return [*rows.values(), *_other_rows(files)]


def _label(key: RowKey) -> bytes:
    return key.name if key.subcommand is None else key.name + b" " + key.subcommand


def _new_row(key: RowKey) -> CommandRow:
    kind = RowKind.FRAMING if key.name in FRAMING else RowKind.COMMAND
    known = key.name == OTHER_NAMES or lookup(key.name) is not None
    return CommandRow(name=_label(key), kind=kind, count=0, size_bytes=0, known=known)


def _add(row: CommandRow, counted: Row, file: str) -> None:
    row.count += counted.commands
    row.size_bytes += counted.bytes
    if counted.largest_bytes > row.largest_bytes:
        row.largest_bytes = counted.largest_bytes
        row.largest_file = file
        row.largest_offset = counted.largest_offset


def _other_rows(files: list[FileSurvey]) -> list[CommandRow]:
    annotations = CommandRow(name=b"# annotations", kind=RowKind.ANNOTATION, count=0, size_bytes=0)
    rdb = CommandRow(name=b"RDB part", kind=RowKind.RDB, count=0, size_bytes=0)
    unread = CommandRow(name=b"unread", kind=RowKind.UNREAD, count=0, size_bytes=0)
    for item in files:
        accounted = 0
        if item.walk is not None:
            rdb.size_bytes += item.walk.size_bytes
            accounted += item.walk.size_bytes
        if item.tail is not None:
            annotations.count += item.tail.annotations.count
            annotations.size_bytes += item.tail.annotations.bytes
            accounted += item.tail.bytes_scanned - item.tail.rest_bytes
        unread.size_bytes += item.size_bytes - accounted
    return [row for row in (annotations, rdb, unread) if row.size_bytes]


def _database_rows(files: list[FileSurvey]) -> list[DatabaseRow]:
    rows: dict[int, DatabaseRow] = {}

    def row(db: int) -> DatabaseRow:
        return rows.setdefault(db, DatabaseRow(None if db < 0 else db))

    for _, tail in _tails(files):
        for key, counted in tail.rows.items():
            target = row(OTHER_DATABASES if key.db == OTHER_DB else key.db)
            target.commands += counted.commands
            target.size_bytes += counted.bytes
    for walk in (item.walk for item in files if item.walk is not None):
        for count in walk.counts:
            row(count.db).rdb_keys += count.keys
        for db, expires in walk.expires.items():
            row(db).rdb_keys_with_expire += expires.keys
    return [rows[db] for db in sorted(rows, key=lambda db: (db < 0, db))]


def _time_range(files: list[FileSurvey]) -> TimeRange | None:
    """Return the range of all `#TS` in file order; None when there is none."""
    found: TimeRange | None = None
    for _, tail in _tails(files):
        seen = tail.annotations
        if seen.first_s is None or seen.last_s is None or seen.min_s is None or seen.max_s is None:
            continue
        backwards = seen.backwards.count
        if found is None:
            found = TimeRange(seen.first_s, seen.last_s, seen.min_s, seen.max_s, seen.timestamps, backwards)
            continue
        found.backwards += backwards + (seen.first_s < found.last_s)
        found.last_s = seen.last_s
        found.earliest_s = min(found.earliest_s, seen.min_s)
        found.latest_s = max(found.latest_s, seen.max_s)
        found.annotations += seen.timestamps
    return found


def _writer(files: list[FileSurvey]) -> Writer | None:
    walk = next((item.walk for item in files if item.walk is not None), None)
    if walk is None or not walk.magic:
        return None
    aux = walk.aux
    family = walk.family.value.capitalize() if walk.family is not None else "unknown server"
    version = aux.get(b"valkey-ver", aux.get(b"redis-ver"))
    if b"valkey-ver" in aux:
        family = "Valkey"
    unknown = walk.unknown
    family = foreign_writer(aux, () if unknown is None else (unknown.number,)) or family
    compatible = None
    if family in KEPT_COMPATIBLE:
        version, compatible = aux.get(OWN_VERSION), version
    return Writer(
        server=family,
        version=version,
        compatible=compatible,
        bits=_number(aux.get(b"redis-bits")),
        created_s=_number(aux.get(b"ctime")),
        magic=printable(walk.magic),
    )


def _number(text: bytes | None) -> int | None:
    """Return a decimal AUX value; anything else is as good as absent."""
    if text is None or len(text) > 20 or not text.isdigit():
        return None
    return int(text)


def _rdb_part(item: FileSurvey, walk: RdbWalk) -> RdbPart:
    return RdbPart(
        file=_shown_name(item),
        magic=printable(walk.magic),
        size_bytes=walk.size_bytes,
        keys=walk.keys,
        keys_with_expire=walk.keys_with_expire,
        checksum=walk.checksum.state.value,
        rows=_rdb_rows(walk),
        functions=[function.name for function in walk.functions],
        function_count=walk.function_count,
        modules=[shown_text(module.name) for module in walk.modules],
        aux=list(walk.aux.items()),
        slots=walk.slots.notes,
        largest=list(walk.largest),
    )


def _rdb_rows(walk: RdbWalk) -> list[RdbRow]:
    """Return one row for each type and encoding, databases taken together."""
    rows: dict[tuple[str, str], RdbRow] = {}
    for count in walk.counts:
        row = rows.setdefault(
            (count.type_name, count.encoding), RdbRow(count.type_name, count.encoding, 0, 0, 0)
        )
        row.keys += count.keys
        row.size_bytes += count.size_bytes
        unknown = count.unknown_elements > 0 or row.elements is None
        row.elements = None if unknown else (row.elements or 0) + count.elements
    return sorted(rows.values(), key=lambda row: (-row.size_bytes, row.type_name, row.encoding))
