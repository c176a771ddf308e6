"""What advice is made of: findings with their evidence, the ledger of standstills, what was not looked at."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from aoftool.dataclass import dataclass, field

__all__ = [
    "Advice",
    "Claim",
    "DatedEvent",
    "EventKind",
    "Evidence",
    "Finding",
    "LedgerRow",
    "Load",
    "LogFacts",
    "LogHealth",
    "NotLooked",
    "Proposal",
    "ServerFacts",
    "SettingRow",
    "Severity",
    "Window",
]


class Severity(str, Enum):
    """How bad a finding is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Return 0 for the worst."""
        return list(Severity).index(self)

    @property
    def is_bad(self) -> bool:
        """Tell whether it is medium or higher."""
        return self is not Severity.INFO


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was seen, and the file and line it stands in.

    Attributes:
        private: parts of the text that are data of the user, for who shows it to others.
    """

    text: str
    where: str = ""
    private: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Attributes:
        title: one sentence with its figure.
        found: what was seen; never empty.
        why: how it comes about.
        do: what to do, lines to type among them; each that costs durability says so. In these the word
            DIR stands for the server's data directory where that is not known.
        undo: how to take that back.
        not_this: what does not help, or is not claimed.
        values: figures and the thresholds they were held against.
        because: code of the finding that explains this one; empty for a cause.
    """

    code: str
    severity: Severity
    title: str
    found: tuple[Evidence, ...]
    why: str = ""
    do: tuple[str, ...] = ()
    undo: str = ""
    not_this: tuple[str, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    because: str = ""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What one cause kept the main thread from serving clients.

    Attributes:
        cause: code of the cause, such as `manifest-sync-end`.
        label: the same in words.
        worst_s: the longest; sum_s and times are at least, as servers keep one sample a second.
        seen_in: names of the inputs it shows in.
        finding: code of the finding that explains it; empty where none does.
    """

    cause: str
    label: str
    worst_s: float
    sum_s: float | None
    times: int | None
    seen_in: tuple[str, ...]
    where: str
    finding: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """What a policy lets a power cut take, and what it costs, here.

    Attributes:
        policy: in words.
        is_current: whether it is the one in use.
        seconds: how old what is lost may be; None where nothing here tells.
        commands, size_bytes: what was written in such a time, at the mean rate; None where that is unknown.
        costs: in words.
    """

    policy: str
    is_current: bool
    seconds: float | None
    commands: float | None
    size_bytes: float | None
    costs: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a finding would set a setting to.

    Attributes:
        code, title: of the finding that this would end.
        changes: what else it does, in words; empty where nothing here tells.
    """

    value: str
    code: str
    title: str
    changes: str = ""


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting that the log, or the main thread's time, depends on, or that somebody changed.

    Attributes:
        value: what the server uses; None where nothing captured says.
        default: of its release; None where that was not measured.
        in_file: what its file says; None where it says nothing, or was not captured.
        is_changed, is_unsaved: the value differs from the default, from that of the file.
    """

    name: str
    value: str | None
    default: str | None
    in_file: str | None
    where: str = ""
    is_changed: bool = False
    is_unsaved: bool = False
    proposals: tuple[Proposal, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that is often met and wrong, told where it would mislead here."""

    claim: str
    fact: str


class EventKind(Enum):
    """What kind of thing captures date."""

    RESTART = "restart"
    REWRITE = "rewrite"
    FORK = "fork"
    SYNC = "sync"
    STALL = "stall"


@dataclass(frozen=True, slots=True)
class DatedEvent:
    """One thing: seconds since 1970, UTC."""

    at_s: float
    kind: EventKind
    text: str
    where: str


@dataclass(frozen=True, slots=True)
class NotLooked:
    """Rules that could not be judged, and why."""

    reason: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogHealth:
    """Whether the append-only file is whole, as `inspect` says it.

    Attributes:
        verdict: the class of the first damage, `ok` or `not-judged`.
        message: one printable sentence.
        is_whole: nothing is damaged.
        is_judged: everything in it is known here.
        next: what to type, None when there is nothing to do.
    """

    verdict: str
    message: str
    is_whole: bool
    is_judged: bool
    next: str | None


@dataclass(frozen=True, slots=True)
class LogFacts:
    """What the append-only file itself tells.

    Attributes:
        size_bytes, base_bytes: of all files, of the base.
        commands: written, in the files after the base.
        seconds: that those took; None without `#TS`.
        restart_s: how long a server takes to load it, as `inspect` says.
        health: whether it is whole; what is counted of one that is not ends at the damage.
        due: (second, keys) in which most keys expire, by time; Unix time, as the commands left them.
    """

    path: str
    size_bytes: int
    base_bytes: int
    commands: int
    seconds: float | None
    restart_s: float | None
    health: LogHealth
    due: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Which server this is about; texts are empty where nothing says."""

    name: str
    version: str
    uptime_s: int | None
    policy: str
    is_aof_on: bool | None
    data_dir: str
    device: str
    file_system: str


@dataclass(frozen=True, slots=True)
class Load:
    """What the main thread had to do; None where nothing says.

    Attributes:
        seconds: in which it was measured.
        is_since_start: that is the whole run of the server.
        commands_a_second: of clients and of replication.
        loop_share: of the time, what went by in the event loop, waiting in it included; 0 to 1.
        cpu_share: of the time, what the thread had a CPU; 0 to 1.
        command_s: what a command took of the event loop, else of the CPU, with all that is not commands.
    """

    seconds: float
    is_since_start: bool
    commands_a_second: float | None
    loop_share: float | None
    cpu_share: float | None
    command_s: float | None


@dataclass(slots=True)
class Advice:
    """The whole answer.

    Attributes:
        inputs: in words, in the order they are shown.
        worst_latency_s: the longest that LATENCY has; None without it.
        fine: subjects of which every rule was looked at and none found anything.
    """

    server: ServerFacts
    inputs: tuple[str, ...]
    ledger: tuple[LedgerRow, ...]
    worst_latency_s: float | None
    findings: tuple[Finding, ...]
    windows: tuple[Window, ...]
    claims: tuple[Claim, ...]
    fine: tuple[str, ...]
    not_looked: tuple[NotLooked, ...]
    left_out: tuple[str, ...] = ()
    log: LogFacts | None = None
    load: Load | None = None
    settings: tuple[SettingRow, ...] = ()

    @property
    def worst(self) -> Severity | None:
        """Return the severity of the worst finding; None without findings."""
        return min((finding.severity for finding in self.findings), key=lambda s: s.rank, default=None)

    @property
    def is_log_damaged(self) -> bool:
        """Tell whether the log was looked at, and is damaged."""
        return self.log is not None and not self.log.health.is_whole
