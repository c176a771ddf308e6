"""Read the commands of a log once, and tell how its keys are used.

Every command becomes a Python object here, with whole values: a million commands take seconds, which is why
`inspect` does not do this. Memory is bounded by the number of keys followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Protocol

from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.census.templates import Template, prefix_of
from aoftool.analysis.habits.model import HabitTable
from aoftool.aof.ending import note_rdb, note_stop
from aoftool.aof.ending_model import ListingEnd
from aoftool.aof.log import read_parts
from aoftool.aof.model import Log
from aoftool.commands.groups import WHOLE
from aoftool.commands.table import lookup_argv
from aoftool.progress import Progress, no_progress
from aoftool.resp.model import Command

__all__ = ["KEYS_FOLLOWED", "Habit", "prefixer", "read_habit"]

KEYS_FOLLOWED = 1 << 21
"""No more keys are followed at a time; those that come later are not looked at, and the answer says so."""

"""Commands that bear on keys they do not name."""

_STEP = 1 << 16


class Habit(Protocol):
    """What learns from commands."""

    def add(self, command: Command, keys: list[bytes], place: int) -> None:
        """Take a command, its admitted keys, and how many commands or bytes came before it."""

    def table(self, top: int) -> HabitTable:
        """Return the first rows of the answer."""


def read_habit(
    log: Log,
    habit: Habit,
    options: CensusOptions | None = None,
    *,
    progress: Progress = no_progress,
) -> ListingEnd:
    """Give every command that names an admitted key to a habit, in the order of loading.

    Returns:
        where reading ended.
    """
    options = options or CensusOptions()
    end = ListingEnd()
    place = 0
    for part in read_parts(log):
        note_rdb(end, part)
        if part.tail_start is None:
            break
        reader, told = part.commands(), part.tail_start
        for command in reader:
            place += 1
            if command.offset - told > _STEP:
                progress(command.offset - told)
                told = command.offset
            if _is_inside(command, options):
                keys = [key for key in _keys(command) if options.admit is None or options.admit(key)]
                if keys or command.name in WHOLE:
                    habit.add(command, keys, place)
        note_stop(end, part, reader.tally().stop, reader.tally().transactions.open_offset)
        if end.damage is not None:
            break
    return end


def _is_inside(command: Command, options: CensusOptions) -> bool:
    if options.databases is not None and command.db not in options.databases:
        return command.name in WHOLE
    if options.since_s is not None and command.time_s < options.since_s:
        return False
    return options.until_s is None or 0 <= command.time_s < options.until_s


def _keys(command: Command) -> Iterator[bytes]:
    spec = lookup_argv(command.argv)
    if spec is not None:
        yield from dict.fromkeys(command.argv[at] for at in spec.keys(command.argv))


def prefixer(template: Template) -> Callable[[bytes], bytes]:
    """Return what gives the prefix of a key, and remembers some."""
    return lru_cache(1 << 16)(lambda key: prefix_of(key, template))
