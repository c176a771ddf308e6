"""The greatest number of a database that a log names, in its RDB parts and its commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aoftool.aof.model import Log
from aoftool.commands.numbers import NUMBERED, databases_named
from aoftool.databases import MOST_DATABASES
from aoftool.files import Source
from aoftool.resp.model import Command, TailTally

# Who asks for the greatest number of a tally mostly needs nothing of what reads a log again.
if TYPE_CHECKING:
    from aoftool.aof.log import LogPart
    from aoftool.rdb.walk.summary import RdbWalk

__all__ = ["highest_database", "highest_of_rdb", "highest_of_tally"]


def highest_database(log: Log, workers: int = 1) -> int:
    """Return the greatest number that a log names, 0 for none; reads the log once."""
    from aoftool.aof.log import read_parts

    highest = 0
    for part in read_parts(log):
        if part.rdb is not None:
            highest = max(highest, highest_of_rdb(part.rdb))
        if part.tail_start is not None:
            highest = max(highest, _highest_of(_commands(part, part.tail_start, workers)))
    return highest


def highest_of_rdb(walk: RdbWalk) -> int:
    """Return the greatest number of a database of an RDB part, 0 for none."""
    from aoftool.rdb.walk.summary import OTHER_DATABASES

    numbers = {row.db for row in walk.counts}
    if OTHER_DATABASES in numbers:
        return MOST_DATABASES - 1
    return max((number for number in numbers if number < MOST_DATABASES), default=0)


def highest_of_tally(tally: TailTally, source: Source | None) -> int:
    """Return the greatest number that counted commands name, 0 for none.

    Args:
        source: where they stand; read again where commands name databases that they do not select. Without
            it, and for one that can be read only once, those do not count.
    """
    highest = max((key.db for key in tally.rows if key.db < MOST_DATABASES), default=0)
    others = {key.name for key in tally.rows} & (NUMBERED - {b"SELECT"})
    if others and source is not None and source.seekable:
        from aoftool.resp.sieve import SieveReader
        from aoftool.resp.watch import Watch

        watch = Watch(names=frozenset(others))
        highest = max(highest, _highest_of(SieveReader(source, watch, start=tally.start, end=tally.good_end)))
    return max(highest, 0)


def _commands(part: LogPart, start: int, workers: int) -> Iterable[Command]:
    if part.source.seekable:
        from aoftool.resp.sieve import SieveReader
        from aoftool.resp.watch import Watch

        return SieveReader(part.source, Watch(names=NUMBERED), start=start, workers=workers)
    return part.commands(names=NUMBERED)


def _highest_of(commands: Iterable[Command]) -> int:
    return max((number for command in commands for number in databases_named(command.argv)), default=0)
