"""All that is known of a log, for one page: what each verb found, side by side; plain data."""

from __future__ import annotations

from enum import Enum

from aoftool.advise.model import Advice
from aoftool.analysis.audit.model import Audit
from aoftool.analysis.diff.model import Diff
from aoftool.analysis.growth.model import FileStart, Growth
from aoftool.analysis.habits.model import HabitTable
from aoftool.analysis.history.model import HistoryStep
from aoftool.analysis.inspect.contents_model import ContentsView
from aoftool.analysis.inspect.model import Overview
from aoftool.check.health_model import Health
from aoftool.check.model import Finding, Report
from aoftool.dataclass import dataclass, field
from aoftool.explain.model import Explanation
from aoftool.repair.model import Plan
from aoftool.simulate.model import Simulation

__all__ = [
    "Comparison",
    "Digest",
    "Explained",
    "Happened",
    "KeyStory",
    "Lane",
    "Mark",
    "NotLooked",
    "Postmortem",
]


class Lane(str, Enum):
    """What kind of thing happened; the values are stable and appear in JSON, in the order they are shown."""

    FLUSH = "flushes"
    DELETION = "deletions"
    EXPIRY = "expiry"
    TRANSACTION = "transactions"
    ODD = "odd commands"
    LARGE = "large or wasteful"
    CLOCK = "clock and gaps"
    REWRITE = "rewrites and files"
    RESTART = "restarts"
    STALL = "stalls and forks"
    SYNC = "slow syncs"


@dataclass(frozen=True, slots=True)
class Mark:
    """One event on the axis of the growth.

    Attributes:
        at, until: on that axis, seconds or a place; equal for a moment.
        text: what it is; holds nothing from the log but numbers and names of commands.
        source: `log` or `captures`.
    """

    lane: Lane
    at: int
    until: int
    text: str
    source: str = "log"


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that captures date: seconds since 1970, UTC."""

    at_s: float
    lane: Lane
    text: str
    where: str


@dataclass(frozen=True, slots=True)
class KeyStory:
    """What happened to a key.

    Attributes:
        steps: the first and the last of them, where there are many.
        left_out: steps between those.
    """

    key: bytes
    steps: list[HistoryStep]
    left_out: int
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Explained:
    """The bytes of a damage."""

    finding: Finding
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Digest:
    """The SHA-256 of the bytes of a file on disk, and how many they are."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class NotLooked:
    """What was not looked at: why, and what to type for it, which may be nothing."""

    subject: str
    reason: str
    how: str = ""


@dataclass(slots=True)
class Postmortem:
    """All that is known of a log. What is None was not looked at, and `not_looked` says why.

    Attributes:
        path: as the user named it.
        made: versions, machine and what was asked, as pairs of words.
        by_prefix, by_command: the same bytes over the same axis.
        starts: of the files on the axis of position.
        clock_offset_known: captures tell how far their clock is from UTC.
    """

    path: str
    title: str
    overview: Overview
    health: Health
    contents: ContentsView | None = None
    by_prefix: Growth | None = None
    by_command: Growth | None = None
    starts: list[FileStart] = field(default_factory=list)
    report: Report | None = None
    plan: Plan | None = None
    explained: list[Explained] = field(default_factory=list)
    audit: Audit | None = None
    stories: list[KeyStory] = field(default_factory=list)
    repeats: HabitTable | None = None
    simulation: Simulation | None = None
    advice: Advice | None = None
    marks: list[Mark] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)
    digests: list[Digest] = field(default_factory=list)
    not_looked: list[NotLooked] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    made: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Comparison:
    """Two logs, or two moments of one, side by side.

    Attributes:
        sides: the logs themselves; one and the same for two moments.
        healths: of these.
    """

    title: str
    diff: Diff
    sides: tuple[Overview, Overview]
    healths: tuple[Health, Health]
    digests: list[Digest] = field(default_factory=list)
    made: list[tuple[str, str]] = field(default_factory=list)
