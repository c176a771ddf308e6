"""What the growth of a log looks like over time or position: plain records, ready to be shown."""

from __future__ import annotations

from collections.abc import Callable

from aoftool.analysis.clock.model import Axis
from aoftool.dataclass import dataclass, field
from aoftool.replay.writer_model import Writer

__all__ = ["Bucket", "Burst", "Change", "ClockStep", "FileStart", "Flush", "Gap", "Growth", "GrowthRow"]


@dataclass(frozen=True, slots=True)
class Bucket:
    """One step of the axis.

    Attributes:
        start, end: Unix seconds on the time axis, else offsets in the files laid end to end.
        time_ms, bound_ms: when it begins, and how far off that may be; None without any time.
    """

    start: int
    end: int
    commands: int
    size_bytes: int
    time_ms: int | None = None
    bound_ms: int | None = None


@dataclass(frozen=True, slots=True)
class FileStart:
    """Where a file lies on the axis of position, on which all files stand end to end.

    Attributes:
        place: on the axis.
        offset: in the file, that stands there.
    """

    file: str
    place: int
    offset: int


@dataclass(frozen=True, slots=True)
class GrowthRow:
    """One command, prefix or database: its counts in every bucket."""

    name: bytes
    commands: int
    size_bytes: int
    bucket_commands: list[int]
    bucket_bytes: list[int]


@dataclass(frozen=True, slots=True)
class Change:
    """A bucket from which on things are different.

    Attributes:
        bucket: its number.
        before, after: bytes a second on the time axis, else shares of the driver, averaged over the
            stretches that the change parts.
        driver: the name whose part moved most, `driver_before` and `driver_after` its bytes a second
            or share; `driver_command` the command that moved most in it, and by itself.
    """

    bucket: int
    before: float
    after: float
    driver: bytes
    driver_before: float
    driver_after: float
    command: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """No `#TS` for a while: nothing was written, or the clock was set forward."""

    file: str
    offset: int
    from_s: int
    to_s: int

    @property
    def seconds(self) -> int:
        """Return how long."""
        return self.to_s - self.from_s


@dataclass(frozen=True, slots=True)
class Flush:
    """A command that empties databases; `time_s` is -1 without `#TS`."""

    command: bytes
    db: int
    file: str
    offset: int
    time_s: int


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The clock was set back.

    Attributes:
        kind: `backwards` where a `#TS` is lower than the one before, `stall` where commands went on
            and on under one `#TS`, as a server writes none until its clock has caught up, and gave expire
            times that lie before it.
        commands: commands under that `#TS`; 0 for `backwards`.
        given_ms: the least of those expire times, Unix milliseconds; None for `backwards`.
    """

    kind: str
    file: str
    offset: int
    from_s: int
    to_s: int
    commands: int = 0
    given_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Burst:
    """Neighbouring buckets far above the median.

    Attributes:
        first, last: numbers of its buckets.
        factor: bytes of its largest bucket over the median of those that are not empty.
        name: the row that takes most of it, with `share` of its bytes.
    """

    first: int
    last: int
    commands: int
    size_bytes: int
    factor: float
    name: bytes
    share: float


@dataclass(slots=True)
class Growth:
    """All of it.

    Attributes:
        by: command, prefix or db.
        width: seconds or bytes of a bucket.
        untimed_commands, untimed_bytes: what stands before the first `#TS` when the axis is time.
        find_changes: looks for `changes`, which takes long and is not always shown.
        anchors: what the anchored axis rests on, in words.
        writer: who wrote the log.
        flushes: commands that empty databases, at most the first 32.
        filtered: some commands were left out.
        has_base: an RDB part holds data whose commands are gone.
    """

    axis: Axis
    by: str
    width: int
    commands: int
    size_bytes: int
    buckets: list[Bucket] = field(default_factory=list)
    rows: list[GrowthRow] = field(default_factory=list)
    find_changes: Callable[[], list[Change]] = list
    gaps: list[Gap] = field(default_factory=list)
    clock: list[ClockStep] = field(default_factory=list)
    filtered: bool = False
    bursts: list[Burst] = field(default_factory=list)
    flushes: list[Flush] = field(default_factory=list)
    untimed_commands: int = 0
    untimed_bytes: int = 0
    anchors: list[str] = field(default_factory=list)
    writer: Writer | None = None
    has_base: bool = False
    _changes: list[Change] | None = field(default=None, init=False)

    @property
    def changes(self) -> list[Change]:
        """The buckets from which on things are different."""
        if self._changes is None:
            self._changes = self.find_changes()
        return self._changes
