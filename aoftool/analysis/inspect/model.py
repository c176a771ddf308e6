"""What an overview of a log holds: plain rows, already merged, ready to be shown.

Names that came from input are `bytes` here; whoever shows them escapes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.databases import DEFAULT_DATABASES
from aoftool.dataclass import dataclass, field
from aoftool.replay import writer_model

if TYPE_CHECKING:
    # Once more as its own name: reporters know models only.
    from aoftool.rdb.walk.summary import LargeKey as LargeKey

__all__ = [
    "CommandRow",
    "DatabaseRow",
    "FileRow",
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
    """Who wrote the base, from its AUX fields.

    Attributes:
        version: its own; None where the file does not hold that.
        compatible: the version of Redis that another engine says to be compatible with; None for others.
    """

    server: str
    version: bytes | None
    compatible: bytes | None
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
    """The RDB part of one file; `checksum` is ok, wrong, disabled, absent or unread."""

    file: str
    magic: str
    size_bytes: int
    keys: int
    keys_with_expire: int
    checksum: str
    rows: list[RdbRow] = field(default_factory=list)
    functions: list[bytes] = field(default_factory=list)
    function_count: int = 0
    modules: list[str] = field(default_factory=list)
    aux: list[tuple[bytes, bytes]] = field(default_factory=list)
    slots: int = 0
    largest: list[LargeKey] = field(default_factory=list)


@dataclass(slots=True)
class Overview:
    """All that `aoftool inspect` shows.

    Attributes:
        databases_needed: the least `databases` setting under which a server runs all of it.
        writer: who wrote the base; None when no base says.
        wrapped: how many commands of each name stand inside RREPLAY of KeyDB.
        reading: as which release the log is read, and how sure that is.
    """

    path: str
    layout: str
    size_bytes: int
    files: list[FileRow]
    history: list[FileRow]
    writer: Writer | None
    time_range: TimeRange | None
    commands: list[CommandRow]
    databases: list[DatabaseRow]
    rdb_parts: list[RdbPart]
    transactions: int = 0
    databases_needed: int = DEFAULT_DATABASES
    wrapped: dict[bytes, int] = field(default_factory=dict)
    reading: writer_model.Writer | None = None
