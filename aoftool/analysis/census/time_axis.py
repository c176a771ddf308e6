"""When was what: anchors that tie places of a log to moments, and times between them.

Strongest first: `#TS` lines; the creation time of the base, which is when the next file was begun;
entry IDs of streams, which are the server's clock as long as they never run backwards; the time a file
was last written. Expire times given are upper bounds: a server makes them of times to live, and logs a past
one as a deletion, but for SET with PXAT on Redis.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

from aoftool.analysis.census.series import COMMANDS, DEADLINE, FILE, STREAM, STREAM_AFTER, TIME, Series
from aoftool.analysis.clock.model import EARLIEST_MS, LATEST_MS, Axis
from aoftool.dataclass import dataclass, field

__all__ = ["Anchor", "FileTimes", "TimeAxis", "time_axis"]

_TIMED_SHARE = 0.5
_SECOND_MS = 1000
_STREAM_KIND = "stream entry ID"


@dataclass(frozen=True, slots=True)
class FileTimes:
    """What is known of one file besides its content.

    Attributes:
        began_s: when it was begun, None when unknown.
        written_s: when it was last written; None when there is nothing to ask.
    """

    name: str
    began_s: int | None = None
    written_s: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class Anchor:
    """At so many commands into the log it was this moment."""

    commands: int
    time_ms: int
    kind: str


@dataclass(slots=True)
class TimeAxis:
    """Tell times.

    Attributes:
        axis: what it can do.
        anchors: ascending in place and time; only used when the axis is ANCHORED.
        limits: (commands, latest possible time before that place), ascending in both.
        whole: all commands are counted. Else the times of files only lie before and behind those that are.
    """

    axis: Axis
    anchors: list[Anchor] = field(default_factory=list)
    limits: list[tuple[int, int]] = field(default_factory=list)
    whole: bool = True

    def time_at(self, commands: int) -> tuple[int, int] | None:
        """Return (time in milliseconds, how far off it may be) so many commands into the log.

        None outside the anchors and without any.
        """
        if self.axis is not Axis.ANCHORED:
            return None
        after = bisect_right(self.anchors, commands, key=lambda anchor: anchor.commands)
        if after == 0:
            return None
        before = self.anchors[after - 1]
        if before.commands == commands and (self.whole or before.kind == _STREAM_KIND):
            return before.time_ms, _SECOND_MS
        if after == len(self.anchors):
            return None
        behind = self.anchors[after]
        share = (commands - before.commands) / (behind.commands - before.commands)
        time_ms = before.time_ms + round(share * (behind.time_ms - before.time_ms))
        latest = max(min(behind.time_ms, self._limit(commands)), before.time_ms)
        time_ms = min(time_ms, latest)
        return time_ms, max(time_ms - before.time_ms, latest - time_ms, _SECOND_MS)

    def _limit(self, commands: int) -> int:
        at = bisect_right(self.limits, commands, key=lambda limit: limit[0])
        return self.limits[at][1] if at < len(self.limits) else LATEST_MS

    def describe(self) -> list[str]:
        """Return in words what the anchored axis rests on."""
        counts: dict[str, int] = {}
        for anchor in self.anchors:
            counts[anchor.kind] = counts.get(anchor.kind, 0) + 1
        return [kind if count == 1 else f"{count} {kind}s" for kind, count in counts.items()]


def time_axis(series: Series, files: Iterable[FileTimes] = (), *, whole: bool = True) -> TimeAxis:
    """Return the best axis there is for a series.

    Args:
        whole: all commands of the files are in it.
    """
    commands, times = series.of_slices(COMMANDS), series.of_slices(TIME)
    timed = sum(count for count, time_s in zip(commands, times, strict=True) if time_s >= 0)
    if timed and timed >= _TIMED_SHARE * sum(commands):
        return TimeAxis(Axis.TIME)
    anchors = _ascending([*_file_anchors(series, files), *_stream_anchors(series)])
    if len(anchors) < 2 or anchors[0].time_ms == anchors[-1].time_ms:
        return TimeAxis(Axis.POSITION)
    return TimeAxis(Axis.ANCHORED, anchors, _limits(series), whole)


def _file_anchors(series: Series, files: Iterable[FileTimes]) -> list[Anchor]:
    """Return the beginnings of files, and the end of the last one that holds commands."""
    known = {item.name: item for item in files}
    found = []
    last = None
    done = 0
    held_by = [0] * len(series.files)
    for file, commands in zip(series.of_slices(FILE), series.of_slices(COMMANDS), strict=True):
        held_by[file] += commands
    for name, held in zip(series.files, held_by, strict=True):
        times = known.get(name)
        if times is not None and times.began_s is not None and held:
            found.append(Anchor(done, times.began_s * 1000, "creation time of the base"))
        done += held
        if held:
            last = times
    if last is not None and last.written_s is not None:
        found.append(Anchor(done, last.written_s * 1000, "time of the last write to the file"))
    return found


def _stream_anchors(series: Series) -> list[Anchor]:
    """Return one anchor for each slice with a stream entry; none when their IDs ever run backwards."""
    found = []
    before, last_ms = 0, EARLIEST_MS
    columns = map(series.of_slices, (COMMANDS, STREAM, STREAM_AFTER))
    for commands, stream_ms, after in zip(*columns, strict=True):
        if stream_ms > 0:
            # Others are chosen by hand.
            if not last_ms <= stream_ms < LATEST_MS:
                return []
            found.append(Anchor(before + after, stream_ms, _STREAM_KIND))
            last_ms = stream_ms
        before += commands
    return found


def _ascending(anchors: list[Anchor]) -> list[Anchor]:
    """Return anchors in order; a file time that contradicts the stream IDs is dropped."""
    sure = [anchor for anchor in anchors if anchor.kind == _STREAM_KIND]
    kept: list[Anchor] = []
    for anchor in sorted(anchors, key=lambda item: (item.commands, item.kind != _STREAM_KIND)):
        if kept and kept[-1].commands == anchor.commands:
            continue
        contradicted = any(
            (one.commands - anchor.commands) * (one.time_ms - anchor.time_ms) < 0
            for one in sure[:1] + sure[-1:]
        )
        if contradicted or (kept and anchor.time_ms < kept[-1].time_ms):
            continue
        kept.append(anchor)
    return kept


def _limits(series: Series) -> list[tuple[int, int]]:
    """Return upper bounds: no expire time given from a slice on had passed before that slice ended."""
    ends = list(accumulate(series.of_slices(COMMANDS)))
    found: list[tuple[int, int]] = []
    least = LATEST_MS
    for end, deadline in zip(reversed(ends), reversed(series.of_slices(DEADLINE)), strict=True):
        if 0 < deadline < least:
            least = deadline
        if least < LATEST_MS:
            found.append((end, least))
    return found[::-1]
