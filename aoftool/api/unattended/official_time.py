"""Where `--truncate-to-timestamp` of the official checkers cuts a log, and what they refuse to cut."""

from __future__ import annotations

from enum import Enum

from aoftool.aof.model import Log
from aoftool.api.repairing import RepairPlan, planned_repair
from aoftool.dataclass import dataclass
from aoftool.errors import RefusedError
from aoftool.repair.choice import Choice
from aoftool.repair.model import EditKind, Method

__all__ = ["TimeCut", "Undone", "time_cut"]

_NEVER = -1


class Undone(Enum):
    """Why a log is not cut at a time."""

    NOTHING_BEFORE = "nothing before"
    NOT_LAST = "not the last file"


@dataclass(frozen=True, slots=True)
class TimeCut:
    """The one cut that leaves what was written up to a time.

    Attributes:
        file: number of the file in load order.
        offset: where it is cut.
        undone: why the official checkers do not cut there; None where they do.
        plan: what carries it out; to be closed. None where it is not done.
    """

    file: int
    offset: int
    undone: Undone | None = None
    plan: RepairPlan | None = None


def time_cut(log: Log, timestamp: int) -> TimeCut | None:
    """Return the cut behind the last command up to a Unix time; None where all is from before it.

    Raises:
        UnsupportedError: the log cannot be changed in place.
        SourceError: a file of it cannot be read.
    """
    try:
        # Before every time there is: what bears no time is not later than that.
        planned = planned_repair(log, Choice(to_timestamp=max(timestamp, _NEVER)))
    except RefusedError:
        return TimeCut(0, 0, Undone.NOTHING_BEFORE)
    numbers = {file.path: number for number, file in enumerate(log.files)}
    cuts = {
        numbers[file.path]: edit.start
        for file, edit in planned.plan.edits()
        if edit.kind is EditKind.CUT and edit.code == "point-in-time" and file.path in numbers
    }
    gone = [numbers[file.path] for file in planned.plan.files if file.method is Method.REMOVE]
    if cuts and not gone and (cut := next(iter(cuts.items())))[1]:
        return TimeCut(*cut, None, planned)
    planned.close()
    if not cuts and not gone:
        return None
    if cuts and (cut := next(iter(cuts.items())))[1]:
        return TimeCut(*cut, Undone.NOT_LAST)
    return TimeCut(min((*cuts, *gone)), 0, Undone.NOTHING_BEFORE)
