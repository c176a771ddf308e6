"""Play the rule by which servers rewrite their logs, over bytes that are appended in time.

Every 100 ms, with no child running: the log is above the least size, and has grown by the percentage over
what it was behind the last rewrite. The child writes the data as they are at the fork; what is appended
meanwhile stays in the log. Its end is noticed at a tick too, and the next tick may fork again.
Source: Valkey 9.1 src/server.c serverCron, src/aof.c backgroundRewriteDoneHandler; Redis 7.0 the same.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from aoftool.simulate.model import ChildTime, Measured, Pace, Range, Rewrite, Row, Settings, SizePoint

__all__ = ["TICK_S", "at_place", "ranged", "run", "size_at", "trigger_bytes"]

# hz 10, the default of every release.
TICK_S = 0.1
# Float sums of ticks must not make a tick of nothing.
_SLACK = 1e-6
# More rewrites than this are as bad as these.
_MOST_REWRITES = 200_000


def trigger_bytes(base_bytes: int, settings: Settings) -> int | None:
    """Return the least size of a log that is rewritten; None for never.

    Above the least size, and `current * 100 / base - 100 >= percentage` in whole numbers, 1 for no base.
    """
    if not settings.percentage:
        return None
    grown = -(-max(base_bytes, 1) * (100 + settings.percentage) // 100)
    return max(settings.min_size_bytes + 1, grown)


def size_at(measured: Measured, place: int) -> SizePoint:
    """Return what a rewrite there would write, linear between the points that were counted."""
    points = measured.sizes
    after = bisect_right(points, place, key=lambda point: point.place)
    if after == 0:
        return points[0]
    if after == len(points):
        return points[-1]
    low, high = points[after - 1], points[after]
    share = (place - low.place) / (high.place - low.place)

    def between(one: float, other: float) -> float:
        return one + share * (other - one)

    return SizePoint(
        place,
        round(between(low.size_bytes, high.size_bytes)),
        round(between(low.keys, high.keys)),
        between(low.load_s, high.load_s),
        round(between(low.stood_bytes, high.stood_bytes)),
        low.is_within and high.is_within,
    )


def _between(xs: list[float] | list[int], ys: list[float] | list[int], x: float) -> float:
    """Return y for x, linear between the pairs, and the ends outside."""
    after = bisect_right(xs, x)
    if after == 0:
        return ys[0]
    if after == len(xs):
        return ys[-1]
    low, high = xs[after - 1], xs[after]
    return ys[after - 1] + (ys[after] - ys[after - 1]) * (x - low) / (high - low)


def at_place(measured: Measured, time_s: float) -> int:
    """Return the bytes appended by a time."""
    return round(_between(measured.times_s, measured.places, time_s))


def _when(measured: Measured, place: int) -> float:
    """Return the first time by which so many bytes were appended."""
    places, times = measured.places, measured.times_s
    after = bisect_left(places, place)
    if after == 0:
        return times[0]
    low, high = places[after - 1], places[after]
    return times[after - 1] + (times[after] - times[after - 1]) * (place - low) / (high - low)


def _tick(time_s: float, tick_s: float) -> float:
    """Return the first tick at or behind a time."""
    return math.ceil(time_s / tick_s - _SLACK) * tick_s if tick_s else time_s


def run(
    measured: Measured,
    settings: Settings,
    child: ChildTime,
    tick_s: float = TICK_S,
    *,
    observed_s: Sequence[float] = (),
) -> Row:
    """Return what settings lead to.

    Args:
        child: how long each rewrite takes; it takes no time where nothing tells a pace.
        observed_s: how long the first ones took by the server's log, from one tick to another.
    """
    is_paced = measured.pace is not Pace.NONE
    tick_s = tick_s if is_paced else 0.0
    play = _Play(measured)
    while len(play.rewrites) < _MOST_REWRITES:
        due = trigger_bytes(play.base, settings)
        place = None if due is None else play.since + max(due - play.held, 0)
        if place is None or place > measured.appended_bytes:
            break
        fork_s = _tick(max(_when(measured, place), play.free_s), tick_s)
        if fork_s > measured.times_s[-1]:
            break
        place = at_place(measured, fork_s) if is_paced else place
        number = len(play.rewrites)
        if number < len(observed_s):
            done_s = max(round((fork_s + observed_s[number]) / TICK_S) * TICK_S, fork_s)
        else:
            lives_s = child.seconds(size_at(measured, place).size_bytes) if is_paced else 0.0
            done_s = _tick(fork_s + lives_s, tick_s)
        play.rewrite(fork_s, place, done_s, tick_s)
    return play.row(settings)


class _Play:
    """The state of one run: `held` bytes at the place `since`, and what the server compares with."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        start = measured.start
        self.since, self.held, self.base = 0, start.current_bytes, start.base_bytes
        # Files may hold what the server does not count: the base of a fresh log.
        self._beside = start.disk_bytes - start.current_bytes
        self._load_base_s = measured.sizes[0].load_s if start.base_bytes else 0.0
        self.free_s = 0.0
        self.rewrites: list[Rewrite] = []
        self._largest = self._peak = start.disk_bytes
        self._restart_s = 0.0
        self._teeth = [(0.0, start.disk_bytes)]

    def rewrite(self, fork_s: float, place: int, done_s: float, tick_s: float) -> None:
        """Take a rewrite, from the fork to where the server takes its base over."""
        measured = self._measured
        made = size_at(measured, place)
        end = at_place(measured, done_s) if done_s > fork_s else place
        before = self.held + place - self.since
        grown = before + end - place + self._beside
        self._see_load(end)
        self._largest = max(self._largest, grown)
        self._peak = max(self._peak, grown + made.size_bytes)
        left = made.size_bytes + end - place
        self.rewrites.append(Rewrite(fork_s, place, before, made.size_bytes, done_s, left))
        if done_s > measured.times_s[-1]:
            # The log ends before the child: nothing more happens.
            self.since, self.held, self.base = end, grown - self._beside, 1 << 62
        else:
            self._teeth += [(done_s, grown), (done_s, left)]
            self.since, self.held, self.base = end, left, left
            self._beside, self._load_base_s = 0, made.load_s
        self.free_s = done_s + tick_s

    def _see_load(self, place: int) -> None:
        since = self.rewrites[-1].place if self.rewrites else 0
        measured = self._measured
        tail_s = _between(measured.load_places, measured.load_s, place) - _between(
            measured.load_places, measured.load_s, since
        )
        self._restart_s = max(self._restart_s, self._load_base_s + tail_s)

    def row(self, settings: Settings) -> Row:
        """Return the result, the end of the log included."""
        measured = self._measured
        total = measured.appended_bytes
        last = self.held + total - self.since + self._beside
        self._see_load(total)
        self._largest, self._peak = max(self._largest, last), max(self._peak, last)
        self._teeth.append((measured.times_s[-1] if measured.times_s else 0.0, last))
        written = sum(rewrite.base_bytes for rewrite in self.rewrites)
        seconds = measured.seconds
        return Row(
            settings,
            self.rewrites,
            written,
            self._largest,
            self._peak,
            self._restart_s,
            (total + written) / total if total else 1.0,
            self._teeth,
            per_hour=len(self.rewrites) * 3600 / seconds if seconds else None,
        )


def ranged(measured: Measured, settings: Settings, child: ChildTime) -> Row:
    """Return what settings lead to, with the counts for half and for twice the time of a child."""
    row = run(measured, settings, child)
    if measured.pace is not Pace.NONE:
        counts = [row.count, *(run(measured, settings, child.times(by)).count for by in (0.5, 2.0))]
        row.count_range = Range(min(counts), max(counts))
    return row
