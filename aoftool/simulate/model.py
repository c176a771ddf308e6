"""What a simulation of rewrites takes and gives: plain records, ready to be shown."""

from __future__ import annotations

from enum import Enum

from aoftool.aof.ending_model import Damage
from aoftool.dataclass import dataclass, field

__all__ = [
    "DEFAULTS",
    "DEFAULT_USE",
    "Advice",
    "ChildTime",
    "Forecast",
    "Goals",
    "Measured",
    "Pace",
    "Range",
    "Rewrite",
    "Row",
    "Settings",
    "Simulation",
    "SizePoint",
    "Start",
]


class Pace(str, Enum):
    """Where the times of the appended bytes come from; the values are stable.

    Attributes:
        TIMES: `#TS` lines, exact to a second.
        INFERRED: interpolated between what gives times away.
        NONE: nothing tells times; bytes are counted, and a rewrite takes none.
        CONSTANT: assumed, from INFO or as the user said.
    """

    TIMES = "time"
    INFERRED = "inferred"
    NONE = "none"
    CONSTANT = "constant"


@dataclass(frozen=True, slots=True)
class Settings:
    """`auto-aof-rewrite-min-size` in bytes and `auto-aof-rewrite-percentage`."""

    min_size_bytes: int
    percentage: int


# Source: valkey.conf of Valkey 9.1 and redis.conf of Redis 7.0 to 8.6; the same in every release.
DEFAULTS = Settings(64 << 20, 100)

DEFAULT_USE = (DEFAULTS, "the defaults")
"""The settings of a server of which nothing is told, and what says so."""


@dataclass(frozen=True, slots=True)
class SizePoint:
    """What a rewrite behind so many appended bytes would write.

    Attributes:
        place: bytes appended before it.
        size_bytes: of the base that it would leave.
        keys: in it.
        load_s: how long a server needs to load that base.
        stood_bytes: of it by the commands of values that nobody here can make, such as those of modules.
        is_within: these values take no more than that; else they may.
    """

    place: int
    size_bytes: int
    keys: int = 0
    load_s: float = 0.0
    stood_bytes: int = 0
    is_within: bool = True


@dataclass(frozen=True, slots=True)
class Start:
    """How things stand where the appended bytes begin.

    Attributes:
        current_bytes: what the server takes for the size of the log (`aof_current_size`).
        base_bytes: what it compares that with (`aof_base_size`); 0 before the first rewrite.
        disk_bytes: what the files take.
    """

    current_bytes: int = 0
    base_bytes: int = 0
    disk_bytes: int = 0


@dataclass(slots=True)
class Measured:
    """What a log, or INFO, says of how it grows.

    Attributes:
        pace: where the times come from.
        times_s: ascending, from 0; without times one second a byte.
        places: bytes appended by each of these times, ascending.
        load_places, load_s: how long a server needs to load the commands up to there, both ascending.
        sizes: what a rewrite would write, ascending in place; at least one.
        start: how things stood where the log begins.
        sampled: one key in so many was replayed; 1 for all.
        is_rdb: the base that a rewrite leaves is an RDB.
        notes: what the reader must know, in words.
        damage: (file, offset, reason) of where the log cannot be read on.
    """

    pace: Pace
    times_s: list[float]
    places: list[int]
    load_places: list[int]
    load_s: list[float]
    sizes: list[SizePoint]
    start: Start = field(default_factory=Start)
    sampled: int = 1
    is_rdb: bool = True
    notes: list[str] = field(default_factory=list)
    damage: Damage | None = None

    @property
    def stood_bytes(self) -> int:
        """Return most that a rewrite leaves by the commands of values that nobody here can make."""
        return max(point.stood_bytes for point in self.sizes)

    @property
    def is_within(self) -> bool:
        """Tell whether these values take no more than their commands."""
        return all(point.is_within for point in self.sizes)

    @property
    def appended_bytes(self) -> int:
        """Return the bytes appended in all."""
        return self.places[-1] if self.places else 0

    @property
    def seconds(self) -> float | None:
        """Return the time that they took; None when nothing tells."""
        return self.times_s[-1] if self.times_s and self.pace is not Pace.NONE else None

    @property
    def rate(self) -> float | None:
        """Return bytes a second on average; None when nothing tells."""
        return self.appended_bytes / self.seconds if self.seconds else None


