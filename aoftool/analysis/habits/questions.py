"""The questions about the habits of keys by name: which summary answers which, and with what around it."""

from __future__ import annotations

from itertools import islice

from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.habits.backlogs import Backlogs
from aoftool.analysis.habits.blobs import Blobs
from aoftool.analysis.habits.churn import Churn
from aoftool.analysis.habits.hot import HotKeys
from aoftool.analysis.habits.lives import Lives
from aoftool.analysis.habits.model import HabitTable
from aoftool.analysis.habits.reading import Habit, prefixer, read_habit
from aoftool.analysis.habits.repeats import Repeats
from aoftool.analysis.habits.secrets import Secrets
from aoftool.analysis.habits.slots import Slots
from aoftool.analysis.keys.records import KeyListing
from aoftool.aof.ending_model import ListingEnd
from aoftool.aof.log import read_parts
from aoftool.aof.model import Log
from aoftool.errors import InputError
from aoftool.keyspace.selection import key_selection
from aoftool.progress import Progress, no_progress

__all__ = [
    "HABITS",
    "habit_table",
]

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
