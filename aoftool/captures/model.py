"""What the readers give: plain figures, each with the line it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from aoftool.dataclass import dataclass, field

__all__ = [
    "Call",
    "Directive",
    "DiskTable",
    "Entry",
    "Info",
    "Kind",
    "LatencyEvent",
    "LatencySample",
    "LogEntry",
    "Mount",
    "Reading",
    "Report",
    "SlowCommand",
    "Trace",
]


class Kind(str, Enum):
    """What a captured text is."""

    INFO = "INFO"
    CONFIG = "CONFIG"
    CONF = "conf file"
    LATENCY_LATEST = "LATENCY LATEST"
    LATENCY_HISTORY = "LATENCY HISTORY"
    LATENCY_DOCTOR = "LATENCY DOCTOR"
    LATENCY_CLIENT = "client latency"
    SLOWLOG = "SLOWLOG"
    COMMANDLOG = "COMMANDLOG"
    MEMORY_STATS = "MEMORY STATS"
    MEMORY_DOCTOR = "MEMORY DOCTOR"
    SERVER_LOG = "server log"
    STRACE = "strace"
    STATUS = "/proc status"
    SMAPS = "/proc smaps"
    PROC_IO = "/proc io"
    MEMINFO = "meminfo"
    MOUNTINFO = "mountinfo"
    VMSTAT = "vmstat"
    IOSTAT = "iostat"
    DF = "df"
    FILES = "files"
    INTRINSIC = "intrinsic latency"
    KERNEL = "kernel setting"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Entry:
    """One value and where it stands."""

    value: str
    where: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One number and where it stands."""

    value: float
    where: str


@dataclass(frozen=True, slots=True)
class Info:
    """One reply of INFO: fields by name."""

    name: str
    fields: Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Directive:
    """One line of a conf file: a name in lower case and its arguments without quotes.

    Attributes:
        is_whole: not the last line without an end, which may be half of one.
    """

    name: str
    arguments: tuple[str, ...]
    where: str
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class LatencyEvent:
    """One row of LATENCY LATEST: seconds since 1970, lengths in ms; sum and count since Valkey 8.1."""

    event: str
    at_s: int
    latest_ms: int
    max_ms: int
    sum_ms: int | None
    count: int | None
    where: str


@dataclass(frozen=True, slots=True)
class LatencySample:
    """One sample of LATENCY HISTORY; the server keeps the worst of each second, the last 160."""

    event: str
    at_s: int
    ms: int
    where: str


@dataclass(frozen=True, slots=True)
class SlowCommand:
    """One entry of SLOWLOG or COMMANDLOG; the arguments hold data of clients."""

    id: int
    at_s: int
    usec: int
    command: str
    argument_count: int
    first_argument: str
    where: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the server's log.

    Attributes:
        role: M for the main process, C for a child, S for a replica, X for a sentinel; empty if unknown.
        at_s: seconds since 1970 as if the clock of the log were UTC; None where no time can be read.
        level: `.`, `-`, `*` or `#`.
    """

    pid: int | None
    role: str
    at_s: float | None
    level: str
    message: str
    where: str
    index: int


@dataclass(frozen=True, slots=True)
class Call:
    """One system call of an strace file.

    Attributes:
        tid: of the thread; None where strace followed one thread only and named none.
        at_s: when it began: seconds since 1970, or of the day where strace wrote those; None without times.
        seconds: how long it took; of one that never ended, up to the last line of the file at least.
        fd: of the first argument; of a call that opened a file what it gave.
        path: of the first argument with `-y`, else what was opened or renamed; empty if unknown.
        size_bytes: what a write was asked to write; None for other calls.
        ended: whether its end was seen.
    """

    tid: int | None
    at_s: float | None
    name: str
    fd: int | None
    path: str
    other_path: str
    size_bytes: int | None
    seconds: float
    ended: bool
    where: str


@dataclass(frozen=True, slots=True)
class Trace:
    """All calls of an strace file in order of their begin.

    Attributes:
        is_dated: whether times are seconds since 1970 rather than of the day.
        names_threads: whether lines carry thread ids, as with `-f`.
        unreadable: lines that are no call.
    """

    name: str
    calls: tuple[Call, ...]
    is_dated: bool
    names_threads: bool
    unreadable: int


@dataclass(frozen=True, slots=True)
class Mount:
    """One file system of mountinfo."""

    point: str
    kind: str
    source: str
    options: str
    where: str


@dataclass(frozen=True, slots=True)
class Report:
    """One interval of vmstat or iostat: figures of columns, for iostat by device too."""

    figures: Mapping[str, float]
    devices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True, slots=True)
class DiskTable:
    """What iostat reported: one report an interval, and how many CPUs its first line says there are."""

    reports: tuple[Report, ...] = ()
    cpus: int | None = None
