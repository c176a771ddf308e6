"""Keep up with a log that a server is writing, across its rewrites.

A server finishes one incr file, opens the next and lists it in the manifest before it writes there; so
every listed file is opened as soon as it is seen, read to its end once a later one is listed, and can be
read on even when the server has removed its name. Each command is given once. What could not be had, because
a file came and went between two looks, is said.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

from aoftool.analysis.commands.filter import EVERYTHING, CommandFilter
from aoftool.analysis.commands.listing import logged
from aoftool.analysis.commands.model import LoggedCommand
from aoftool.analysis.commands.unwrapping import Unwrapping
from aoftool.aof.ending import note_stop
from aoftool.aof.ending_model import ListingEnd
from aoftool.aof.holding import hold_log
from aoftool.aof.layout import find_log
from aoftool.aof.log import LogPart, open_log_file
from aoftool.aof.model import FileRole, Log, LogFile, LogKind, Place
from aoftool.dataclass import dataclass
from aoftool.errors import InputError, SourceError
from aoftool.files import Source
from aoftool.files.held import release_files
from aoftool.rdb.header import HEADER_BYTES, is_rdb
from aoftool.resp.model import Reason, Stop
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import SieveState

__all__ = ["POLL_S", "LogFollower"]

POLL_S = 0.02
# What a server is in the middle of writing looks like this; it is read when it is whole.
_UNFINISHED = frozenset(
    (Reason.TORN_HEADER, Reason.TORN_PAYLOAD, Reason.MISSING_FINAL_CRLF, Reason.TORN_ANNOTATION)
)


@dataclass(slots=True)
class _Open:
    """A file that is being followed."""

    number: int
    file: LogFile
    source: Source
    offset: int
    state: SieveState

    def grown(self) -> bool:
        """Look at the file again; tell whether it holds more than was read."""
        again = self.source.reopen(as_it_is_now=True)
        self.source.close()
        self.source = again
        return (again.size_bytes or 0) > self.offset


class LogFollower:
    """Iterate over the commands of a live log as they are written; ends only when asked to, or on damage.

    Args:
        path: as for `find_log`.
        first: begin at this place, or at the start of the first file.
        log: the log as it was found and is held, when `first` is a place in it.
        is_over: asked whenever nothing new is there; true ends the iteration.
    """

    def __init__(
        self,
        path: str | None,
        wanted: CommandFilter,
        *,
        first: Place | None = None,
        keep: int | None = 256,
        poll_s: float = POLL_S,
        is_over: Callable[[], bool] = lambda: False,
        log: Log | None = None,
    ) -> None:
        self._path, self._wanted, self._keep = path, wanted, keep
        self._poll_s, self._is_over = poll_s, is_over
        self._unwrapping = Unwrapping(wanted, keep)
        self._queue: list[_Open] = []
        self._number = 0 if first is None else first.file
        self._newest = 0
        self._manifest: tuple[int, int, int] | None = None
        self.end = ListingEnd()
        log = log or hold_log(path)
        if log.kind is not LogKind.MULTI_PART and log.kind is not LogKind.SINGLE:
            raise InputError("only an append-only file on disk can be followed", path=log.path)
        self._log = log
        self._begin(log, first)
        # Each has its own handle now, and what has these names from here on are other files.
        release_files(file.path for file in log.files)

    def _begin(self, log: Log, first: Place | None) -> None:
        for number, file in enumerate(log.files):
            if first is None or number >= first.file:
                self._add(file, first.offset if first is not None and number == first.file else 0)

    def _add(self, file: LogFile, offset: int = 0) -> None:
        """Open a listed file, at its first command or at a boundary behind it."""
        source = open_log_file(file)
        if not source.seekable:
            source.close()
            raise InputError("a compressed log cannot be followed", path=file.path)
        start = 0
        state = SieveState()
        if is_rdb(source.peek(HEADER_BYTES)):
            from aoftool.rdb.walk.walk import walk

            start = walk(source, 0).end_offset or (source.size_bytes or 0)
        if offset > start:
            before = SieveReader(source, EVERYTHING, start=start, until=offset)
            for _ in before:
                pass
            start, state = before.end, before.state
        self._queue.append(_Open(self._number, file, source, start, state))
        self._number += 1
        if file.role is FileRole.INCR and file.sequence is not None:
            self._newest = max(self._newest, file.sequence)

    def __iter__(self) -> Iterator[LoggedCommand]:
        try:
            while self.end.damage is None:
                self._look_for_files()
                moved = False
                for row in self._read():
                    moved = True
                    yield row
                if moved:
                    continue
                if self._is_over():
                    return
                time.sleep(self._poll_s)
        finally:
            for opened in self._queue:
                opened.source.close()
            self._unwrapping.note(self.end)

    def _read(self) -> Iterator[LoggedCommand]:
        """Give what has been written; go to the next file when a file is behind it and nothing is left."""
        while self._queue:
            current, is_last = self._queue[0], len(self._queue) == 1
            if current.grown():
                yield from self._read_file(current, is_last)
            if is_last or self.end.damage is not None:
                return
            self._queue.pop(0).source.close()

    def _read_file(self, current: _Open, is_last: bool) -> Iterator[LoggedCommand]:
        reader = SieveReader(
            current.source, self._wanted.watch(), start=current.offset, state=current.state, keep=self._keep,
            part_bytes=1 << 20,
        )  # fmt: skip
        for command in self._unwrapping.of(reader, current.source):
            row = logged(command, current.file, current.number)
            if self._wanted.admits(row):
                yield row
        current.offset, current.state = reader.end, reader.state
        if reader.stop is not None and not (is_last and _is_unfinished(reader.stop)):
            note_stop(self.end, LogPart(current.file, current.source, None, 0), reader.stop)

    def _look_for_files(self) -> None:
        """Open what the manifest lists since the last look."""
        path = self._log.manifest_path
        if path is None:
            self._look_for_replacement()
            return
        try:
            status = os.stat(path)
        except OSError:
            return
        seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        if seen == self._manifest:
            return
        try:
            log = find_log(path)
            for file in (*log.history, *log.files):
                self._follow_on(file)
        except SourceError:
            return  # renamed under us: the next look sees the new one
        self._manifest = seen

    def _follow_on(self, file: LogFile) -> None:
        if file.role not in (FileRole.INCR, FileRole.HISTORY) or file.sequence is None:
            return
        if file.sequence <= self._newest or b".incr." not in file.name or not file.exists:
            return
        if file.sequence > self._newest + 1:
            lost = f"incr {self._newest + 1}" + (
                f" to {file.sequence - 1}" if file.sequence > self._newest + 2 else ""
            )
            self.end.note(f"{lost} came and went before it could be opened; its commands are missing here")
        self._add(file)
        self._newest = max(self._newest, file.sequence)

    def _look_for_replacement(self) -> None:
        """An old-style rewrite replaces the file: nobody can tell where what was shown ends in it."""
        current = self._queue[-1]
        try:
            status = os.stat(current.file.path)
        except OSError:
            return
        if any(change.kind.value == "replaced" for change in current.source.changes()):
            self.end.note("the file was replaced by a rewrite; following goes on at its end")
            self._add(current.file, status.st_size)


def _is_unfinished(stop: Stop) -> bool:
    return stop.reason in _UNFINISHED
