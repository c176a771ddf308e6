"""Databases beyond those that a server has: which faults of an RDB part that makes, and what a log needs."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.aof.numbers import highest_of_tally
from aoftool.check.exam_model import FileExam, RdbExam, RdbFault
from aoftool.databases import DEFAULT_DATABASES
from aoftool.errors import SourceError
from aoftool.files.source import open_source

__all__ = ["faults_with", "highest_in_commands"]

_CODE = "database-range"


def faults_with(rdb: RdbExam, databases: int) -> Iterator[RdbFault]:
    """Yield the faults of an RDB part that a server with that `databases` setting meets.

    An exam knows the default setting only.
    """
    if databases == DEFAULT_DATABASES:
        yield from rdb.faults
        return
    yield from (fault for fault in rdb.faults if fault.code != _CODE)
    walk = rdb.walk
    for db, at in sorted((db, at) for db, at in walk.selected.items() if db >= databases):
        text = f"a database number above {databases - 1}, which servers refuse that have {databases}: {db}"
        yield RdbFault(at, _CODE, text)


def highest_in_commands(file: FileExam) -> int:
    """Return the greatest number of a database that the commands of a file name, 0 for none."""
    highest = 0
    for stretch in file.tail.stretches if file.tail is not None else ():
        try:
            with open_source(file.plain_path or file.path) as source:
                highest = max(highest, highest_of_tally(stretch.tally, source))
        except SourceError:
            highest = max(highest, highest_of_tally(stretch.tally, None))
    return highest
