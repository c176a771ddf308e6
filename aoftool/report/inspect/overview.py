"""Shows an overview of a log: on a terminal, or as the versioned JSON object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

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
from aoftool.check.health_model import Health
from aoftool.databases import setting_words
from aoftool.escape import json_bytes, printable
from aoftool.next_step import parted, told
from aoftool.replay.writer_model import Certainty
from aoftool.report.lines import Printer
from aoftool.report.terminal import Column, figures, print_rows, print_table, say, words
from aoftool.report.writer import writer_json, writer_note, writer_words
from aoftool.units import and_more, counted, format_bytes, format_count, format_share, format_time_ms

__all__ = [
    "database_name",
    "ordered_commands",
    "overview_head",
    "overview_json",
    "render_commands",
    "render_databases",
    "render_files",
    "render_rdb",
]

_WRAPPED_SHOWN = 8
_NAME_SHOWN = 40
_SORT_KEYS = {
    "bytes": lambda row: (-row.size_bytes, row.name),
    "count": lambda row: (-row.count, row.name),
    "name": lambda row: row.name,
    "largest": lambda row: (-row.largest_bytes, row.name),
    "mean": lambda row: (-(row.size_bytes / row.count if row.count else 0), row.name),
}
_COMMAND_COLUMNS = (
    ("command", "left"),
    ("count", "right"),
    ("share", "right"),
    ("bytes", "right"),
    ("share", "right"),
    ("mean", "right"),
    ("largest", "right"),
)


def overview_head(overview: Overview, health: Health) -> Iterator[tuple[str, str, str]]:
    """Yield labelled lines: what the log is, who wrote it and when, and whether it is whole."""
    count = len(overview.files)
    files = f", {counted(count, 'file')}" if count > 1 else ""
    yield "log", f"{overview.path}: {overview.layout}{files}, {format_bytes(overview.size_bytes)}", "bold"
    yield "written by", _written_by(overview), ""
    yield "time range", _time_range(overview.time_range), ""
    yield "health", _health(health), "green" if health.intact else "bold red"
    for note in health.notes:
        yield "note", note, "yellow"
    setting = setting_words(overview.databases_needed)
    if setting:
        yield "note", setting, "yellow"
    if overview.wrapped:
        yield "note", _wrapped(overview.wrapped), ""
    for line in told(health.next_command):
        label, _, words = line.partition(": ")
        yield label, words, "bold"


def _wrapped(counts: dict[bytes, int]) -> str:
    """Say what RREPLAY holds: the most frequent commands by name."""
    shown = ", ".join(
        f"{count:,} {printable(name[:_NAME_SHOWN])}" for name, count in list(counts.items())[:_WRAPPED_SHOWN]
    )
    rest = len(counts) - _WRAPPED_SHOWN
    return f"inside RREPLAY, of other nodes: {shown}" + (
        f" and {counted(rest, 'more name')}" if rest > 0 else ""
    )


def _written_by(overview: Overview) -> str:
    reading = overview.reading
    if overview.writer is None:
        return "no RDB part says who" + ("" if reading is None else f": {writer_words(reading)}")
    note = None if reading is None else writer_note(reading)
    if reading is not None and reading.certainty is Certainty.NAMED and reading.of_base == reading.engine:
        # The fields of the base say already which engine it was.
        note = f"read as {reading.release.name}" if reading.of_base else note
    return _writer(overview.writer) + (f"; {note}" if note else "")


def _writer(writer: Writer) -> str:
    version = printable(writer.version) if writer.version else "of unknown version"
    if writer.compatible:
        version += f", compatible with Redis {printable(writer.compatible)}"
    bits = f", {writer.bits} bit" if writer.bits else ""
    when = f", base of {format_time_ms(writer.created_s * 1000)}" if writer.created_s else ""
    return f"{writer.server} {version}{bits}{when} ({writer.magic})"


def _time_range(times: TimeRange | None) -> str:
    if times is None:
        return "unknown: no #TS annotations (aof-timestamp-enabled is off by default)"
    text = f"{format_time_ms(times.first_s * 1000)} to {format_time_ms(times.last_s * 1000)}"
    text += f", from {format_count(times.annotations)} #TS annotations"
    if times.backwards:
        text += f"; the clock runs backwards {counted(times.backwards, 'time')}"
    return text


def _health(health: Health) -> str:
    text = health.message
    if health.offset is not None and health.file is not None:
        text += f", in {health.file} at offset {format_count(health.offset)}"
    if health.bytes_behind:
        text += f"; {counted(health.bytes_behind, 'byte')} from there on"
        if health.commands_behind is not None:
            text += f", with {counted(health.commands_behind, 'whole command')} in them"
    return text


# More files than this are folded; so many of the first and of the last are shown then.
_MOST_FILES = 30
_ENDS = 4


def render_files(console: Printer, files: Sequence[FileRow]) -> None:
    """Print the files in load order."""
    columns: tuple[Column[FileRow], ...] = (
        words("file", lambda row: row.name),
        words("role", lambda row: row.role),
        figures("seq", lambda row: "" if row.sequence is None else str(row.sequence)),
        words("format", lambda row: row.format + (f" ({row.compression})" if row.compression else "")),
        figures("size", lambda row: format_bytes(row.size_bytes)),
        figures("commands", lambda row: format_count(row.commands)),
        figures("good to", lambda row: format_count(row.good_end)),
    )

    def is_bad(row: FileRow) -> bool:
        return row.good_end < row.size_bytes or row.format == "missing"

    shown = files
    if len(files) > _MOST_FILES:
        bad = [row for row in files if is_bad(row)][: _MOST_FILES - 2 * _ENDS]
        kept = {id(row) for row in (*files[:_ENDS], *bad, *files[-_ENDS:])}
        shown = [row for row in files if id(row) in kept]
    print_rows(console, columns, shown, lambda row: "red" if is_bad(row) else "")
    if len(shown) < len(files):
        console.print(f"and {counted(len(files) - len(shown), 'more file')}: --json has all")


def _command_cells(row: CommandRow, commands: int, total_bytes: int) -> tuple[str, ...]:
    is_command = row.kind in (RowKind.COMMAND, RowKind.FRAMING)
    mark = "" if row.known else " (unknown)"
    return (
        printable(row.name) + mark,
        format_count(row.count) if row.count else "",
        format_share(row.count, commands) if is_command else "",
        format_count(row.size_bytes),
        format_share(row.size_bytes, total_bytes),
        format_count(round(row.size_bytes / row.count)) if row.count and row.kind != RowKind.RDB else "",
        format_count(row.largest_bytes) if row.largest_bytes else "",
    )


def _fold(rows: list[CommandRow], top: int) -> list[CommandRow]:
    """Return the first `top` rows and one row that holds the rest, so that nothing is left out."""
    if len(rows) <= top + 1:
        return rows
    rest = rows[top:]
    folded = CommandRow(
        name=f"{len(rest)} more".encode(),
        kind=RowKind.COMMAND,
        count=sum(row.count for row in rest),
        size_bytes=sum(row.size_bytes for row in rest),
        largest_bytes=max(row.largest_bytes for row in rest),
    )
    return [*rows[:top], folded]


def ordered_commands(overview: Overview, sort: str) -> list[CommandRow]:
    """Return the rows of commands by `bytes`, `count`, `largest`, `mean` or `name`."""
    return sorted(overview.commands, key=_SORT_KEYS[sort])


def render_commands(console: Printer, overview: Overview, top: int, sort: str) -> None:
    """Print the commands, the first `top` of them; the bytes add up to those of the files."""
    ordered = ordered_commands(overview, sort)
    commands = [row for row in ordered if row.kind == RowKind.COMMAND]
    others = [row for row in ordered if row.kind != RowKind.COMMAND and (row.size_bytes or row.count)]
    total = sum(row.count for row in overview.commands if row.kind in (RowKind.COMMAND, RowKind.FRAMING))
    size = overview.size_bytes
    rows = [(_command_cells(row, total, size), "" if row.known else "yellow") for row in _fold(commands, top)]
    rows += [(_command_cells(row, total, size), "dim") for row in others]
    rows.append((("total", format_count(total), "", format_count(size), "", "", ""), "bold"))
    print_table(console, _COMMAND_COLUMNS, rows)


def render_databases(console: Printer, overview: Overview, top: int | None = None) -> None:
    """Print the databases."""
    columns: tuple[Column[DatabaseRow], ...] = (
        words("database", database_name),
        figures("commands", lambda row: format_count(row.commands)),
        figures("bytes", lambda row: format_count(row.size_bytes)),
        figures("share", lambda row: format_share(row.size_bytes, overview.size_bytes)),
        figures("keys in RDB", lambda row: format_count(row.rdb_keys)),
        figures("with expire", lambda row: format_count(row.rdb_keys_with_expire)),
    )
    shown = overview.databases if top is None else overview.databases[:top]
    print_rows(console, columns, shown)
    if len(shown) < len(overview.databases):
        say(console, f"{counted(len(overview.databases) - len(shown), 'more database')}: --by db shows all")


def database_name(row: DatabaseRow) -> str:
    """Return the name of a database for people."""
    return "other" if row.db is None else f"db {row.db}"


def render_rdb(console: Printer, part: RdbPart, top: int, *, brief: bool = False) -> None:
    """Print what an RDB part holds, by type and encoding; in brief, the types in one line."""
    title = (
        f"RDB part of {part.file}: {part.magic}, {counted(part.size_bytes, 'byte')}, "
        f"{counted(part.keys, 'key')}, {format_count(part.keys_with_expire)} with an expire time, "
        f"checksum {part.checksum}"
    )
    say(console, title)
    for label, names in (("functions", [printable(n) for n in part.functions]), ("modules", part.modules)):
        if names:
            more = and_more(len(names) - top)
            say(console, f"{label}: {', '.join(names[:top])}{more}")
    if not part.rows:
        return
    if brief:
        say(console, _types_line(part.rows, top))
        return
    columns: tuple[Column[RdbRow], ...] = (
        words("type", lambda row: row.type_name),
        words("encoding", lambda row: row.encoding),
        figures("keys", lambda row: format_count(row.keys)),
        figures("elements", lambda row: "" if row.elements is None else format_count(row.elements)),
        figures("bytes", lambda row: format_count(row.size_bytes)),
        figures("share", lambda row: format_share(row.size_bytes, part.size_bytes)),
    )
    print_rows(console, columns, part.rows[:top])
    if len(part.rows) > top:
        rest = part.rows[top:]
        keys = sum(row.keys for row in rest)
        say(console, f"{len(rest)} more, {counted(keys, 'key')}: --by type shows all")


def _types_line(rows: Sequence[RdbRow], top: int) -> str:
    """Return the types with most bytes and their keys."""
    shown = ", ".join(f"{row.type_name} ({row.encoding}) {format_count(row.keys)}" for row in rows[:top])
    more = f"; {len(rows) - top} more with --by type" if len(rows) > top else ""
    return f"keys by type: {shown}{more}"


def _command_json(row: CommandRow) -> dict[str, Any]:
    return {
        **json_bytes("name", row.name),
        "kind": row.kind,
        "known": row.known,
        "count": row.count,
        "size_bytes": row.size_bytes,
        "largest_bytes": row.largest_bytes,
        "largest_file": row.largest_file,
        "largest_offset": row.largest_offset,
    }


def _rdb_json(part: RdbPart) -> dict[str, Any]:
    return {
        "file": part.file,
        "magic": part.magic,
        "size_bytes": part.size_bytes,
        "keys": part.keys,
        "keys_with_expire": part.keys_with_expire,
        "checksum": part.checksum,
        "types": [
            {
                "type": row.type_name,
                "encoding": row.encoding,
                "keys": row.keys,
                "elements": row.elements,
                "size_bytes": row.size_bytes,
            }
            for row in part.rows
        ],
        "functions": [json_bytes("name", name) for name in part.functions],
        "modules": part.modules,
        "slot_notes": part.slots,
        "aux": [{**json_bytes("key", key), **json_bytes("value", value)} for key, value in part.aux],
        "largest": [{**_plain(row), **json_bytes("key", row.key)} for row in part.largest],
    }


def _writer_json(writer: Writer | None) -> dict[str, Any] | None:
    if writer is None:
        return None
    return {
        "server": writer.server,
        "version": None if writer.version is None else printable(writer.version),
        "compatible_with": None if writer.compatible is None else printable(writer.compatible),
        "bits": writer.bits,
        "created_s": writer.created_s,
        "magic": writer.magic,
    }


def _plain(row: Any) -> dict[str, Any]:
    """Return the fields of a row that holds numbers and safe text only."""
    return {name: getattr(row, name) for name in row.__slots__}


def overview_json(overview: Overview, health: Health, *, sort: str = "bytes") -> dict[str, Any]:
    """Return the whole overview as one JSON object; nothing is folded or rounded."""
    steps = parted(health.next_command)
    return {
        "schema": "aoftool.inspect/1",
        "path": overview.path,
        "layout": overview.layout,
        "size_bytes": overview.size_bytes,
        "intact": health.intact,
        "health": {
            **_plain(health),
            "verdict": health.verdict.value,
            "next_command": steps["next"],
            "hint": steps["hint"],
        },
        "writer": _writer_json(overview.writer),
        "reading": writer_json(overview.reading),
        "time_range": None if overview.time_range is None else _plain(overview.time_range),
        "files": [_plain(row) for row in overview.files],
        "history": [_plain(row) for row in overview.history],
        "commands": [_command_json(row) for row in ordered_commands(overview, sort)],
        "transactions": overview.transactions,
        "databases": [_plain(row) for row in overview.databases],
        "databases_needed": overview.databases_needed,
        "wrapped": [
            {**json_bytes("command", name), "count": count} for name, count in overview.wrapped.items()
        ],
        "rdb_parts": [_rdb_json(part) for part in overview.rdb_parts],
    }
