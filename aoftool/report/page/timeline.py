"""One time line, or one line of position: bytes by prefix and by command, and what happened below them."""

from __future__ import annotations

from aoftool.analysis.clock.model import Axis
from aoftool.analysis.growth.model import Bucket, Growth
from aoftool.api.postmortem.model import Mark, Postmortem
from aoftool.escape import shown_name
from aoftool.report.growth import moment
from aoftool.report.page.axis import axis_words, edges_of, step_text, ticks_of
from aoftool.report.page.cells import Field, count, made_table, size, text
from aoftool.report.page.model import Block, Cell, Lanes, LanesMark, Section, Stack, StackRow, Words
from aoftool.units import counted, format_bytes

__all__ = ["timeline"]

_NAME = 40
_MARK_ROWS = 60

Step = tuple[int, Bucket]


def timeline(found: Postmortem) -> Section:
    """Return the section."""
    growth = found.by_prefix
    if growth is None or not growth.buckets or found.by_command is None:
        return Section("timeline", "When", [Words("No commands, and so no line of time or position.")])
    blocks: list[Block] = [Words(_intro(growth))]
    blocks.append(_stack(growth, "by-prefix", "Bytes written, by prefix"))
    blocks.append(_lanes(found, growth))
    blocks.append(_stack(found.by_command, "by-command", "Bytes written, by command"))
    return Section("timeline", "When", blocks)


def _intro(growth: Growth) -> str:
    words = f"The axis is {axis_words(growth)}."
    if growth.untimed_commands:
        held = f"{counted(growth.untimed_commands, 'command')} ({format_bytes(growth.untimed_bytes)})"
        words += f" Before the first #TS, and in no step: {held}."
    return words


def _stack(growth: Growth, id: str, title: str) -> Stack:
    rows = [StackRow(shown_name(row.name, _NAME), tuple(row.bucket_bytes)) for row in growth.rows]
    others = [
        bucket.size_bytes - sum(row.values[at] for row in rows) for at, bucket in enumerate(growth.buckets)
    ]
    if any(others):
        rows.append(StackRow("others", tuple(others)))
    peak = max(growth.buckets, key=lambda bucket: bucket.size_bytes)
    description = (
        f"{format_bytes(growth.size_bytes)} in {counted(len(growth.buckets), 'step')}; the largest step has"
        f" {format_bytes(peak.size_bytes)}, from {moment(peak, growth.axis)}. Largest:"
        f" {', '.join(f'{row.name} {format_bytes(sum(row.values))}' for row in rows[:3])}."
    )
    fields: list[Field[Step]] = [
        ("from", "from", lambda pair: text(moment(pair[1], growth.axis))),
        ("commands", "commands", lambda pair: count(pair[1].commands)),
        ("size_bytes", "all", lambda pair: size(pair[1].size_bytes)),
        *(_column(number, row) for number, row in enumerate(rows)),
    ]
    table = made_table(
        f"{id}-table",
        f"{title}: each step",
        fields,
        list(enumerate(growth.buckets)),
        most=200,
        is_detail=True,
    )
    return Stack(id, title, description, edges_of(growth), rows, ticks_of(growth), "bytes", table)


def _column(number: int, row: StackRow) -> Field[Step]:
    def cell(pair: Step) -> Cell:
        return size(row.values[pair[0]])

    return (f"row_{number}", row.name, cell)


def _lanes(found: Postmortem, growth: Growth) -> Lanes:
    lanes: dict[str, list[LanesMark]] = {}
    for mark in found.marks:
        lanes.setdefault(mark.lane.value, []).append(LanesMark(mark.at, mark.until, _told(mark, growth)))
    counts = ", ".join(f"{name} {len(marks)}" for name, marks in lanes.items())
    fields = (
        ("at", "from", lambda mark: text(step_text(mark.at, growth))),
        ("until", "to", lambda mark: text("" if mark.until == mark.at else step_text(mark.until, growth))),
        ("lane", "kind", lambda mark: text(mark.lane.value)),
        ("text", "what", lambda mark: text(mark.text)),
        ("source", "seen in", lambda mark: text(mark.source)),
    )
    ordered = sorted(found.marks, key=lambda mark: (mark.at, mark.lane.value))
    table = made_table(
        "events-table", "What happened, in order", fields, ordered, most=_MARK_ROWS, is_detail=True
    )
    description = (
        f"Marks over the same axis: {counts}." if counts else "Nothing that stands out has a place here."
    )
    if found.happened and growth.axis is not Axis.TIME:
        description += " What captures date has no place on an axis of position; it is listed below."
    return Lanes(
        "events", "What happened", description, edges_of(growth), list(lanes.items()), ticks_of(growth), table
    )


def _told(mark: Mark, growth: Growth) -> str:
    return f"{step_text(mark.at, growth)}: {mark.text}"
