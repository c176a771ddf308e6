"""One large log by many tasks: ranges of its command streams are counted apart, and joined to one row.

What a task does stands first, then what whoever hands them out keeps of a log. A range counts only where the
range before it ended (`aoftool.resp.pieces.ranges`), so the row is the same as from one reading; what cannot
be joined, and what was written to meanwhile, is read in one piece by the last task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

from aoftool.commands.table import CONTAINERS
from aoftool.dataclass import dataclass, field
from aoftool.errors import AoftoolError
from aoftool.files.source import Source, open_source
from aoftool.files.times import version_of
from aoftool.fleet.summary import summarized
from aoftool.resp.model import TailTally
from aoftool.resp.pieces.join import NotJoinableError
from aoftool.resp.pieces.ranges import Counted, JoinedRanges, count_range
from aoftool.resp.pieces.resync import boundary_behind
from aoftool.resp.scanner import BUFFER_BYTES, drive, finished_tally, tally

if TYPE_CHECKING:
    from aoftool.aof.model import LogFile
    from aoftool.progress import Progress

__all__ = ["RANGE_BYTES", "CountedStream", "LargeLog", "Stream", "Task", "begin", "count", "finish"]

# A task costs some milliseconds on its way, and this much a quarter of a second to count.
RANGE_BYTES = 128 << 20


@dataclass(frozen=True)
class Stream:
    """A command stream that is counted in ranges.

    Attributes:
        version: what changes when the file is written.
        starts: where ranges begin: the true start first, then places that look like commands.
        end: the size of the file.
    """

    path: str
    version: str
    starts: tuple[int, ...]
    end: int

    def is_unchanged(self, source: Source) -> bool:
        """Tell whether an open file is still what was cut."""
        return source.size_bytes == self.end and version_of(self.path) == self.version


@dataclass(frozen=True)
class CountedStream:
    """A stream whose ranges are joined; `consumed` is where the last of them ended."""

    stream: Stream
    tally: TailTally
    consumed: int


# What tasks do. They may run on another machine: what they take and give is data.


def begin(path: str, range_bytes: int) -> dict[str, Any] | list[Stream]:
    """Return the row of a log, or the streams of one that is to be counted in ranges."""
    try:
        streams = _streams_of(path, range_bytes)
    except (AoftoolError, OSError):
        streams = []  # the row says why
    return streams or summarized(path).to_dict()


def _streams_of(path: str, range_bytes: int) -> list[Stream]:
    from aoftool.api.opening import open_log

    log = open_log(path)
    if (log.size_bytes or 0) <= 2 * range_bytes:
        return []
    found = [_cut(file, range_bytes) for file in log.files if file.exists]
    return [stream for stream in found if stream is not None and len(stream.starts) > 1]


def _cut(file: LogFile, range_bytes: int) -> Stream | None:
    """Return the command stream of a plain file with places to cut it at; None without one."""
    from aoftool.aof.model import FileRole

    if file.role is FileRole.RDB or file.path.endswith(".rdb"):
        return None
    version = version_of(file.path)
    with open_source(file.path) as source:
        start, end = _start_of(source), source.size_bytes
        if start is None or end is None:
            return None
        starts = [start]
        for cut in range(start + range_bytes, end, range_bytes):
            guess = boundary_behind(source, cut, end)
            if guess is not None and guess > starts[-1]:
                starts.append(guess)
        return Stream(file.path, version, tuple(starts), end)


def _start_of(source: Source) -> int | None:
    """Return where the commands of a plain file begin; None for any other, and behind a damaged RDB part."""
    from aoftool.rdb.header import HEADER_BYTES, is_rdb

    if not source.seekable:
        return None
    if not is_rdb(source.peek(HEADER_BYTES)):
        return 0
    from aoftool.rdb.walk.walk import walk

    return walk(source, 0).end_offset


def count(stream: Stream, start: int, limit: int | None) -> Counted | None:
    """Count a range of a stream; None where it is no longer what was cut, or cannot be read."""
    try:
        with open_source(stream.path) as source, memoryview(bytearray(BUFFER_BYTES)) as buffer:
            if not stream.is_unchanged(source):
                return None
            counted = count_range(
                source,
                start,
                limit,
                buffer,
                partial(drive, end=stream.end),
                is_first=start == stream.starts[0],
                containers=CONTAINERS,
            )
            return None if source.changes() else counted
    except (AoftoolError, OSError):
        return None


def finish(path: str, counted: Sequence[CountedStream]) -> dict[str, Any]:
    """Return the row of a log some of whose streams are counted."""
    known = {one.stream.path: one for one in counted}

    def read_tail(file: LogFile, source: Source, start: int, progress: Progress) -> TailTally:
        found = known.get(file.path)
        if found is None or start != found.stream.starts[0] or not _is_unchanged(found.stream, source):
            return tally(source, start=start, containers=CONTAINERS, progress=progress)
        progress(found.stream.end)
        # A copy: the log is checked and looked into, and either may go on with what it is given.
        return finished_tally(source, deepcopy(found.tally), found.consumed, found.stream.end)

    return summarized(path, read_tail).to_dict()


def _is_unchanged(stream: Stream, source: Source) -> bool:
    try:
        return stream.is_unchanged(source)
    except OSError:
        return False


# What whoever hands out tasks keeps.


@dataclass
class Task:
    """Something to be done for a log, by whom it may be.

    Attributes:
        call, args: gives a row as `LogRow.to_dict`, or what `take` is told.
        log: the log of whose ranges it is one; None where it concerns all of a log.
        number, start: of the stream and the range in it.
    """

    path: str
    call: Callable[..., Any]
    args: tuple[Any, ...]
    log: LargeLog | None = None
    number: int = 0
    start: int = 0


@dataclass
class _Joining:
    """The ranges of one stream: those on their way by their start, and those joined."""

    stream: Stream
    joined: JoinedRanges
    given: set[int] = field(default_factory=set)
    is_whole: bool = False

    @property
    def done(self) -> bool:
        return self.is_whole or self.joined.finished


class LargeLog:
    """A log whose streams are counted in ranges, until it is one row.

    Attributes:
        is_settled: no range is wanted any more: the last task is known, or the log was given up.
    """

    def __init__(self, path: str, streams: Sequence[Stream]) -> None:
        self.path = path
        self.is_settled = False
        self._streams = [_Joining(stream, JoinedRanges(stream.starts[0])) for stream in streams]

    def first_tasks(self) -> list[Task]:
        """Return the tasks for all ranges."""
        return [
            self._task(number, start)
            for number, joining in enumerate(self._streams)
            for start in joining.stream.starts
        ]

    def _task(self, number: int, start: int) -> Task:
        joining = self._streams[number]
        joining.given.add(start)
        limit = next((later for later in joining.stream.starts if later > start), None)
        return Task(self.path, count, (joining.stream, start, limit), self, number, start)

    def take(self, task: Task, counted: Counted | None) -> list[Task]:
        """Take what a range gave; return what is to be done next."""
        joining = self._streams[task.number]
        joining.given.discard(task.start)
        if counted is None:
            joining.is_whole = True
        if not joining.done:
            try:
                assert counted is not None
                joining.joined.put(task.start, counted)
            except NotJoinableError:
                joining.is_whole = True
        if not joining.done:
            # A start that no range ended at was none: what stands there is counted from where it ended.
            end = joining.joined.end
            return [] if end in joining.given else [self._task(task.number, end)]
        return self._last_task() if all(one.done for one in self._streams) else []

    def _last_task(self) -> list[Task]:
        if self.is_settled:
            return []
        self.is_settled = True
        counted = [
            CountedStream(one.stream, one.joined.tally, one.joined.end)
            for one in self._streams
            if one.joined.tally is not None and not one.is_whole
        ]
        return [Task(self.path, finish, (self.path, counted))]
