"""When something happened, as far as a log tells, and what tells it: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["TimeBounds", "TimeSource"]


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
