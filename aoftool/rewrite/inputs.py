"""Take a log apart for a rewrite: which file holds the RDB part, where commands start, where to stop.

Files that cannot be read at an offset (compressed, standard input) are unpacked to a temporary file
first: a rewrite reads its input more than once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from aoftool.aof.log import need_file, need_files
from aoftool.aof.model import Log, LogFile, LogKind
from aoftool.errors import (
    AoftoolError,
    InputError,
    NotJudgedError,
    RdbError,
    RespError,
    SourceError,
    UnsupportedError,
    UsageError,
)
from aoftool.escape import excerpt
from aoftool.files import Source, open_source
from aoftool.files.changes import OF_A_LIVE_LOG
from aoftool.files.spool import spooled
from aoftool.liveness.reading import Tail, TailEnd
from aoftool.next_step import next_step
from aoftool.progress import Progress, no_progress
from aoftool.rdb.header import HEADER_BYTES, is_rdb
from aoftool.rdb.reader import walk
from aoftool.rdb.summary import RdbWalk
from aoftool.resp.commands import CommandReader
from aoftool.resp.model import Reason
from aoftool.resp.scanner import tally
from aoftool.rewrite.model import Cut, FileSize

__all__ = ["Input", "open_input", "repair_hint", "require_only_torn"]

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
    """

    tails: list[Tail] = field(default_factory=list)
    base: RdbWalk | None = None
    files: list[FileSize] = field(default_factory=list)
    history_bytes: int = 0
    multi_part: bool = False
    cut: bool = False

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
            _apply(found, cut)
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
            path = file.path if source.seekable else spools.enter_context(spooled(source, "log"))
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
                raise UnsupportedError(message, path=file.path, hint=next_step("check", log.path))
            found.base = _walk_whole(source, file.path, log, progress)
            start = found.base.end_offset or 0
        found.tails.append(Tail(path, start))


def _walk_whole(source: Source, path: str, log: Log, progress: Progress) -> RdbWalk:
    found = walk(source, 0, progress)
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


def _apply(found: Input, cut: Cut) -> None:
    place = None
    if cut.to_offset is not None:
        place = cut.to_offset
        if not 0 <= place[0] < len(found.tails) or place[1] < found.tails[place[0]].start:
            raise UsageError("there are no commands at that offset")
    elif cut.to_time_s is not None:
        place = _first_after(found.tails, cut.to_time_s)
    elif cut.before is not None:
        place = _last_named(found.tails, cut.before.upper())
        if place is None:
            raise UsageError(f"no {excerpt(cut.before)} in the log")
    if place is not None:
        number, offset = place
        tail = found.tails[number]
        found.tails[number:] = [Tail(tail.path, tail.start, offset)]
        found.cut = True


def _first_after(tails: list[Tail], time_s: int) -> tuple[int, int] | None:
    """Return where the first command of a later time stands.

    Raises:
        InputError: there are commands, and none has a time.
    """
    last_s = None
    for number, tail in enumerate(tails):
        with open_source(tail.path) as source:
            for command in CommandReader(source, start=tail.start, limit=0):
                if command.time_s > time_s:
                    return number, command.offset
                last_s = max(command.time_s, -1 if last_s is None else last_s)
    if last_s == -1:
        raise InputError("no command has a time: there are no #TS annotations", hint="give an offset instead")
    return None


def _last_named(tails: list[Tail], name: bytes) -> tuple[int, int] | None:
    for number in range(len(tails) - 1, -1, -1):
        found = None
        with open_source(tails[number].path) as source:
            for command in CommandReader(source, start=tails[number].start, limit=0, names=frozenset({name})):
                found = command.offset
        if found is not None:
            return number, found
    return None
