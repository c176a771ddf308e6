"""Lay what happened on the axis of the growth: events of the log, its files, and what captures date."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.analysis.audit.model import AuditCode, AuditEvent
from aoftool.analysis.clock.model import Axis
from aoftool.analysis.growth.model import Growth
from aoftool.api.postmortem.model import Lane, Mark, Postmortem
from aoftool.units import counted, format_duration

__all__ = ["MOST_MARKS", "lane_of", "marks_of"]

MOST_MARKS = 120
"""Of each lane so many are kept."""

_LANES = {
    AuditCode.FLUSH: Lane.FLUSH,
    AuditCode.SWAPDB: Lane.FLUSH,
    AuditCode.MASS_DELETE: Lane.DELETION,
    AuditCode.DELETE_RUN: Lane.DELETION,
    AuditCode.DELETE_MANY: Lane.DELETION,
    AuditCode.BIG_DELETE: Lane.DELETION,
    AuditCode.OVERWRITTEN: Lane.DELETION,
    AuditCode.EXPIRY_STORM: Lane.EXPIRY,
    AuditCode.LARGE_TRANSACTION: Lane.TRANSACTION,
    AuditCode.OPEN_TRANSACTION: Lane.TRANSACTION,
    AuditCode.ADMIN: Lane.ODD,
    AuditCode.INTRUSION: Lane.ODD,
    AuditCode.UNKNOWN: Lane.ODD,
    AuditCode.SCRIPT: Lane.ODD,
    AuditCode.FUNCTION: Lane.ODD,
}


def lane_of(code: AuditCode) -> Lane:
    """Return the lane of an event."""
    return _LANES.get(code, Lane.LARGE)


def marks_of(found: Postmortem) -> list[Mark]:
    """Return all that can be placed, by lane and then in order; of each lane the first ones."""
    growth = found.by_prefix
    if growth is None or not growth.buckets:
        return []
    placed = [mark for mark in _all(found, growth) if _overlaps(mark, growth)]
    kept: list[Mark] = []
    for lane in Lane:
        own = sorted((mark for mark in placed if mark.lane is lane), key=lambda mark: (mark.at, mark.text))
        kept += own[:MOST_MARKS]
    return kept


def _overlaps(mark: Mark, growth: Growth) -> bool:
    return mark.until >= growth.buckets[0].start and mark.at <= growth.buckets[-1].end


def _all(found: Postmortem, growth: Growth) -> Iterator[Mark]:
    timed = growth.axis is Axis.TIME
    for event in () if found.audit is None else found.audit.events:
        place = _timed(event) if timed else _placed(found, event)
        if place is not None:
            yield Mark(lane_of(event.code), *place, event.text)
    if not timed:
        for start in found.starts[1:]:
            yield Mark(Lane.REWRITE, start.place, start.place, f"{start.file} begins")
        return
    yield from _of_the_clock(growth)
    writer = found.overview.writer
    if writer is not None and writer.created_s is not None:
        yield Mark(Lane.REWRITE, writer.created_s, writer.created_s, "the base was made")
    for item in found.happened:
        yield Mark(item.lane, int(item.at_s), int(item.at_s), item.text, "captures")


def _timed(event: AuditEvent) -> tuple[int, int] | None:
    first = event.command.time_s
    if first is None:
        return None
    last = first if event.last is None or event.last.time_s is None else event.last.time_s
    return first, max(first, last)


def _placed(found: Postmortem, event: AuditEvent) -> tuple[int, int] | None:
    start = next((start for start in found.starts if start.file == event.command.file), None)
    if start is None:
        return None
    first = start.place + event.command.offset - start.offset
    last = first if event.last is None else start.place + event.last.offset - start.offset
    return first, max(first, last)


def _of_the_clock(growth: Growth) -> Iterator[Mark]:
    for gap in growth.gaps:
        yield Mark(Lane.CLOCK, gap.from_s, gap.to_s, f"no writes for {format_duration(gap.seconds)}")
    for step in growth.clock:
        words = "the clock was set back"
        if step.commands:
            words = f"the clock stood still for {counted(step.commands, 'command')}"
        yield Mark(Lane.CLOCK, step.to_s, step.to_s, words)
