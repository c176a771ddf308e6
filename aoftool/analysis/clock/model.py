"""When something happened, as far as a log tells, and what tells it: plain data."""

from __future__ import annotations

from enum import Enum

from aoftool.dataclass import dataclass
from aoftool.resp.model import Command

__all__ = ["EARLIEST_MS", "LATEST_MS", "Axis", "Hit", "TimeBounds", "TimeSource"]

EARLIEST_MS = 1_230_768_000_000
"""The start of 2009: what is no time from here to `LATEST_MS` is a number that somebody chose."""

LATEST_MS = 4_102_444_800_000
"""The start of 2100."""


class TimeSource(str, Enum):
    """What a time is known from; the values are stable and appear in JSON.

    Attributes:
        ANNOTATION: a `#TS` line; the only one that says so itself.
        BASE: the creation time of the RDB part.
        STREAM: an entry ID of a stream, taken for the server's clock.
        DEADLINE: an expire time given, taken to have lain ahead then.
        FILE: the last write to the file.
    """

    ANNOTATION = "annotation"
    BASE = "base"
    STREAM = "stream-id"
    DEADLINE = "expire-time"
    FILE = "file-time"


@dataclass(frozen=True, slots=True)
class TimeBounds:
    """Between which Unix times in milliseconds something happened; None where nothing says.

    Attributes:
        earliest_from, latest_from: what either is known from.
    """

    earliest_ms: int | None = None
    latest_ms: int | None = None
    earliest_from: TimeSource | None = None
    latest_from: TimeSource | None = None

    @property
    def is_inferred(self) -> bool:
        """Tell whether there are bounds, and no annotation gave them."""
        return any(source not in (None, TimeSource.ANNOTATION) for source in self.sources)

    @property
    def sources(self) -> tuple[TimeSource, ...]:
        """Return what the bounds are known from, each once."""
        both = (self.earliest_from, self.latest_from)
        return tuple(dict.fromkeys(source for source in both if source is not None))


@dataclass(slots=True)
class Hit:
    """A command that bears on the key, and its file."""

    file: int
    command: Command


class Axis(str, Enum):
    """Where times come from; the values are stable.

    Attributes:
        TIME: `#TS` lines, exact to a second.
        ANCHORED: interpolated between known moments; every time has a bound.
        POSITION: none; only the place in the log.
    """

    TIME = "time"
    ANCHORED = "anchored"
    POSITION = "position"
