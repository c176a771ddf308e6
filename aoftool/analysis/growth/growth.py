"""Lay the series of a log out over time or position, and say what stands out in it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aoftool.analysis.census.driver import Contents
from aoftool.analysis.census.model import CellKind
from aoftool.analysis.census.peaks import Peak
from aoftool.analysis.census.series import (
    BYTES,
    CELL_BYTES,
    CELL_COMMANDS,
    COMMANDS,
    DEADLINE,
    FILE,
    KIND,
    NAME,
    OFFSET,
    SLICE,
    TIME,
    WIDTHS_S,
    Series,
)
from aoftool.analysis.census.time_axis import TimeAxis
from aoftool.analysis.clock.model import Axis
from aoftool.analysis.growth.bursts import bursts, median
from aoftool.analysis.growth.model import (
    Bucket,
    Burst,
    ClockStep,
    FileStart,
    Flush,
    Gap,
    Growth,
    GrowthRow,
)
from aoftool.dataclass import replace

if TYPE_CHECKING:
    from aoftool.analysis.growth.model import Change

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
    if not series.slice_count:
        return Growth(axis, by, width or 1, 0, 0, filtered=contents.filtered)
    layout = _by_time(series, buckets, width) if timed else _by_position(series, buckets, width)
    owner, count, _, step = layout
    found = Growth(axis, by, step, commands, size_bytes, anchors=clock.describe(), filtered=contents.filtered)
    found.untimed_commands = _sum_outside(owner, series.of_slices(COMMANDS))
    found.untimed_bytes = _sum_outside(owner, series.of_slices(BYTES))
    found.buckets = _buckets(series, clock, layout, timed)
    rows = _rows(series, by, owner, count)
    found.rows = rows[:top]
    found.find_changes = partial(_changes, found.buckets, step, rows, series, owner, timed)
    found.bursts = _bursts(found, rows) if timed else []
    found.gaps = _gaps(contents)
    found.flushes = [
        Flush(peak.command, peak.db, peak.file, peak.offset, peak.time_s)
        for peak in contents.peaks["flushes"].entries
    ]
    found.clock = _clock_steps(contents)
    return found


Layout = tuple[list[int], int, int, int]
"""Bucket of every slice (-1: none), number of buckets, start of the first, width."""


def _by_time(series: Series, buckets: int, width: int | None) -> Layout:
    times = series.of_slices(TIME)
    timed = [time_s for time_s in times if time_s >= 0]
    first, last = min(timed), max(timed)
    if width is None:
        width = next((w for w in WIDTHS_S if last // w - first // w < buckets), None)
        if width is None:
            width = WIDTHS_S[-1] * ((last - first) // (WIDTHS_S[-1] * buckets) + 1)
    width = -(-max(width, series.width_s) // series.width_s) * series.width_s
    start = first // width * width
    owner = [(time_s - start) // width if time_s >= 0 else -1 for time_s in times]
    return owner, (last - start) // width + 1, start, width


def _by_position(series: Series, buckets: int, width: int | None) -> Layout:
    """Lay the files end to end; a slice counts where its stretch of file begins."""
    unit = 1 << series.shift
    places, total = _places(series)
    if width is None:
        width = -(-total // buckets)
    width = max(-(-width // unit), 1) * unit
    return [place // width for place in places], max(places) // width + 1, 0, width


def _places(series: Series) -> tuple[list[int], int]:
    """Return where in the files laid end to end every slice begins, and where the last one ends.

    A file begins with the stretch of its first command, so RDB parts take no room, and every file on a
    whole stretch: the scale is for comparing, not for seeking.
    """
    shift = series.shift
    starts = {start.file: start for start in file_starts(series)}
    found = []
    for file, offset in zip(series.of_slices(FILE), series.of_slices(OFFSET), strict=True):
        start = starts[series.files[file]]
        found.append(start.place + (offset >> shift << shift) - start.offset)
    last = max(series.of_slices(FILE))
    ends = [place for place, file in zip(found, series.of_slices(FILE), strict=True) if file == last]
    return found, max(ends) + (1 << shift)


def file_starts(series: Series) -> list[FileStart]:
    """Return where the files with commands begin on the axis of position, in order."""
    unit = 1 << series.shift
    offsets: dict[int, list[int]] = {}
    for file, offset in zip(series.of_slices(FILE), series.of_slices(OFFSET), strict=True):
        offsets.setdefault(file, []).append(offset)
    found = []
    base = 0
    for number, name in enumerate(series.files):
        if number not in offsets:
            continue
        first = offsets[number][0] // unit * unit
        found.append(FileStart(name, base, first))
        base += max(offsets[number]) // unit * unit - first + unit
    return found


def _buckets(series: Series, clock: TimeAxis, layout: Layout, timed: bool) -> list[Bucket]:
    owner, count, start, width = layout
    commands = _sums(owner, series.of_slices(COMMANDS), count)
    sizes = _sums(owner, series.of_slices(BYTES), count)
    found = []
    done = 0
    for number in range(count):
        begin = start + number * width
        told = (begin * 1000, 0) if timed else clock.time_at(done)
        time_ms, bound_ms = told if told is not None else (None, None)
        found.append(Bucket(begin, begin + width, commands[number], sizes[number], time_ms, bound_ms))
        done += commands[number]
    return found


def _sum_outside(owner: list[int], figures: list[int]) -> int:
    return sum(figure for place, figure in zip(owner, figures, strict=True) if place < 0)


def _sums(owner: list[int], figures: list[int], count: int) -> list[int]:
    sums = [0] * count
    for place, figure in zip(owner, figures, strict=True):
        if place >= 0:
            sums[place] += figure
    return sums


def _rows(series: Series, by: str, owner: list[int], count: int) -> list[GrowthRow]:
    """Return a row for each name, largest first."""
    kind = BY[by]
    found: dict[int, GrowthRow] = {}
    columns = map(series.of_cells, (KIND, SLICE, NAME, CELL_COMMANDS, CELL_BYTES))
    totals: dict[int, list[int]] = {}
    for of_kind, number, name, commands, size_bytes in zip(*columns, strict=True):
        if of_kind != kind:
            continue
        if name not in found:
            found[name] = GrowthRow(_label(series, kind, name), 0, 0, [0] * count, [0] * count)
            totals[name] = [0, 0]
        row, total, place = found[name], totals[name], owner[number]
        total[0] += commands
        total[1] += size_bytes
        if place >= 0:
            row.bucket_commands[place] += commands
            row.bucket_bytes[place] += size_bytes
    rows = [
        replace(found[name], commands=totals[name][0], size_bytes=totals[name][1]) for name in sorted(found)
    ]
    return sorted(rows, key=lambda row: (-row.size_bytes, row.name))


def _label(series: Series, kind: CellKind, number: int) -> bytes:
    if kind is CellKind.DB:
        return b"db %d" % number if number >= 0 else b"other"
    return (series.commands if kind is CellKind.COMMAND else series.prefixes)[number]


def _changes(
    buckets: list[Bucket], width: int, rows: list[GrowthRow], series: Series, owner: list[int], timed: bool
) -> list[Change]:
    # Here: they are looked for when somebody asks, by numpy, which takes longer to load than a log to read.
    from aoftool.analysis.growth.changes import changes_of

    return changes_of(buckets, width, rows, _rows(series, "command", owner, len(buckets)), timed)


def _bursts(found: Growth, rows: list[GrowthRow]) -> list[Burst]:
    sizes = [bucket.size_bytes for bucket in found.buckets]
    result = []
    for first, last, factor in bursts(sizes, _BURST_FACTOR):
        total = sum(sizes[first : last + 1])
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
    width, number = series.width_s, series.files.index(peak.file)
    early = []
    columns = map(series.of_slices, (TIME, DEADLINE, FILE, OFFSET))
    for time_s, given, file, offset in zip(*columns, strict=True):
        step = time_s // width
        if time_s < 0 or not 0 < given < step * width * 1000 - _CLOCK_MS:
            continue
        if file != number or offset < peak.offset or step != peak.time_s // width:
            return None
        early.append(given)
    return min(early, default=None)


def _usual_commands(contents: Contents) -> int:
    """Return the median of commands in a slice with a time, 0 with fewer than ten of them."""
    columns = map(contents.series.of_slices, (TIME, COMMANDS))
    timed = [commands for time_s, commands in zip(*columns, strict=True) if time_s >= 0]
    return int(median(timed)) if len(timed) >= 10 else 1 << 40