@dataclass(frozen=True, slots=True)
class ChildTime:
    """How long the child that rewrites lives: `fixed_s` and its bytes at `bytes_per_s`.

    Attributes:
        source: what tells it: `default`, `info` or `asked`.
    """

    fixed_s: float = 0.15
    bytes_per_s: float = 100e6
    source: str = "default"

    def seconds(self, base_bytes: int) -> float:
        """Return it for a base of a size."""
        return self.fixed_s + (base_bytes / self.bytes_per_s if self.bytes_per_s else 0.0)

    def times(self, factor: float) -> ChildTime:
        """Return it a factor longer."""
        rate = self.bytes_per_s / factor if self.bytes_per_s else 0.0
        return ChildTime(self.fixed_s * factor, rate, self.source)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One rewrite.

    Attributes:
        time_s, place: of the fork, since the start.
        from_bytes: size of the log at the fork.
        base_bytes: what the child wrote.
        done_s: when the server took it over; behind the end of the log when it never did.
        left_bytes: size of the log then.
    """

    time_s: float
    place: int
    from_bytes: int
    base_bytes: int
    done_s: float
    left_bytes: int


@dataclass(frozen=True, slots=True)
class Range:
    """Least and most of what was found for half and for twice the time of a child."""

    least: int
    most: int


@dataclass(slots=True)
class Row:
    """What settings lead to.

    Attributes:
        rewrites: in order.
        count_range: how many there are for half and twice the time of a child; None without a pace.
        rewritten_bytes: all that the children wrote.
        largest_bytes: the log at its largest.
        peak_bytes: most that is on the disk at once: old files, growth and the new base.
        restart_s: the longest load.
        teeth: (seconds, size of the log) where the line bends, in order.
    """

    settings: Settings
    rewrites: list[Rewrite]
    rewritten_bytes: int
    largest_bytes: int
    peak_bytes: int
    restart_s: float
    amplified: float
    teeth: list[tuple[float, int]]
    count_range: Range | None = None
    per_hour: float | None = None

    @property
    def count(self) -> int:
        """Return the number of rewrites."""
        return len(self.rewrites)


@dataclass(frozen=True, slots=True)
class Goals:
    """What settings have to meet; None for no such goal.

    Attributes:
        restart_s: the longest load takes no more.
        disk_bytes: no more is on the disk at once.
        per_hour: no more rewrites than that in an hour.
    """

    restart_s: float | None = None
    disk_bytes: int | None = None
    per_hour: float | None = None

    @property
    def any(self) -> bool:
        """Tell whether there is one."""
        return any(goal is not None for goal in (self.restart_s, self.disk_bytes, self.per_hour))


@dataclass(frozen=True, slots=True)
class Advice:
    """What meets the goals.

    Attributes:
        row: the smallest change that meets all; None when none does.
        why_not: in words, why none does.
        tried: pairs of settings looked at.
        reachable: goals that can be met in place of those; None when these were.
    """

    row: Row | None
    why_not: str = ""
    tried: int = 0
    reachable: Goals | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What comes next under the present settings.

    Attributes:
        current_bytes, base_bytes: as the server takes them to be.
        base_known: the base is from INFO; else it is that of the files, as after a restart.
        trigger_bytes: at this size the log is rewritten; None for never.
        next_s: until then; None when never, or nothing tells a pace.
        needs_bytes: room that this rewrite takes beside what is there: growth until then and the new base.
        free_bytes: room on the disk; None when unknown.
        full_s: until the disk is full; None when that is never, or nothing tells.
        full_why: in words.
        rate_bytes_per_s: the pace of these dates, that of the last quarter; None when nothing tells.
    """

    current_bytes: int
    base_bytes: int
    base_known: bool
    trigger_bytes: int | None
    next_s: float | None
    needs_bytes: int | None
    free_bytes: int | None
    full_s: float | None
    full_why: str = ""
    rate_bytes_per_s: float | None = None


@dataclass(slots=True)
class Simulation:
    """All of it.

    Attributes:
        path: what was read, None for INFO alone.
        now: the settings that the server has; `now_source` what says so.
        rows: one for each pair of settings.
        advice: None when there were no goals.
        server: the release that the bases are those of, in words.
        conclusion: what all rows have in common, in words; empty where they differ.
    """

    path: str | None
    measured: Measured
    child: ChildTime
    now: Settings
    now_source: str
    rows: list[Row]
    forecast: Forecast | None = None
    goals: Goals = field(default_factory=Goals)
    advice: Advice | None = None
    server: str = ""
    conclusion: str = ""
