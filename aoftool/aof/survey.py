"""One pass over all files of a log: what each holds, and where it stops making sense.

Reads every listed file once, front to back, in load order: the RDB part is walked, the command
stream behind it is counted. Judges nothing: findings are made of this by `aoftool.check`, tables by
`aoftool.analysis`. Database and MULTI state begin anew in each file, as in the servers' loaders.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from aoftool.aof.model import Log, LogFile
from aoftool.commands.table import CONTAINERS
from aoftool.dataclass import dataclass, field
from aoftool.errors import SourceError
from aoftool.files import Source, SourceChange, open_source
from aoftool.progress import Progress, no_progress
from aoftool.rdb.header import HEADER_BYTES, is_rdb
from aoftool.resp.model import TailTally
from aoftool.resp.scanner import tally

if TYPE_CHECKING:
    from aoftool.rdb.walk.summary import RdbWalk

__all__ = ["TOP_KEYS", "Content", "FileSurvey", "ReadTail", "Survey", "survey", "survey_file"]

TOP_KEYS = 10

ReadTail = Callable[[LogFile, Source, int, Progress], TailTally]
"""Counts the command stream of a file from an offset on; progress is told the absolute offset."""


class Content(str, Enum):
    """What a file turned out to hold."""

    MISSING = "missing"
    EMPTY = "empty"
    RDB = "rdb"
    RESP = "resp"
    MIXED = "rdb+resp"


@dataclass(slots=True)
class FileSurvey:
    """One file of the log.

    Attributes:
        size_bytes: bytes of the (decompressed) content that were there to read.
        walk: its RDB part; None when it has none.
        tail: its command stream; None when it has none or the RDB part before it is damaged.
        tail_start: offset where the command stream begins.
        changes: what happened to the file while it was read.
        error: why it could not be opened.
    """

    file: LogFile
    content: Content
    size_bytes: int = 0
    compression: str | None = None
    stored_size_bytes: int | None = None
    walk: RdbWalk | None = None
    tail: TailTally | None = None
    tail_start: int = 0
    changes: list[SourceChange] = field(default_factory=list)
    error: str | None = None

    @property
    def good_end(self) -> int:
        """Return the offset up to which everything made sense."""
        if self.tail is not None:
            return self.tail.good_end
        return self.walk.good_end if self.walk is not None else 0


@dataclass(slots=True)
class Survey:
    """All files of a log in load order; history files are not read."""

    log: Log
    files: list[FileSurvey] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        """Return the bytes of all files together."""
        return sum(item.size_bytes for item in self.files)


def survey(
    log: Log,
    *,
    workers: int = 1,
    top_keys: int = TOP_KEYS,
    progress: Progress = no_progress,
    read_tail: ReadTail | None = None,
) -> Survey:
    """Read every live file of a log once.

    Args:
        workers: threads that share the counting of a plain file.
        top_keys: how many of the largest keys of each RDB part to name.
        read_tail: counts command streams in place of `tally`, for a caller that wants more of them.
    """
    result = Survey(log)
    for file in log.files:
        result.files.append(_one(file, workers, top_keys, progress, read_tail))
    return result


def _one(
    file: LogFile, workers: int, top_keys: int, progress: Progress, read_tail: ReadTail | None
) -> FileSurvey:
    if not file.exists:
        return FileSurvey(file, Content.MISSING)
    try:
        source = open_source(file.path)
    except SourceError as error:
        return FileSurvey(file, Content.MISSING, error=error.message)
    with source:
        return survey_file(
            file, source, workers=workers, top_keys=top_keys, progress=progress, read_tail=read_tail
        )


def survey_file(
    file: LogFile,
    source: Source,
    *,
    workers: int = 1,
    top_keys: int = TOP_KEYS,
    progress: Progress = no_progress,
    read_tail: ReadTail | None = None,
) -> FileSurvey:
    """Read one open file from its start."""
    result = FileSurvey(
        file,
        Content.RESP,
        compression=source.compression,
        stored_size_bytes=source.stored_size_bytes,
    )
    head = source.peek(HEADER_BYTES)
    if is_rdb(head):
        # Here, not above: most incr files hold no RDB part, and reading one takes many modules.
        from aoftool.rdb.walk.walk import walk

        result.walk = walk(source, 0, progress, top=top_keys)
        result.content = Content.RDB
    if result.walk is None or result.walk.end_offset is not None:
        _count_tail(result, source, read_tail or _plain_tally(workers), progress)
    result.size_bytes = _size(result, source)
    if not result.size_bytes:
        result.content = Content.EMPTY
    result.changes = source.changes()
    return result


def _plain_tally(workers: int) -> ReadTail:
    def read(file: LogFile, source: Source, start: int, progress: Progress) -> TailTally:
        return tally(source, start=start, containers=CONTAINERS, workers=workers, progress=progress)

    return read


def _count_tail(result: FileSurvey, source: Source, read_tail: ReadTail, progress: Progress) -> None:
    start = 0
    if result.walk is not None:
        start = result.walk.end_offset or 0
        if not source.peek(1):
            return
        result.content = Content.MIXED
    reached = start

    def advance(offset: int) -> None:
        nonlocal reached
        progress(offset - reached)
        reached = offset

    result.tail_start = start
    result.tail = read_tail(result.file, source, start, advance)


def _size(result: FileSurvey, source: Source) -> int:
    """Return how large the content is; what a damaged RDB part left unread is drained to know."""
    if source.size_bytes is not None:
        return source.size_bytes
    if result.tail is not None:
        return result.tail_start + result.tail.bytes_scanned
    while source.skip(1 << 30):
        pass
    return source.tell()
