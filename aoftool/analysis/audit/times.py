"""When the events of an audit happened, as far as the commands around them tell."""

from __future__ import annotations

from collections import Counter

from aoftool.analysis.audit.model import Audit, AuditEvent
from aoftool.analysis.clock.bounds import LogClock
from aoftool.analysis.clock.clues import find_clues
from aoftool.analysis.clock.model import Hit
from aoftool.analysis.commands.model import LoggedCommand
from aoftool.aof.model import Log
from aoftool.aof.stretch import Stretch
from aoftool.resp.model import Command

__all__ = ["add_times", "keep_in_stretch"]


def add_times(audit: Audit, log: Log) -> None:
    """Bound the time of every event; reads at most some megabytes around those without annotation."""
    rows = {(row.file_number, row.offset): row for row in (event.command for event in audit.events)}
    clock = LogClock(log, audit.base_s, find_clues(log, [_hit(rows[place]) for place in sorted(rows)]))
    for event in audit.events:
        row = event.command
        event.bounds = clock.bounds(row.file_number, row.offset, row.time_s)


def keep_in_stretch(audit: Audit, stretch: Stretch) -> None:
    """Drop events whose time, now that it is bounded, lies outside of a stretch."""
    if not stretch.asks_time:
        return
    many = any(
        count > sum(event.code is code for event in audit.events) for code, count in audit.counts.items()
    )
    audit.events = [event for event in audit.events if _may_be_in(event, stretch)]
    if any(event.command.time_s is None for event in audit.events) and many:
        audit.notes.append(
            "only the first of each kind were looked at: there is no #TS, and times are inferred"
        )
    elif not many:
        audit.counts = dict(Counter(event.code for event in audit.events))


def _may_be_in(event: AuditEvent, stretch: Stretch) -> bool:
    earliest, latest = event.bounds.earliest_ms, event.bounds.latest_ms
    return event.command.time_s is not None or (
        event.bounds.is_inferred
        and stretch.may_hold_time(
            None if earliest is None else earliest // 1000, None if latest is None else latest // 1000
        )
    )


def _hit(row: LoggedCommand) -> Hit:
    time_s = -1 if row.time_s is None else row.time_s
    return Hit(row.file_number, Command(row.offset, row.length, row.argv, time_s=time_s))
