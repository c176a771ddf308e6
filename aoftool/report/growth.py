"""Shows how a log grew: sparklines over time or position, change points, gaps, bursts; JSON and CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

from aoftool.analysis.clock.model import Axis
from aoftool.analysis.growth.model import Bucket, Burst, Change, ClockStep, Flush, Growth, GrowthRow
from aoftool.escape import json_bytes, printable, shorten, shown_name
from aoftool.report.csvout import CsvRows
from aoftool.report.inferred import MOST_BOUND_S
from aoftool.report.lines import Printer
from aoftool.report.sparkline import fold, sparkline
from aoftool.report.terminal import facts, print_table, say
from aoftool.report.writer import writer_json
from aoftool.units import counted, format_bytes, format_count, format_duration, format_share, format_time_ms

__all__ = ["axis_text", "growth_json", "growth_line", "moment", "render_growth", "write_growth_csv"]

_NAME_WIDTH = 28
_GAPS_SHOWN = 5
# Cells of the figures beside the sparkline, and of the space between the columns.
_BESIDE = 26


def moment(bucket: Bucket, axis: Axis) -> str:
    """Return when or where a bucket begins; an inferred time carries `~` and its bound."""
    if axis is Axis.TIME:
        return format_time_ms(bucket.start * 1000)
    if bucket.time_ms is None or bucket.bound_ms is None or bucket.bound_ms > 1000 * MOST_BOUND_S:
        return f"offset {format_count(bucket.start)}"
    when = format_time_ms(bucket.time_ms // 1000 * 1000)
    return f"~{when} (± {format_duration(bucket.bound_ms / 1000)})"


def axis_text(growth: Growth) -> str:
    """Return in words where the times come from and how wide a bucket is."""
    if growth.axis is Axis.TIME:
        return f"time, exact to a second (#TS); a step is {format_duration(growth.width)}"
    step = f"a step is {format_bytes(growth.width)} of file"
    if growth.axis is Axis.ANCHORED:
        return f"position, times inferred (~) from {', '.join(growth.anchors)}; {step}"
    return f"position, the commands of all files laid end to end; {step}"


def growth_line(growth: Growth, width: int = 40) -> str:
    """Return one line for an overview: bytes over exact times, else commands over the files."""
    if not growth.buckets:
        return "no commands"
    timed = growth.axis is Axis.TIME
    figures = fold([bucket.size_bytes if timed else bucket.commands for bucket in growth.buckets], width)
    line = sparkline(figures)
    if not timed:
        return f"{line} commands, each step as many bytes"
    step = format_duration(growth.width * -(-len(growth.buckets) // len(figures)))
    return f"{line} bytes, {step} a step, peak {format_bytes(max(figures))}"


def render_growth(console: Printer, growth: Growth) -> None:
    """Print everything: the rows as sparklines, then what stands out."""
    facts(console, _head(growth))
    if not growth.buckets:
        return
    console.print()
    _render_rows(console, growth)
    for title, lines in (
        ("changes", [_change_line(item, growth) for item in growth.changes]),
        ("flushes", [_flush_line(item) for item in growth.flushes[:_GAPS_SHOWN]]),
        ("bursts", [_burst_line(item, growth) for item in growth.bursts]),
        ("gaps", list(_gap_lines(growth))),
        ("clock", [_clock_line(item) for item in growth.clock[:_GAPS_SHOWN]]),
    ):
        if lines:
            console.print()
            facts(console, ((title if not number else "", line, "") for number, line in enumerate(lines)))


def _head(growth: Growth) -> Iterator[tuple[str, str, str]]:
    if not growth.buckets:
        base = ": an RDB part holds the data, and not how it grew" if growth.has_base else ""
        text = "no command is like that" if growth.filtered else f"no commands{base}"
        yield "note", text, "yellow"
        return
    yield "grown by", f"{format_bytes(growth.size_bytes)}, {counted(growth.commands, 'command')}", "bold"
    yield "axis", axis_text(growth), ""
    first, last = growth.buckets[0], growth.buckets[-1]
    yield "from", moment(first, growth.axis), ""
    if growth.axis is Axis.TIME:
        yield "to", format_time_ms(last.end * 1000), ""
        sizes = sorted(bucket.size_bytes for bucket in growth.buckets)
        peak = max(growth.buckets, key=lambda bucket: bucket.size_bytes)
        rates = f"{_rate(sizes[len(sizes) // 2] / growth.width)} in the median step"
        most = f"{_rate(peak.size_bytes / growth.width)} at most, from {moment(peak, growth.axis)}"
        yield "rate", f"{rates}, {most}", ""
    else:
        yield "to", f"offset {format_count(last.end)}", ""
    if growth.untimed_commands:
        text = f"{counted(growth.untimed_commands, 'command')} ({format_bytes(growth.untimed_bytes)})"
        yield "note", f"before the first #TS, and in no step: {text}", "yellow"


def _rate(bytes_per_s: float) -> str:
    return f"{format_bytes(round(bytes_per_s))}/s"


def _render_rows(console: Printer, growth: Growth) -> None:
    names = min(_NAME_WIDTH, max(console.width // 3, 12))
    width = max(console.width - names - _BESIDE, 6)
    columns = ((growth.by, "left"), ("bytes", "right"), ("share", "right"), ("over the axis", "left"))
    all_bytes = [bucket.size_bytes for bucket in growth.buckets]
    timed = growth.axis is Axis.TIME
    rows = [
        ((name, size, share, _line(figures, all_bytes, width, timed)), style)
        for name, size, share, figures, style in _cells(growth, names)
    ]
    print_table(console, columns, rows)
    scale = "each line is scaled to its own largest step"
    if not timed:
        scale = "each line shows its share of every step"
    say(console, scale)


def _cells(growth: Growth, width: int) -> Iterator[tuple[str, str, str, list[int], str]]:
    if growth.axis is Axis.TIME:
        everything = [bucket.size_bytes for bucket in growth.buckets]
        yield "all", format_bytes(growth.size_bytes), "100.0 %", everything, "bold"
    for row in growth.rows:
        share = format_share(row.size_bytes, growth.size_bytes)
        yield shown_name(row.name, width), format_bytes(row.size_bytes), share, row.bucket_bytes, ""


def _line(figures: list[int], all_bytes: list[int], width: int, timed: bool) -> str:
    folded = fold(figures, width)
    if timed:
        return sparkline(folded)
    totals = fold(all_bytes, width)
    return sparkline([part / total if total else 0 for part, total in zip(folded, totals, strict=True)], 1.0)


def _change_line(change: Change, growth: Growth) -> str:
    where = moment(growth.buckets[change.bucket], growth.axis)
    driver = shorten(change.driver, 40)
    command = printable(change.command)
    if growth.axis is Axis.TIME:
        moved = change.driver_after - change.driver_before
        sign = "+" if moved >= 0 else "-"
        return (
            f"{where}: {_rate(change.before)} to {_rate(change.after)}; driver {driver}"
            f" ({sign}{_rate(abs(moved))}), {command}"
        )
    before, after = f"{100 * change.driver_before:.0f} %", f"{100 * change.driver_after:.0f} %"
    return f"{where}: {driver} goes from {before} to {after} of the bytes, {command}"


def _burst_line(burst: Burst, growth: Growth) -> str:
    first, last = growth.buckets[burst.first], growth.buckets[burst.last]
    length = format_duration(last.end - first.start)
    return (
        f"{moment(first, growth.axis)} for {length}: {format_bytes(burst.size_bytes)},"
        f" {counted(burst.commands, 'command')}, {burst.factor:.1f} times the median;"
        f" {100 * burst.share:.0f} % {shorten(burst.name, 40)}"
    )


def _gap_lines(growth: Growth) -> Iterator[str]:
    for gap in growth.gaps[:_GAPS_SHOWN]:
        yield (
            f"{format_time_ms(gap.from_s * 1000)} to {format_time_ms(gap.to_s * 1000)}: no writes for"
            f" {format_duration(gap.seconds)}, {gap.file} at offset {format_count(gap.offset)}"
        )
    if len(growth.gaps) > _GAPS_SHOWN:
        yield f"{counted(len(growth.gaps) - _GAPS_SHOWN, 'shorter one')}: --json lists all"


def _flush_line(flush: Flush) -> str:
    when = f"{format_time_ms(flush.time_s * 1000)}: " if flush.time_s >= 0 else ""
    place = f"{flush.file} at offset {format_count(flush.offset)}"
    return f"{when}{printable(flush.command)} in db {flush.db}, {place}"


def _clock_line(step: ClockStep) -> str:
    place = f"{step.file} at offset {format_count(step.offset)}"
    if step.given_ms is None:
        times = f"{format_time_ms(step.from_s * 1000)} to {format_time_ms(step.to_s * 1000)}"
        return f"goes back from {times}, {place}"
    return (
        f"stands at {format_time_ms(step.from_s * 1000)} for {counted(step.commands, 'command')}, but expire"
        f" times are given that lie before it, {format_time_ms(step.given_ms)} among them: it was set back,"
        f" {place}"
    )


def growth_json(growth: Growth) -> dict[str, Any]:
    """Return the whole growth as one JSON object; nothing is folded or rounded."""
    return {
        "schema": "aoftool.growth/1",
        "axis": growth.axis.value,
        "by": growth.by,
        "width": growth.width,
        "commands": growth.commands,
        "size_bytes": growth.size_bytes,
        "untimed_commands": growth.untimed_commands,
        "untimed_bytes": growth.untimed_bytes,
        "anchors": growth.anchors,
        "writer": writer_json(growth.writer),
        "buckets": [_plain(bucket) for bucket in growth.buckets],
        "rows": [_row_json(row) for row in growth.rows],
        "changes": [
            {
                **_plain(change),
                **json_bytes("driver", change.driver),
                **json_bytes("command", change.command),
            }
            for change in growth.changes
        ],
        "bursts": [{**_plain(burst), **json_bytes("name", burst.name)} for burst in growth.bursts],
        "flushes": [{**_plain(flush), **json_bytes("command", flush.command)} for flush in growth.flushes],
        "gaps": [{**_plain(gap), "seconds": gap.seconds} for gap in growth.gaps],
        "clock": [_plain(step) for step in growth.clock],
    }


def _plain(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def _row_json(row: GrowthRow) -> dict[str, Any]:
    return {
        **json_bytes("name", row.name),
        "commands": row.commands,
        "size_bytes": row.size_bytes,
        "bucket_commands": row.bucket_commands,
        "bucket_bytes": row.bucket_bytes,
    }


def write_growth_csv(growth: Growth, into: TextIO) -> None:
    """Write one line for each bucket and name, and one for each bucket as a whole under an empty name."""
    out = CsvRows(into, ["start", "end", "time_ms", "bound_ms", growth.by, "commands", "size_bytes"])
    for number, bucket in enumerate(growth.buckets):
        place = [bucket.start, bucket.end, bucket.time_ms, bucket.bound_ms]
        out.add([*place, "", bucket.commands, bucket.size_bytes])
        for row in growth.rows:
            if row.bucket_commands[number]:
                counts = [row.bucket_commands[number], row.bucket_bytes[number]]
                out.add([*place, row.name, *counts])
