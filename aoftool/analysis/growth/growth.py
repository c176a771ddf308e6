"""Lay the series of a log out over time or position, and say what stands out in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aoftool.analysis.census.driver import Contents
from aoftool.analysis.census.model import CellKind
from aoftool.analysis.census.peaks import Peak
from aoftool.analysis.census.series import COMMANDS, DEADLINE, FILE, OFFSET, TIME, WIDTHS_S, Series
from aoftool.analysis.census.time_axis import TimeAxis
from aoftool.analysis.clock.model import Axis
from aoftool.analysis.growth.changes import bursts, change_points
from aoftool.analysis.growth.model import (
    Bucket,
    Burst,
    Change,
    ClockStep,
    FileStart,
    Flush,
    Gap,
    Growth,
    GrowthRow,
)

__all__ = ["BY", "file_starts", "growth_of"]

BY = {"command": CellKind.COMMAND, "prefix": CellKind.PREFIX, "db": CellKind.DB}

_SHOWN_ROWS = 8
_GAP_LEAST_S = 10
_GAP_FACTOR = 20
_STALL_FACTOR = 50
_STALL_LEAST = 1000
# Where clocks are read once for a script, its commands are that much behind.
_CLOCK_MS = 1000
_BURST_FACTOR = 4.0
# A rate that does not grow or fall by half is no change; a share must move by this much.
_RATE_STEP = 0.58
_SHARE_STEP = 0.2

Column = npt.NDArray[np.int64]


def growth_of(
    contents: Contents,
    clock: TimeAxis,
    *,
    by: str = "prefix",
    buckets: int = 60,
    width: int | None = None,
    by_position: bool = False,
    top: int = _SHOWN_ROWS,
) -> Growth:
    """Return the growth of a log.

    Args:
        by: a key of `BY`.
        buckets: at most so many, when no width is given.
        width: seconds or bytes of a bucket; made a multiple of what the series can tell apart.
        by_position: lay it out over position even when times are known.
        top: rows to give; they are the largest.
    """
    series = contents.series
    timed = clock.axis is Axis.TIME and not by_position
    commands, size_bytes = contents.total
    axis = clock.axis if not by_position or clock.axis is Axis.ANCHORED else Axis.POSITION
    if not len(series.slices):
        return Growth(axis, by, width or 1, 0, 0, filtered=contents.filtered)
    layout = _by_time(series, buckets, width) if timed else _by_position(series, buckets, width)
    owner, count, _, step = layout
    found = Growth(axis, by, step, commands, size_bytes, anchors=clock.describe(), filtered=contents.filtered)
    untimed = owner < 0
    found.untimed_commands = int(series.slices[untimed, 3].sum())
    found.untimed_bytes = int(series.slices[untimed, 4].sum())
    found.buckets = _buckets(series, clock, layout, timed)
    rows = _rows(series, by, owner, count)
    found.rows = rows[:top]
    found.changes = _changes(found, rows, _rows(series, "command", owner, count), timed)
    found.bursts = _bursts(found, rows) if timed else []
    found.gaps = _gaps(contents)
    found.flushes = [
        Flush(peak.command, peak.db, peak.file, peak.offset, peak.time_s)
        for peak in contents.peaks["flushes"].entries
    ]
    found.clock = _clock_steps(contents)
    return found


Layout = tuple[Column, int, int, int]
"""Bucket of every slice (-1: none), number of buckets, start of the first, width."""


def _by_time(series: Series, buckets: int, width: int | None) -> Layout:
    times = series.slices[:, 2]
    timed = times >= 0
    first, last = int(times[timed].min()), int(times[timed].max())
    if width is None:
        width = next((w for w in WIDTHS_S if last // w - first // w < buckets), None)
        if width is None:
            width = WIDTHS_S[-1] * ((last - first) // (WIDTHS_S[-1] * buckets) + 1)
    width = -(-max(width, series.width_s) // series.width_s) * series.width_s
    start = first // width * width
    owner = np.where(timed, (times - start) // width, -1)
    return owner, (last - start) // width + 1, start, width


def _by_position(series: Series, buckets: int, width: int | None) -> Layout:
    """Lay the files end to end; a slice counts where its stretch of file begins."""
    unit = 1 << series.shift
    places, total = _places(series)
    if width is None:
        width = -(-total // buckets)
    width = max(-(-width // unit), 1) * unit
    return places // width, int(places.max()) // width + 1, 0, width


def _places(series: Series) -> tuple[Column, int]:
    """Return where in the files laid end to end every slice begins, and where the last one ends.

    A file begins with the stretch of its first command, so RDB parts take no room, and every file on a
    whole stretch: the scale is for comparing, not for seeking.
    """
    place = np.zeros(len(series.slices), np.int64)
    base = 0
    for start in file_starts(series):
        chosen = series.slices[:, FILE] == series.files.index(start.file)
        place[chosen] = (
            start.place + (series.slices[chosen, OFFSET] >> series.shift << series.shift) - start.offset
        )
        base = int(place[chosen].max()) + (1 << series.shift)
    return place, base


def file_starts(series: Series) -> list[FileStart]:
    """Return where the files with commands begin on the axis of position, in order."""
    unit = 1 << series.shift
    found = []
    base = 0
    for number, name in enumerate(series.files):
        offsets = series.slices[series.slices[:, FILE] == number, OFFSET]
        if not len(offsets):
            continue
        first = int(offsets[0]) // unit * unit
        found.append(FileStart(name, base, first))
        base += int(offsets.max()) // unit * unit - first + unit
    return found


def _buckets(series: Series, clock: TimeAxis, layout: Layout, timed: bool) -> list[Bucket]:
    owner, count, start, width = layout
    commands = _sums(owner, series.slices[:, 3], count)
    sizes = _sums(owner, series.slices[:, 4], count)
    found = []
    done = 0
    for number in range(count):
        begin = start + number * width
        told = (begin * 1000, 0) if timed else clock.time_at(done)
        time_ms, bound_ms = told if told is not None else (None, None)
        found.append(
            Bucket(begin, begin + width, int(commands[number]), int(sizes[number]), time_ms, bound_ms)
        )
        done += int(commands[number])
    return found


def _sums(owner: Column, figures: Column, count: int) -> Column:
    kept = owner >= 0
    sums = np.zeros(count, np.int64)
    np.add.at(sums, owner[kept], figures[kept])
    return sums


def _rows(series: Series, by: str, owner: Column, count: int) -> list[GrowthRow]:
    """Return a row for each name, largest first."""
    kind = BY[by]
    cells = series.cells[series.cells[:, 1] == kind]
    names, at = np.unique(cells[:, 2], return_inverse=True)
    place = owner[cells[:, 0]]
    kept = place >= 0
    sums = np.zeros((2, len(names), count), np.int64)
    np.add.at(sums[0], (at[kept], place[kept]), cells[kept, 3])
    np.add.at(sums[1], (at[kept], place[kept]), cells[kept, 4])
    rows = []
    for number, name in enumerate(names.tolist()):
        mine = cells[at == number]
        rows.append(
            GrowthRow(
                _label(series, kind, name),
                int(mine[:, 3].sum()),
                int(mine[:, 4].sum()),
                sums[0, number].tolist(),
                sums[1, number].tolist(),
            )
        )
    return sorted(rows, key=lambda row: (-row.size_bytes, row.name))


def _label(series: Series, kind: CellKind, number: int) -> bytes:
    if kind is CellKind.DB:
        return b"db %d" % number if number >= 0 else b"other"
    return (series.commands if kind is CellKind.COMMAND else series.prefixes)[number]


def _changes(found: Growth, rows: list[GrowthRow], commands: list[GrowthRow], timed: bool) -> list[Change]:
    sizes = np.array([bucket.size_bytes for bucket in found.buckets], np.float64)
    if timed:
        # The last bucket is cut short by the end of the log.
        figures = np.log2(sizes[:-1] / found.width + 1)[:, None]
        step = _RATE_STEP
        scale = np.full(len(sizes), 1 / found.width)
    else:
        scale = np.divide(1, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        shares = [np.array(row.bucket_bytes) * scale for row in rows[:_SHOWN_ROWS]]
        figures = np.stack(shares, axis=1) if shares else np.zeros((0, 1))
        step = _SHARE_STEP
    cuts = change_points(figures, step)
    edges = [0, *cuts, len(figures)]
    return [
        _change(edges[n], edges[n + 1], edges[n + 2], rows, commands, scale, sizes, timed)
        for n in range(len(cuts))
    ]


def _change(
    start: int,
    cut: int,
    end: int,
    rows: list[GrowthRow],
    commands: list[GrowthRow],
    scale: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.float64],
    timed: bool,
) -> Change:
    def level(row: GrowthRow, first: int, last: int) -> float:
        return float((np.array(row.bucket_bytes[first:last]) * scale[first:last]).mean())

    def moved(row: GrowthRow) -> float:
        return level(row, cut, end) - level(row, start, cut)

    driver = max(rows, key=lambda row: (abs(moved(row)), row.name))
    command = max(commands, key=lambda row: (abs(moved(row)), row.name))
    before, after = level(driver, start, cut), level(driver, cut, end)
    if timed:
        totals = float((sizes * scale)[start:cut].mean()), float((sizes * scale)[cut:end].mean())
    else:
        totals = before, after
    return Change(cut, *totals, driver.name, before, after, command.name)


def _bursts(found: Growth, rows: list[GrowthRow]) -> list[Burst]:
    sizes = np.array([bucket.size_bytes for bucket in found.buckets], np.int64)
    result = []
    for first, last, factor in bursts(sizes, _BURST_FACTOR):
        total = int(sizes[first : last + 1].sum())
        commands = sum(bucket.commands for bucket in found.buckets[first : last + 1])
        parts = [(sum(row.bucket_bytes[first : last + 1]), row.name) for row in rows]
        most, name = max(parts, key=lambda part: (part[0], part[1]))
        result.append(Burst(first, last, commands, total, factor, name, most / total))
    return result


def _gaps(contents: Contents) -> list[Gap]:
    """Return stretches without `#TS` longer than ten seconds and twenty usual distances, longest first."""
    least = max(_GAP_LEAST_S, _GAP_FACTOR * _median(contents.spacings))
    return [
        Gap(peak.file, peak.offset, peak.other, peak.time_s)
        for peak in contents.peaks["gaps"].entries
        if peak.size > least
    ]


def _median(counts: list[int]) -> int:
    total, seen = sum(counts), 0
    for value, count in enumerate(counts):
        seen += count
        if 2 * seen >= total and total:
            return value
    return 0


def _clock_steps(contents: Contents) -> list[ClockStep]:
    backwards = sorted(contents.peaks["backwards"].entries, key=lambda peak: (peak.file, peak.offset))
    found = [ClockStep("backwards", peak.file, peak.offset, peak.other, peak.time_s) for peak in backwards]
    usual = _usual_commands(contents)
    for peak in contents.peaks["stalls"].entries:
        if peak.size < max(_STALL_LEAST, _STALL_FACTOR * usual):
            continue
        given_ms = _given_before(contents.series, peak)
        if given_ms is not None:
            step = ClockStep("stall", peak.file, peak.offset, peak.time_s, peak.other, peak.size, given_ms)
            found.append(step)
    return found


def _given_before(series: Series, peak: Peak) -> int | None:
    """Return the least expire time given under a `#TS` that lies before it, Unix milliseconds.

    Many commands in one second prove nothing. But a server makes expire times of its clock and a time to
    live, so one before the `#TS` in force tells of a clock that stood behind it. None without one, and where
    such expire times stand under other `#TS` too: then clients chose them, or another clock made them.
    """
    slices, width = series.slices, series.width_s
    times = slices[:, TIME] // width
    given = slices[:, DEADLINE]
    early = (times >= 0) & (given > 0) & (given < times * width * 1000 - _CLOCK_MS)
    here = (slices[:, FILE] == series.files.index(peak.file)) & (slices[:, OFFSET] >= peak.offset)
    here &= times == peak.time_s // width
    if not (early & here).any() or (early & ~here).any():
        return None
    return int(given[early & here].min())


def _usual_commands(contents: Contents) -> int:
    """Return the median of commands in a slice with a time, 0 with fewer than ten of them."""
    timed = contents.series.slices[contents.series.slices[:, TIME] >= 0]
    return int(np.median(timed[:, COMMANDS])) if len(timed) >= 10 else 1 << 40
