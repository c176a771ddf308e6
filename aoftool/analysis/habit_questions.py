"""The questions about the habits of keys by name: which summary answers which, and with what around it."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from aoftool.analysis.census_model import CensusOptions
from aoftool.analysis.commands_model import ListingEnd
from aoftool.analysis.contents_redacting import redacted_prefix
from aoftool.analysis.habit_backlogs import Backlogs
from aoftool.analysis.habit_blobs import Blobs
from aoftool.analysis.habit_churn import Churn
from aoftool.analysis.habit_hot import HotKeys
from aoftool.analysis.habit_lives import Lives
from aoftool.analysis.habit_repeats import Repeats
from aoftool.analysis.habit_secrets import Secrets
from aoftool.analysis.habit_slots import Slots
from aoftool.analysis.habits import Habit, prefixer, read_habit
from aoftool.analysis.habits_model import Cell, HabitTable, Unit
from aoftool.analysis.keys import KeyListing
from aoftool.aof.log import read_parts
from aoftool.aof.model import Log
from aoftool.errors import InputError
from aoftool.keyspace.selection import key_selection
from aoftool.progress import Progress, no_progress
from aoftool.redaction import Redactor

__all__ = ["HABITS", "habit_table", "redacted_habits"]

HABITS = ("churn", "same", "life", "backlog", "blobs", "hot", "slot", "secrets")
"""Names of the questions."""

_LOOKED_AT = 1000
# A guess at the size of a command, for how many a hundredth of a log has.
_COMMAND_BYTES = 64


def habit_table(
    log: Log,
    by: str,
    options: CensusOptions,
    *,
    top: int,
    progress: Progress = no_progress,
) -> tuple[HabitTable, ListingEnd]:
    """Answer one of `HABITS`, and tell where reading ended."""
    habit = _habit(log, by, options)
    end = read_habit(log, habit, options, progress=progress)
    return habit.table(top), end


def _habit(log: Log, by: str, options: CensusOptions) -> Habit:
    prefix = prefixer(options.template)
    if by == "churn":
        return Churn()
    if by == "same":
        return Repeats(prefix)
    if by == "secrets":
        return Secrets(prefix)
    if by == "blobs":
        return Blobs(prefix)
    if by == "backlog":
        return Backlogs()
    if by == "slot":
        return Slots()
    timed = _has_times(log)
    if by == "hot":
        return HotKeys(timed=timed, step=(log.size_bytes or 0) // _COMMAND_BYTES // 100)
    return Lives(prefix, timed=timed, there=_of_base(log))


def _has_times(log: Log) -> bool:
    """Tell whether commands near the beginning of any file have a `#TS` before them."""
    return any(
        command.time_s >= 0
        for part in read_parts(log)
        if part.tail_start is not None
        for command in islice(part.commands(), _LOOKED_AT)
    )


def _of_base(log: Log) -> list[tuple[int, bytes]]:
    try:
        return [(row.db, row.key) for row in KeyListing(log, key_selection())]
    except InputError:
        return []


def redacted_habits(table: HabitTable, redactor: Redactor | None) -> HabitTable:
    """Return an answer as it may be shown."""
    if redactor is None or not redactor.hides_keys:
        return table
    units = [column.unit for column in table.columns]

    def shown(cell: Cell, unit: Unit) -> Cell:
        if not isinstance(cell, bytes) or unit is Unit.NAME:
            return cell
        return redacted_prefix(cell, redactor) if unit is Unit.PREFIX else redactor.key(cell)

    rows = [[shown(cell, unit) for cell, unit in zip(row, units, strict=True)] for row in table.rows]
    return replace(table, rows=rows)
