"""Explain one place of one file: which part it is, and what each byte of that part means.

Takes plain files only, since it reads around the wanted byte. Knows where the parts of a file are;
`explain_rdb` and `explain_resp` know what is in them, `aoftool.report.hexview` shows it.
"""

from __future__ import annotations

import os

from aoftool.errors import InputError, UsageError
from aoftool.escape import excerpt_key
from aoftool.explain.model import Explanation
from aoftool.explain.rdb import explain_in_rdb, find_rdb_key
from aoftool.explain.resp import explain_in_commands, find_command_key
from aoftool.files import Source, open_source
from aoftool.rdb.header import HEADER_BYTES, is_rdb
from aoftool.rdb.walk.walk import walk
from aoftool.units import counted

__all__ = ["explain"]


def explain(
    path: str | os.PathLike[str],
    *,
    offset: int | None = None,
    key: bytes | None = None,
    db: int | None = None,
) -> Explanation:
    """Explain a byte, or the place where a key stands.

    Args:
        path: one file: an RDB, an AOF, or a file of a multi-part AOF.
        offset: the wanted byte.
        key: looked for in the records of an RDB part, else the last command that has it as an argument.
        db: only records of that database; commands are not filtered.

    Raises:
        UsageError: neither or both of offset and key were given.
        InputError: the offset lies behind the end, or the key is nowhere in the file.
        SourceError: the file cannot be read, or not at an offset (a stream, a compressed file).
    """
    if (offset is None) == (key is None):
        raise UsageError("explain takes either an offset or a key")
    with open_source(path) as source:
        if not source.seekable:
            raise InputError(
                f"{source.name} cannot be read at an offset", path=source.path, hint="unpack it into a file"
            )
        if key is not None:
            return _by_key(source, key, db)
        assert offset is not None
        return _by_offset(source, offset)


def _by_offset(source: Source, offset: int) -> Explanation:
    size = source.size_bytes or 0
    if not 0 <= offset < size:
        raise InputError(
            f"{source.name} has {counted(size, 'byte')}, there is none at offset {offset}",
            path=source.path,
            hint=f"choose an offset below {size:,}" if size else "a file without bytes explains nothing",
        )
    start = 0
    if is_rdb(source.peek(HEADER_BYTES)):
        found = explain_in_rdb(source, offset)
        if found is not None:
            return found
        start = _rdb_end(source)
    return explain_in_commands(source, start, offset)


def _rdb_end(source: Source) -> int:
    source.seek(0)
    summary = walk(source)
    return summary.good_end if summary.end_offset is None else summary.end_offset


def _by_key(source: Source, key: bytes, db: int | None) -> Explanation:
    record: int | None = None
    start = 0
    if is_rdb(source.peek(HEADER_BYTES)):
        record, summary = find_rdb_key(source, key, db)
        start = summary.good_end if summary.end_offset is None else summary.end_offset
    last, count = find_command_key(source, start, key)
    place = last if record is None else record
    if place is None:
        raise InputError(f"no key {excerpt_key(key)} in {source.name}", path=source.path)
    source.seek(0)
    found = _by_offset(source, place)
    if count:
        found.facts.append(("commands with it", f"{count}, the last at offset {last}"))
    return found
