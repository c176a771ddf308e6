"""When the events of an audit happened, as far as the commands around them tell."""

from __future__ import annotations

from aoftool.analysis.audit_model import Audit
from aoftool.analysis.commands_model import LoggedCommand
from aoftool.analysis.lineage import Hit
from aoftool.analysis.time_bounds import LogClock
from aoftool.analysis.time_clues import find_clues
from aoftool.aof.model import Log
from aoftool.resp.model import Command

__all__ = ["add_times"]


def add_times(audit: Audit, log: Log) -> None:
    """Bound the time of every event; reads at most some megabytes around those without annotation."""
    rows = {(row.file_number, row.offset): row for row in (event.command for event in audit.events)}
    clock = LogClock(log, audit.base_s, find_clues(log, [_hit(rows[place]) for place in sorted(rows)]))
    for event in audit.events:
        row = event.command
        event.bounds = clock.bounds(row.file_number, row.offset, row.time_s)


def _hit(row: LoggedCommand) -> Hit:
    time_s = -1 if row.time_s is None else row.time_s
    return Hit(row.file_number, Command(row.offset, row.length, row.argv, time_s=time_s))
