"""RDB parts that stand behind other files of a log: whether what they hold is there already.

Servers write none; a snapshot in the place of an incr file is one. Loaders read it as they read a base, and
end at a key or a function library that is there when it is read, whoever put it there. What is there only a
replay of the files in front tells.

Source: measured on Redis 7.0.15, 8.0.6, 8.2.3, 8.6.3 and Valkey 8.1.1, 9.1.2.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from aoftool.check.exam_model import FileExam, LogExam, RdbFault
from aoftool.check.fatal import writers_of
from aoftool.errors import AoftoolError
from aoftool.escape import excerpt, excerpt_key
from aoftool.files.source import STDIN, Source, open_source
from aoftool.rdb.functions import read_functions
from aoftool.rdb.library import library_name
from aoftool.rdb.records.reader import records
from aoftool.releases import RELEASES
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.keyspace.engine import Keyspace

__all__ = ["find_in_parts_behind"]


def find_in_parts_behind(exam: LogExam) -> None:
    """Add to the faults of RDB parts behind other files what is there already when they are read."""
    for number, file in enumerate(exam.files):
        if number and file.rdb is not None and file.rdb.sound and file.path != STDIN:
            with contextlib.suppress(AoftoolError):
                _one(exam, number, file)


def _one(exam: LogExam, number: int, file: FileExam) -> None:
    from aoftool.check.loaders.replay import keyspace_before

    assert file.rdb is not None
    before = keyspace_before(exam, number, _release(exam))
    if before is None:
        file.rdb.faults.append(RdbFault(0, "part-behind", "an RDB part behind other files of the log"))
        return
    with open_source(file.plain_path or file.path) as source:
        faults = [*_libraries(file, source, before), *_keys(source, before)]
    file.rdb.faults.extend(faults)
    file.rdb.faults.sort(key=lambda fault: fault.offset)


def _release(exam: LogExam) -> str:
    """Return the release as which the files in front are replayed: one that may have written them."""
    possible = writers_of(exam)
    known = [release.name for release in RELEASES if release.name in possible or not possible]
    measured = [release.name for release in RELEASES if release.name in known and release.is_measured]
    return (measured or known)[-1]


def _keys(source: Source, before: Keyspace) -> list[RdbFault]:
    """Return the first key of a part that is there already, with the number of all."""
    first, count = None, 0
    for record in records(source, 0):
        if record.db < len(before.databases) and record.key in before.databases[record.db].values:
            count += 1
            first = first or (record.start, record.key, record.type_id)
    if first is None:
        return []
    start, key, type_id = first
    more = "" if count == 1 else f", and {counted(count - 1, 'more key is', 'more keys are')}"
    message = f"the key {excerpt_key(key)} is there already when this RDB part is read{more}"
    return [RdbFault(start, "duplicate-key-before", message, type_id)]


def _libraries(file: FileExam, source: Source, before: Keyspace) -> list[RdbFault]:
    """Return the first function library of a part whose name is there already."""
    assert file.rdb is not None
    if not file.rdb.walk.functions or not source.seekable:
        return []
    codes = read_functions(file.rdb.walk, source)
    for library, code in zip(file.rdb.walk.functions, codes, strict=True):
        name = library_name(code) or code
        if name in before.libraries:
            message = f"the function library {excerpt(name)} is there already when this RDB part is read"
            return [RdbFault(library.offset, "function-before", message)]
    return []
