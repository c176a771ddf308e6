"""Everything a check or a repair needs to know of one log, gathered in one pass a file.

Opens every file of the log read-only, takes it apart and keeps what was found as data. Judges nothing:
`aoftool.check.detectors` makes findings of it, `aoftool.check.servers` outcomes, `aoftool.repair` plans.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aoftool.aof.layout import Log, LogFile
from aoftool.check.census import Census, Spot, census
from aoftool.check.dissect import Dissection, Stretch, Wound, dissect_stream, scan_range
from aoftool.check.model import Level
from aoftool.check.rdbexam import RdbExam, examine_rdb, near_magic
from aoftool.check.reader import Reader
from aoftool.check.textual import TextDamage, recognise
from aoftool.errors import SourceError
from aoftool.files.changes import SourceChange
from aoftool.files.source import Source, open_source
from aoftool.progress import Progress, no_progress
from aoftool.rdb.header import HEADER_BYTES, is_rdb

__all__ = ["FileExam", "LogExam", "examine", "examine_file"]

_HEAD_BYTES = 16
# An error at the start of a file larger than this is not looked at as damage of the whole text.
_TEXT_BYTES = 1 << 30


@dataclass
class FileExam:
    """One file of the log, taken apart.

    Attributes:
        file: as the layout names it.
        size_bytes: bytes that were there to read.
        compression: gzip or zstd; such a file is only read to its first damage.
        head: its first bytes.
        rdb: its RDB part, None when it has none.
        tail: its command stream, None when there is none to look at.
        census: questionable commands.
        loader_spots: those a loader meets before its first stop.
        text: what a program did to the file as a whole, None for nothing.
        changes: what happened to the file while it was read.
        error: why it could not be opened.
    """

    file: LogFile
    size_bytes: int = 0
    compression: str | None = None
    head: bytes = b""
    rdb: RdbExam | None = None
    tail: Dissection | None = None
    census: Census = field(default_factory=Census)
    loader_spots: list[Spot] = field(default_factory=list)
    text: TextDamage | None = None
    changes: list[SourceChange] = field(default_factory=list)
    error: str = ""

    @property
    def path(self) -> str:
        """Return where the file is."""
        return self.file.path

    @property
    def tail_start(self) -> int:
        """Return where the command stream begins."""
        return 0 if self.rdb is None else self.rdb.end

    @property
    def commands(self) -> int:
        """Return the whole commands in order."""
        return 0 if self.tail is None else self.tail.commands

    @property
    def good_end(self) -> int:
        """Return the offset up to which everything is in order."""
        if self.rdb is not None and not self.rdb.sound:
            return min(self.rdb.walk.good_end, self.size_bytes)
        wounds = [] if self.tail is None else self.tail.wounds
        return wounds[0].start if wounds else self.size_bytes


@dataclass
class LogExam:
    """A log, taken apart: its layout and one row a file that exists, in load order."""

    log: Log
    level: Level
    files: list[FileExam] = field(default_factory=list)

    @property
    def last(self) -> FileExam | None:
        """Return the file a server appends to."""
        return self.files[-1] if self.files else None


def examine(log: Log, level: Level = Level.FULL, progress: Progress = no_progress) -> LogExam:
    """Take every file of a log apart."""
    exam = LogExam(log, level)
    for file in log.files:
        if file.exists:
            exam.files.append(_one(file, level, progress))
    return exam


def _one(file: LogFile, level: Level, progress: Progress) -> FileExam:
    try:
        source = open_source(file.path)
    except SourceError as error:
        return FileExam(file, error=error.message)
    with source:
        return examine_file(file, source, level, progress)


def examine_file(
    file: LogFile, source: Source, level: Level = Level.FULL, progress: Progress = no_progress
) -> FileExam:
    """Take one open file apart."""
    exam = FileExam(file, compression=source.compression, head=source.peek(_HEAD_BYTES))
    advance = _Advance(progress)
    if source.seekable:
        exam.size_bytes = source.size_bytes or 0
        if exam.size_bytes:
            _take_apart(exam, source, level, advance)
    else:
        _read_once(exam, source, advance)
    exam.changes = source.changes()
    return exam


class _Advance:
    """Turn absolute offsets into bytes done, also when a place is looked at again."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._reached = 0

    def __call__(self, offset: int) -> None:
        if offset > self._reached:
            self._progress(offset - self._reached)
            self._reached = offset

    def step(self, done: int) -> None:
        """Take bytes done."""
        self._reached += done
        self._progress(done)


def _take_apart(exam: FileExam, source: Source, level: Level, advance: _Advance) -> None:
    whole = level is not Level.QUICK
    if is_rdb(exam.head[:HEADER_BYTES]) or near_magic(exam.head):
        exam.rdb = examine_rdb(source, exam.size_bytes, deep=level is Level.DEEP, progress=advance.step)
        if exam.rdb.end >= exam.size_bytes:
            return
    exam.tail = dissect_stream(source, exam.tail_start, exam.size_bytes, progress=advance, whole=whole)
    if not whole:
        return
    if exam.tail.wounds and exam.rdb is None and exam.size_bytes <= _TEXT_BYTES:
        exam.text = recognise(Reader(source, exam.size_bytes))
    exam.census = census(source, exam.tail.stretches)
    exam.loader_spots = _before_first_stop(source, exam.tail, exam.census)


def _before_first_stop(source: Source, tail: Dissection, found: Census) -> list[Spot]:
    """Return the questionable commands that a loader runs into before the stream breaks."""
    end = tail.first.good_end
    spots = [spot for spot in found.spots if spot.start < end]
    known = tail.stretches[0].end if tail.stretches else tail.start
    if known < end:
        tally = scan_range(source, known, end=end)
        spots += census(source, [Stretch(known, end, tally)]).spots
    return spots


def _read_once(exam: FileExam, source: Source, advance: Callable[[int], None]) -> None:
    """Read a stream front to back, up to the first damage."""
    from aoftool.rdb.walk import walk

    start = 0
    if is_rdb(exam.head[:HEADER_BYTES]):
        found = walk(source, 0)
        exam.rdb = RdbExam(found, found.good_end if found.end_offset is None else found.end_offset)
        start = exam.rdb.end
        if found.damage is not None:
            exam.rdb.code, exam.rdb.text = "rdb-damaged", found.damage.message
            exam.size_bytes = start
            return
    tally = scan_range(source, start, known_state=True, progress=advance)
    while source.skip(1 << 30):
        pass
    exam.size_bytes = source.tell()
    exam.tail = Dissection(start, exam.size_bytes, first=tally)
    if tally.good_end > start:
        exam.tail.pieces.append(Stretch(start, tally.good_end, tally))
    if tally.stop is not None and not tally.stop.clean:
        exam.tail.complete = False
        exam.tail.pieces.append(Wound(tally.good_end, exam.size_bytes, "unread", tally.stop, last=True))
