"""Temporary files of servers in a directory: what is being written now, and what a server left that stopped.

Told by names, sizes and times; nothing is opened.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from aoftool.aof.directory import Directory, EntryKind
from aoftool.aof.model import LayoutCode, LayoutProblem
from aoftool.dataclass import dataclass
from aoftool.escape import printable
from aoftool.files.times import modified_ns
from aoftool.regex import regex
from aoftool.units import and_more, counted, format_bytes

__all__ = ["is_temporary", "temporaries"]

# Source: Valkey 8.0 src/aof.c getTempAofManifestFileName, getTempIncrAofName, rewriteAppendOnlyFile,
# backgroundRewriteDoneHandler; src/rdb.c rdbSave; src/replication.c syncWithPrimary (two numbers).
_TEMPORARY = regex(
    rb"temp-.*\.manifest|temp-.*\.incr|temp-rewriteaof-(?:bg-|old-)?[0-9]+\.aof|temp-[0-9]+(?:\.[0-9]+)?\.rdb",
    re.DOTALL,
)
# The whole log before a rewrite, under another name for a moment. Source: Redis for Windows 3.2 src/aof.c.
_FORMER = regex(rb"temp-rewriteaof-old-[0-9]+\.aof")
# A child writes all the time; a server that stops does so within moments of the last byte. Between the two
# nothing can tell, so what is younger than this is said to be one or the other.
_FRESH_S = 60.0
_NAMED = 3


@dataclass(frozen=True, slots=True)
class _Temporary:
    name: bytes
    size_bytes: int
    age_s: float


def is_temporary(name: bytes) -> bool:
    """Tell whether a server gives this name to a file that is still being written."""
    return _TEMPORARY.fullmatch(name) is not None


def temporaries(directory: Directory) -> Iterator[LayoutProblem]:
    """Yield what is said of the temporary files in one directory: at most one thing of each kind."""
    found = [one for name in directory.names if is_temporary(name) and (one := _look(directory, name))]
    former = [one for one in found if _FORMER.fullmatch(one.name)]
    fresh = [one for one in found if one.age_s < _FRESH_S and one not in former]
    stale = [one for one in found if one not in former and one not in fresh]
    if former:
        words = "a whole former log, which a server left that stopped half-way; never loaded"
        yield _problem(LayoutCode.STALE_TEMP, directory, former, words, f"each {words}")
    if stale:
        words = "left from a server that stopped half-way; it is never loaded"
        many = "left from servers that stopped half-way; none is ever loaded, remove them to free the room"
        yield _problem(LayoutCode.STALE_TEMP, directory, stale, words, many)
    if fresh:
        words = "written to within the last minute: a server is at work, or stopped a moment ago"
        yield _problem(LayoutCode.FRESH_TEMP, directory, fresh, words, words)


def _look(directory: Directory, name: bytes) -> _Temporary | None:
    found = directory.look(name)
    if found.kind is not EntryKind.FILE:
        return None
    try:
        written_ns = modified_ns(directory.join(name))
    except OSError:
        return None  # gone by now, as they are
    return _Temporary(name, found.size_bytes or 0, time.time() - written_ns / 1e9)


def _problem(
    code: LayoutCode, directory: Directory, found: list[_Temporary], words: str, many: str
) -> LayoutProblem:
    names = [printable(one.name) for one in found[:_NAMED]]
    size = format_bytes(sum(one.size_bytes for one in found))
    if len(found) == 1:
        message = f"{names[0]} ({size}) is {words}"
        return LayoutProblem(code, message, directory.join(found[0].name))
    more = and_more(len(found) - _NAMED)
    files = counted(len(found), "temporary file")
    message = f"{files}, {size} in all, are {many}: {', '.join(names)}{more}"
    return LayoutProblem(code, message, directory.path)
