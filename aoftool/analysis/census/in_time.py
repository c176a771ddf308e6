"""Counting between two moments what has no annotation: between the places that inferred times allow."""

from __future__ import annotations

from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.clock.clues import inferred_note
from aoftool.analysis.clock.whole_log import clock_of_log, no_times
from aoftool.aof.model import Log
from aoftool.aof.survey import Survey
from aoftool.dataclass import replace

__all__ = ["asks_time", "by_places", "need_times", "untimed_note"]


def asks_time(options: CensusOptions) -> bool:
    """Tell whether only commands of known time are to be counted."""
    return options.since_s is not None or options.until_s is not None


def by_places(log: Log, options: CensusOptions) -> tuple[CensusOptions, str]:
    """Return options that count every command that may have run in the time asked for, and a note of it.

    Those given, and no note, where annotations tell the times of all or nothing does.
    """
    if not asks_time(options) or not all(file.exists for file in log.files):
        return options, ""
    clock = clock_of_log(log)
    if clock is None:
        return options, ""
    first, last = clock.places_between(options.since_s, options.until_s)
    found = replace(options, untimed=True, untimed_first=first, untimed_last=last)
    return found, inferred_note(clock.sources)


def need_times(options: CensusOptions, read: Survey) -> None:
    """Refuse to count by time where there are commands and none has one.

    Raises:
        InputError: so it is.
    """
    tails = [item.tail for item in read.files if item.tail is not None]
    has_times = any(tail.annotations.timestamps for tail in tails)
    if asks_time(options) and not options.untimed and not has_times and any(tail.commands for tail in tails):
        raise no_times(read.log)


def untimed_note(options: CensusOptions, read: Survey) -> str:
    """Return that commands before the first annotation of a file were not counted; else nothing."""
    tails = [item.tail for item in read.files if item.tail is not None]
    if not asks_time(options) or options.untimed or not any(tail.annotations.timestamps for tail in tails):
        return ""
    if all(not tail.commands or tail.annotations.first_offset == tail.start for tail in tails):
        return ""
    return "commands before the first #TS of a file have no time, and are not counted in what is read once"
