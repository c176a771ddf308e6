"""What the counting of keys is told and what it gives back: plain columns and records.

Shared by the kernel and its Python reference. Knows no file and no view.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from aoftool.analysis.census.templates import Template
from aoftool.aof.model import Place
from aoftool.dataclass import dataclass, field
from aoftool.namedtuple import NamedTuple

__all__ = [
    "DELETED",
    "FIRST_PREFIX",
    "FRAMING_PREFIX",
    "HISTOGRAM",
    "KEYLESS_PREFIX",
    "NO_DEADLINE",
    "OTHER_PREFIX",
    "SPACINGS",
    "TOP",
    "Action",
    "CellKind",
    "CensusOptions",
    "CommandRole",
    "KeyColumns",
    "SliceColumns",
    "Spike",
]

KEYLESS_PREFIX = 0
FRAMING_PREFIX = 1
OTHER_PREFIX = 2
FIRST_PREFIX = 3
"""Numbers of the three rows that are no prefix, and of the first that is one."""

TOP = 32
"""How many of the largest commands, transactions, gaps and stalls are kept."""

NO_DEADLINE = 0
DELETED = -1
"""What stands for the expire time of a key that has none, or that was deleted last."""

SPACINGS = 256
"""Distances of `#TS` lines that are told apart, in seconds; the last holds all larger ones."""

HISTOGRAM = 65
"""Rows of a histogram: row n counts sizes of n binary digits."""


class Action(IntEnum):
    """What a command does to the expire time of its keys; the table of commands is `command_roles`."""

    TOUCH = 0
    SET = 1
    EXPIRE_MS = 2
    EXPIRE_S = 3
    DELETE = 4
    PERSIST = 5
    FLUSH_DB = 6
    FLUSH_ALL = 7
    STREAM_ADD = 8
    FRAMING = 9
    RENAME = 10
    COPY = 11
    STORE = 12


class CellKind(IntEnum):
    """What the commands of a slice are told apart by."""

    COMMAND = 0
    DB = 1
    PREFIX = 2


class CommandRole(NamedTuple):
    """What the census knows of one command name.

    Attributes:
        number: of the name, the same for all files.
        action: as in `Action`.
        extras_from: captured arguments from this index on are no keys; 0 when all are.
        admitted: count commands of this name.
    """

    number: int
    action: int
    extras_from: int
    admitted: bool


@dataclass(frozen=True, slots=True)
class CensusOptions:
    """What to count and how far.

    Attributes:
        key_limit: distinct keys in the table before it counts as full; it may hold a quarter more.
        prefix_limit: distinct prefixes; later ones are counted together.
        since_s, until_s: only commands under a `#TS` in this half-open range.
        untimed: where commands are asked for by `#TS`, those without any count as well.
        first, last: only commands from this place on, and before that one.
        untimed_first, untimed_last: the same of commands without `#TS`.
        databases: only these; None for all.
        admit: only keys of which this is true, and commands with such a key; asked once a key.
    """

    template: Template = field(default_factory=Template)
    key_limit: int = 1 << 21
    prefix_limit: int = 1 << 16
    since_s: int | None = None
    until_s: int | None = None
    untimed: bool = False
    first: Place | None = None
    last: Place | None = None
    untimed_first: Place | None = None
    untimed_last: Place | None = None
    databases: frozenset[int] | None = None
    admit: Callable[[bytes], bool] | None = None

    @property
    def filtered(self) -> bool:
        """Tell whether some commands may be left out by what is said here."""
        bounds = (self.since_s, self.until_s, self.first, self.last)
        return any(item is not None for item in (*bounds, self.databases, self.admit))


class Spike(NamedTuple):
    """One of the largest of something.

    Attributes:
        size: what it is ranked by.
        file, offset: where it starts; the file by its number.
        other: what belongs to it, see the maker.
        time_s: the `#TS` in force, -1 without one.
        db: the database.
        command: number of the command name, -1 when it is none.
        key: its first key, cut to 256 bytes.
    """

    size: int
    file: int
    offset: int
    other: int
    time_s: int
    db: int
    command: int
    key: bytes


class SliceColumns(NamedTuple):
    """Stretches of the log, and in each the counts by command, database and prefix.

    A slice ends where the second or the stretch of file changes. All columns are native 64-bit integers.

    Attributes:
        file, offset, time_s: where the slice begins, and its `#TS` (-1 without one).
        commands, size_bytes: what it holds.
        first_index: commands of this file before it.
        deadline_ms: least expire time given in it, 0 when none was.
        stream_ms: time part of the first stream entry ID in it, 0 when there is none.
        stream_index: commands of this file before that entry.
        cell_end: number of cells up to and including this slice.
        cell_kind, cell_id, cell_commands, cell_bytes: the counts.
    """

    file: bytes
    offset: bytes
    time_s: bytes
    commands: bytes
    size_bytes: bytes
    first_index: bytes
    deadline_ms: bytes
    stream_ms: bytes
    stream_index: bytes
    cell_end: bytes
    cell_kind: bytes
    cell_id: bytes
    cell_commands: bytes
    cell_bytes: bytes


class KeyColumns(NamedTuple):
    """Keys and what was counted of each. All columns but `names` are native 64-bit integers.

    Attributes:
        db, prefix: database number, number of the prefix.
        writes, size_bytes: commands that name it, and its share of their bytes.
        deadline_ms: the last expire time given, NO_DEADLINE or DELETED.
        name_end: end of its name in `names`.
    """

    db: bytes
    prefix: bytes
    writes: bytes
    size_bytes: bytes
    deadline_ms: bytes
    name_end: bytes
    names: bytes
