"""What an overview of a log holds: plain rows, already merged, ready to be shown.

Names that came from input are `bytes` here; whoever shows them escapes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "CommandRow",
    "DatabaseRow",
    "FileRow",
    "Health",
    "Overview",
    "RdbPart",
    "RdbRow",
    "RowKind",
    "TimeRange",
    "Writer",
]


class RowKind:
    """What a row of the command distribution counts; the bytes of all kinds add up to the files."""

    COMMAND = "command"
    FRAMING = "framing"
    ANNOTATION = "annotation"
    RDB = "rdb"
    UNREAD = "unread"


@dataclass(slots=True)
class CommandRow:
    """One row of the distribution.

    Attributes:
        name: canonical upper-case name, with the subcommand after a blank; for the other kinds a
            fixed label.
        size_bytes: whole commands with their RESP framing.
        largest_bytes: the largest single command; `largest_file` and `largest_offset` say where.
        known: False for a command no server we know of has.
    """

    name: bytes
    kind: str
    count: int
    size_bytes: int
    largest_bytes: int = 0
    largest_file: str | None = None
    largest_offset: int | None = None
    known: bool = True


@dataclass(slots=True)
class DatabaseRow:
    """One database: commands that ran in it and keys that its RDB part holds."""

    db: int | None
    commands: int = 0
    size_bytes: int = 0
    rdb_keys: int = 0
    rdb_keys_with_expire: int = 0


@dataclass(slots=True)
class FileRow:
    """One file of the log.

    Attributes:
        role: single, base, incr, history, rdb or stdin.
        format: `RDB`, `RESP`, `RDB + RESP`, `empty` or `missing`.
        size_bytes: bytes read, after decompression.
        good_end: offset behind the last whole command (or RDB part); equal to `size_bytes` when the
            file is whole.
        commands: whole commands before the first damage.
    """

    name: str
    role: str
    sequence: int | None
    format: str
    size_bytes: int
    good_end: int
    commands: int
    compression: str | None = None
    disk_bytes: int | None = None


@dataclass(slots=True)
class TimeRange:
    """First and last `#TS` annotation in file order, Unix seconds, and how many there are."""

    first_s: int
    last_s: int
    earliest_s: int
    latest_s: int
    annotations: int
    backwards: int


@dataclass(slots=True)
class Writer:
    """Who wrote the base, from its AUX fields."""

    server: str
    version: bytes | None
    bits: int | None
    created_s: int | None
    magic: str


@dataclass(slots=True)
class RdbRow:
    """Keys of one type and encoding."""

    type_name: str
    encoding: str
    keys: int
    elements: int | None
    size_bytes: int


@dataclass(slots=True)
class RdbPart:
    """The RDB part of one file."""

    file: str
    magic: str
    size_bytes: int
    keys: int
    keys_with_expire: int
    checksum: str
    rows: list[RdbRow] = field(default_factory=list)
    functions: list[bytes] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    aux: list[tuple[bytes, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class Health:
    """The verdict in one line.

    Attributes:
        verdict: `intact` or the class of the first damage, such as `torn-tail`.
        bytes_behind, commands_behind: what stands in that file behind the damage; commands are
            those that parse again after it, None when they were not counted.
        next_command: what to type next, None when there is nothing to do.
        notes: findings that leave the log intact.
    """

    verdict: str
    message: str
    file: str | None = None
    offset: int | None = None
    bytes_behind: int | None = None
    commands_behind: int | None = None
    next_command: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Tell whether nothing is damaged."""
        return self.verdict == "intact"


@dataclass(slots=True)
class Overview:
    """All that `aoftool inspect` shows."""

    path: str
    layout: str
    size_bytes: int
    files: list[FileRow]
    health: Health
    writer: Writer | None
    time_range: TimeRange | None
    commands: list[CommandRow]
    databases: list[DatabaseRow]
    rdb_parts: list[RdbPart]
    transactions: int = 0
    extra: dict[str, Any] = field(default_factory=dict)
