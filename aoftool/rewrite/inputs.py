"""Take a log apart for a rewrite: which file holds the RDB part, where commands start, where to stop.

What cannot be read at an offset (compressed, standard input) or lies in a store is written to a temporary
file first: a rewrite reads its input more than once, and here and there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from aoftool.aof.log import need_file, need_files
from aoftool.aof.model import FileRole, Log, LogFile, LogKind, Place
from aoftool.aof.moment import need_within
from aoftool.aof.moment_places import (
    Stream,
    boundary_before,
    boundary_note,
    in_rdb_part,
    place_of_command,
    place_of_time,
)
from aoftool.dataclass import dataclass, field
from aoftool.errors import (
    AoftoolError,
    NotJudgedError,
    RdbError,
    RespError,
    SourceError,
    UnsupportedError,
)
from aoftool.files import Source, open_source
from aoftool.files.changes import OF_A_LIVE_LOG
from aoftool.files.spool import spooled
from aoftool.liveness.reading import Tail, TailEnd
from aoftool.next_step import next_step
from aoftool.progress import Progress, no_progress
from aoftool.rdb.header import HEADER_BYTES, is_rdb
from aoftool.resp.model import Reason
from aoftool.resp.scanner import tally
from aoftool.rewrite.model import Cut, FileSize

if TYPE_CHECKING:
    from aoftool.rdb.walk.summary import RdbWalk

__all__ = ["Input", "cut_note", "end_at_boundary", "open_input", "repair_hint", "require_only_torn"]

_TORN = frozenset(
    {Reason.TORN_HEADER, Reason.TORN_PAYLOAD, Reason.MISSING_FINAL_CRLF, Reason.TORN_ANNOTATION}
)


@dataclass
class Input:
    """A log ready to be traced.

    Attributes:
        tails: command streams in load order, one a file.
        base: what the RDB part of the first file holds; None when there is none.
        cut: whether commands were left out at the end because the caller asked for it.
        cut_offset: the offset that was asked for, in the last of the files; None where it was none.
    """

    tails: list[Tail] = field(default_factory=list)
    base: RdbWalk | None = None
    files: list[FileSize] = field(default_factory=list)
    history_bytes: int = 0
    multi_part: bool = False
    cut: bool = False
    cut_offset: int | None = None

    @property
    def size_bytes(self) -> int:
        """Bytes of the files that are read, as they were found: of a live log some may be gone by now."""
        return sum(file.size_bytes for file in self.files)

    @property
    def paths(self) -> list[str]:
        """Paths of the files that are read, by number."""
        return [tail.path for tail in self.tails]

    @property
    def base_path(self) -> str | None:
        """The file that starts with an RDB part."""
        return self.tails[0].path if self.base is not None else None


@contextmanager
def open_input(log: Log, cut: Cut, progress: Progress = no_progress) -> Iterator[Input]:
    """Give the parts of a log; temporary files live as long as the context.

    Raises:
        SourceError, RdbError: a file is missing or its RDB part damaged.
        ReadFailedError: a file cannot be read to its end.
        SinkError: there is no room for what has to be unpacked.
        UnsupportedError: an RDB part stands where none is read from.
        UsageError: the cut names a place that is not there.
        RefusedError: it lies in an RDB part.
    """
    need_files(log)
    found = Input(multi_part=log.kind is LogKind.MULTI_PART)
    found.history_bytes = sum(file.size_bytes or 0 for file in log.history)
    copies: dict[str | None, str] = {}
    with ExitStack() as stack:
        try:
            for number, file in enumerate(log.files):
                path = stack.enter_context(_seekable(log, file))
                copies |= {path: file.path} if path != file.path else {}
                _add(found, log, number, path, progress)
            _apply(found, cut, log)
            yield found
        except AoftoolError as error:
            if error.path in copies:
                # The copy is gone when this is read.
                error.path, error.hint = copies[error.path], repair_hint(log)
            raise


def repair_hint(log: Log) -> str:
    """Return what to type when a log is damaged."""
    return next_step("rewrite", log.path, "--salvage")


@contextmanager
def _seekable(log: Log, file: LogFile) -> Iterator[str]:
    """Give the path of a plain file with the content of a log file."""
    need_file(file)
    with ExitStack() as spools:
        # Not held open while the others are looked at: a log may have more files than a process may open.
        with open_source(file.path) as source:
            path = file.path if source.is_local else spools.enter_context(spooled(source, "log"))
            if path != file.path:
                problems = [change for change in source.changes() if change.kind not in OF_A_LIVE_LOG]
                if problems:
                    raise SourceError(problems[0].message, path=file.path, hint=repair_hint(log))
        yield path


def _add(found: Input, log: Log, number: int, path: str, progress: Progress) -> None:
    file = log.files[number]
    with open_source(path) as source:
        size = source.size_bytes or 0
        found.files.append(FileSize(file.path, file.role.value, size))
        start = 0
        if is_rdb(source.peek(HEADER_BYTES)):
            if number:
                message = "an RDB part behind commands cannot be rewritten"
                raise UnsupportedError(message, path=file.path, offset=0, hint=next_step("check", log.path))
            found.base = _walk_whole(source, file.path, log, progress)
            start = found.base.end_offset or 0
        # Of a snapshot servers read nothing behind its end.
        end = start if file.role is FileRole.RDB and found.base is not None else None
        found.tails.append(Tail(path, start, end))


def _walk_whole(source: Source, path: str, log: Log, progress: Progress) -> RdbWalk:
    # Here, as below: most logs hold no RDB part, and reading one takes many modules.
    from aoftool.rdb.records.reader import walk

    found = walk(source, 0, progress, ahead=True)
    if found.damage is None and found.unknown is not None:
        raise NotJudgedError(
            f"what cannot be read is not rewritten: the RDB part holds {found.unknown.message}",
            path=path,
            offset=found.unknown.offset,
            hint=next_step("check", path),
        )
    if found.stop is not None or found.end_offset is None:
        message = found.stop.message if found.stop else "the RDB part has no end"
        offset = found.stop.offset if found.stop else found.good_end
        raise RdbError(message, path=path, offset=offset, hint=repair_hint(log))
    return found


def end_at_boundary(found: Input, ends: Sequence[TailEnd]) -> list[TailEnd]:
    """Return the ends of the streams; a cut inside a command that is whole in the file is before it."""
    if found.cut_offset is None or not ends or not ends[-1].torn_bytes:
        return list(ends)
    # Here: a cut is rare, and batches take numpy, which loads longer than a small log is read.
    from aoftool.resp.batch import BatchReader

    tail, end = found.tails[-1], ends[-1]
    with open_source(tail.path) as source:
        behind = next(iter(BatchReader(source, start=end.offset)), None)
    if behind is None or int(behind.offset[0] + behind.length[0]) <= found.cut_offset:
        return list(ends)
    found.tails[-1] = Tail(tail.path, tail.start, end.offset)
    return [*ends[:-1], TailEnd(end.offset)]


def cut_note(found: Input, unfinished: int) -> str:
    """Say where a log is cut whose cut lies inside a command or a transaction; empty where it does not.

    Args:
        unfinished: commands of a transaction without its end.
    """
    tail = found.tails[-1]
    if found.cut_offset is None or (tail.end == found.cut_offset and not unfinished):
        return ""
    with open_source(tail.path) as source:
        return boundary_note(found.cut_offset, boundary_before(source, tail.start, found.cut_offset))


def require_only_torn(log: Log, tails: list[Tail], ends: list[TailEnd]) -> int:
    """Return the bytes of a torn last command; a loader drops these.

    Raises:
        RespError: what does not end is something else, or not at the end of the last file.
    """
    torn = 0
    for number, (tail, end) in enumerate(zip(tails, ends, strict=True)):
        if not end.torn_bytes:
            continue
        with open_source(tail.path) as source:
            stop = tally(source, start=end.offset, end=tail.end).stop
        last = number == len(tails) - 1
        if not last or stop is None or stop.reason not in _TORN:
            reason = "damaged" if stop is None else stop.reason.value
            raise RespError(
                f"the commands do not go on here: {reason}",
                path=tail.path,
                offset=end.offset,
                hint=repair_hint(log),
            )
        torn = end.torn_bytes
    return torn


def _starts(found: Input) -> list[tuple[str, int | None]]:
    """Return the path of each file and where its commands begin, None where it has none."""
    return [
        (file.path, tail.start if tail.start < file.size_bytes and tail.end is None else None)
        for file, tail in zip(found.files, found.tails, strict=True)
    ]


def _apply(found: Input, cut: Cut, log: Log) -> None:
    place = _place_of_cut(found, cut, log)
    if place is not None:
        tail = found.tails[place.file]
        found.tails[place.file :] = [Tail(tail.path, tail.start, place.offset)]
        found.cut = True
        found.cut_offset = place.offset if cut.to_offset is not None else None


def _place_of_cut(found: Input, cut: Cut, log: Log) -> Place | None:
    streams = [
        Stream(number, partial(open_source, tail.path), tail.start, tail.end)
        for number, tail in enumerate(found.tails)
    ]
    if cut.to_time_s is not None:
        return place_of_time(streams, cut.to_time_s, log.path)
    if cut.before is not None:
        return place_of_command(streams, cut.before, cut.nth, log.path)
    if cut.to_offset is None:
        return None
    place = Place(*cut.to_offset)
    if place.offset < found.tails[place.file].start:
        raise in_rdb_part(place.offset, place.file, _starts(found), log.path)
    file = found.files[place.file]
    need_within(place.offset, file.size_bytes, os.path.basename(file.path), log.path)
    return place
