"""Find the smallest change of settings that meets what is asked for."""

from __future__ import annotations

from math import ceil, log2

from aoftool.dataclass import replace
from aoftool.simulate.model import Advice, ChildTime, Goals, Measured, Pace, Row, Settings
from aoftool.simulate.running import run
from aoftool.units import format_bytes

__all__ = ["advise", "misses"]

_LEAST_BYTES = 1 << 20
_PERCENTAGES = (10, 25, 50, 75, 100, 150, 200, 300, 400)
# Above the whole log no size makes a difference.
_MOST_STEPS = 24


def misses(row: Row, goals: Goals) -> list[str]:
    """Return in words which goals a row does not meet."""
    found = []
    if goals.restart_s is not None and row.restart_s > goals.restart_s:
        found.append("restart")
    if goals.disk_bytes is not None and row.peak_bytes > goals.disk_bytes:
        found.append("disk")
    if goals.per_hour is not None and row.per_hour is not None and row.per_hour > goals.per_hour:
        found.append("rewrites an hour")
    return found


def advise(measured: Measured, now: Settings, goals: Goals, child: ChildTime) -> Advice:
    """Return the smallest change that meets all goals, or why none does, and what could be met.

    Keeping the settings is the smallest of all.
    """
    if goals.per_hour is not None and measured.pace is Pace.NONE:
        why = "nothing in the log tells how many rewrites an hour are"
        return Advice(None, why, 0, replace(goals, per_hour=None))
    tried = [run(measured, settings, child) for settings in _candidates(measured, now)]
    fitting = [row for row in tried if not misses(row, goals)]
    if fitting:
        return Advice(min(fitting, key=lambda row: (_change(row.settings, now), row.count)), "", len(tried))
    return Advice(None, _why_not(measured, tried, goals), len(tried), _reachable(tried, now, goals))


def _reachable(tried: list[Row], now: Settings, goals: Goals) -> Goals:
    """Return the goals with those raised that the row misses which misses the fewest."""
    row = min(tried, key=lambda row: (len(misses(row, goals)), row.peak_bytes, _change(row.settings, now)))
    missed = misses(row, goals)
    return Goals(
        ceil(row.restart_s * 100 + 1) / 100 if "restart" in missed else goals.restart_s,
        row.peak_bytes if "disk" in missed else goals.disk_bytes,
        ceil(row.per_hour or 0) if "rewrites an hour" in missed else goals.per_hour,
    )


def _candidates(measured: Measured, now: Settings) -> list[Settings]:
    most = max(measured.appended_bytes, measured.start.current_bytes, now.min_size_bytes)
    sizes = {now.min_size_bytes}
    size = max(min(_LEAST_BYTES, now.min_size_bytes >> 4), 1024)
    for _ in range(_MOST_STEPS):
        sizes |= {size, size * 3 // 2}
        if size > most:
            break
        size *= 2
    percentages = {*_PERCENTAGES, now.percentage}
    return [now, *(Settings(size, pct) for size in sorted(sizes) for pct in sorted(percentages))]


def _change(settings: Settings, now: Settings) -> float:
    """Return how far settings are from the present ones: in doublings of either."""
    if settings == now:
        return 0.0
    size = abs(log2(max(settings.min_size_bytes, 1) / max(now.min_size_bytes, 1)))
    share = abs(log2((100 + settings.percentage) / (100 + now.percentage)))
    # One setting is less of a change than two.
    return size + share + 0.25 * ((size > 0) + (share > 0)) + (4.0 if not now.percentage else 0.0)


def _why_not(measured: Measured, tried: list[Row], goals: Goals) -> str:
    """Return in words what stands in the way: one goal by itself, or several together."""
    reasons = []
    largest = max(measured.sizes, key=lambda point: point.size_bytes)
    quickest = min(tried, key=lambda row: row.restart_s)
    if goals.restart_s is not None and quickest.restart_s > goals.restart_s:
        alone = f"the base alone takes up to {max(p.load_s for p in measured.sizes):.2f} s to load"
        reasons.append(f"no setting restarts in less than {quickest.restart_s:.2f} s: {alone}")
    smallest = min(tried, key=lambda row: row.peak_bytes)
    if goals.disk_bytes is not None and smallest.peak_bytes > goals.disk_bytes:
        each = format_bytes(largest.size_bytes)
        twice = f"during a rewrite the old base and the new one are there, up to {each} each"
        reasons.append(f"no setting stays below {format_bytes(smallest.peak_bytes)} on the disk: {twice}")
    if reasons:
        return "; ".join(reasons)
    return "each goal can be met, but no setting meets all: fewer rewrites leave a larger log"
