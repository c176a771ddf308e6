"""Keys in order: of writes, bytes, dead bytes, expire times, or of how they are used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.census.reading import Reading, read_log
from aoftool.analysis.inspect.contents_model import ExpiryView, KeyRank, PrefixRow
from aoftool.analysis.inspect.key_ranking import expiry_of, rank_by_dead, rank_by_writes
from aoftool.analysis.keys.model import KeyRow
from aoftool.aof.log import need_every_file
from aoftool.aof.model import Log
from aoftool.errors import InputError
from aoftool.keyspace.selection import KeySelection
from aoftool.next_step import next_step
from aoftool.progress import Progress, no_progress

if TYPE_CHECKING:
    from aoftool.analysis.habits.model import HabitTable
    from aoftool.aof.ending_model import ListingEnd

__all__ = ["rank_expiry", "rank_habit", "rank_keys"]


def rank_keys(
    log: Log,
    by: str,
    options: CensusOptions,
    commands: frozenset[bytes] | None = None,
    *,
    top: int,
    progress: Progress = no_progress,
) -> tuple[Reading, list[KeyRank]]:
    """Return the first keys by what commands wrote, and the reading that tells it.

    Args:
        by: `writes`, `bytes`, or `dead` for the bytes that a rewrite would drop.
        options: which commands count, and how keys are put together.
        commands: only these upper-case names count; None for all.

    Raises:
        SourceError: a file of the log is missing.
        InputError: dead bytes cannot be told.
    """
    reading = _read(log, options, commands, progress)
    if by != "dead":
        return reading, rank_by_writes(reading.contents, by, top)
    from aoftool.rewrite.ask.savings import find_savings

    savings, dead = find_savings(log, reading.survey, progress)
    if dead is None:
        raise InputError(f"dead bytes are {savings.reason}", path=log.path, hint=next_step("check", log.path))
    return reading, rank_by_dead(reading.contents, options, dead, top)


def rank_habit(
    log: Log, by: str, options: CensusOptions, *, top: int, progress: Progress = no_progress
) -> tuple[HabitTable, ListingEnd]:
    """Return the first keys or prefixes by how they are used, and how far the log could be read.

    Args:
        by: one of `aoftool.analysis.habits.questions.HABITS`.
        options: which commands count, and how keys are put together.
    """
    from aoftool.analysis.habits.questions import habit_table

    return habit_table(log, by, options, top=top, progress=progress)


def rank_expiry(
    log: Log,
    options: CensusOptions,
    selection: KeySelection,
    commands: frozenset[bytes] | None = None,
    *,
    progress: Progress = no_progress,
) -> tuple[Reading, ExpiryView, list[PrefixRow]]:
    """Return when keys expire, over all and by prefix, and the reading that tells it.

    Args:
        options, commands: as for `rank_keys`.
        selection: which records of the RDB part count.

    Raises:
        SourceError: a file of the log is missing.
    """
    reading = _read(log, options, commands, progress)
    contents = reading.contents
    # After a flush nothing of the RDB part is left in that database; which one it was is not kept.
    records = iter(()) if contents.flushes else _records(log, selection)
    view, rows = expiry_of(contents.keys, records, options.template, reading.end_s)
    return reading, view, rows


def _read(log: Log, options: CensusOptions, commands: frozenset[bytes] | None, progress: Progress) -> Reading:
    need_every_file(log)
    return read_log(log, options, commands, progress)


def _records(log: Log, selection: KeySelection) -> Iterator[KeyRow]:
    """Yield the records of the RDB part, none where there is no such part."""
    from aoftool.analysis.keys.records import KeyListing

    try:
        yield from KeyListing(log, selection)
    except InputError:
        return
