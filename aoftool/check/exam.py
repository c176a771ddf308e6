"""Everything a check or a repair needs to know of one log, gathered in one pass a file.

Opens every file of the log read-only, takes it apart and keeps what was found as data. Judges nothing:
`aoftool.check.detectors` makes findings of it, `aoftool.check.loaders` outcomes, `aoftool.repair` plans.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING

from aoftool.aof.model import FileRole, Log, LogFile, LogKind
from aoftool.check.exam_model import Census, FileExam, LogExam, RdbExam, Spot
from aoftool.check.foreign import foreign_kind, not_a_log
from aoftool.check.model import Level
from aoftool.check.stream.wounds import TORN_KINDS, Dissection, Stretch, Wound
from aoftool.check.suspicion import holds_restores, needs_look, objections
from aoftool.commands.areas import may_hold_unknown_forms
from aoftool.commands.table import CONTAINERS
from aoftool.dataclass import replace
from aoftool.errors import SourceError
from aoftool.files.source import Source, open_source
from aoftool.progress import Progress, no_progress
from aoftool.rdb.header import HEADER_BYTES, is_rdb
from aoftool.resp.grammar import Grammar
from aoftool.resp.model import Reason, TailTally
from aoftool.resp.scanner import tally

if TYPE_CHECKING:
    from aoftool.aof.survey import ReadTail

__all__ = ["examine", "examine_file"]

_HEAD_BYTES = 16
# An error at the start of a file larger than this is not looked at as damage of the whole text.
_TEXT_BYTES = 1 << 30
# Places at which a command is looked for behind a magic.
_OPENINGS = 64
_TORN = frozenset({Reason.TORN_HEADER, Reason.TORN_PAYLOAD, Reason.LENGTH_BEYOND_END})


def examine(
    log: Log,
    level: Level = Level.FULL,
    progress: Progress = no_progress,
    workers: int = 1,
    spools: ExitStack | None = None,
    read_tail: ReadTail | None = None,
) -> LogExam:
    """Take every file of a log apart.

    Args:
        workers: threads to share the first pass over a file.
        read_tail: counts the command streams of plain files in place of `tally`.
        spools: owner of the plain copies that are made of compressed files and standard input; without
            one, and at the quick level, such inputs are only read to their first damage.

    Raises:
        SinkError: there is no room for a plain copy.
        InputError: the log is one file that holds nothing of a log.
    """
    exam = LogExam(log, level)
    for file in log.files:
        if file.exists:
            exam.files.append(_one(file, level, progress, workers, spools, read_tail))
    if any(file.tail is not None and file.tail.wounds for file in exam.files[:-1]):
        from aoftool.check.split import join_split_commands

        join_split_commands(exam)
    if level is not Level.QUICK and any(
        spot.name == b"VADD" for file in exam.files for spot in file.census.spots
    ):
        from aoftool.check.vector_adds import find_cas_adds

        find_cas_adds(exam)
    if any(file.rdb is not None for file in exam.files[1:]) and level is not Level.QUICK:
        from aoftool.check.parts_behind import find_in_parts_behind

        find_in_parts_behind(exam)
    if log.kind is not LogKind.MULTI_PART and exam.files and exam.files[0].foreign:
        raise not_a_log(exam.files[0].foreign, log.path)
    return exam


def _one(
    file: LogFile,
    level: Level,
    progress: Progress,
    workers: int,
    spools: ExitStack | None,
    read_tail: ReadTail | None,
) -> FileExam:
    try:
        source = open_source(file.path)
    except SourceError as error:
        return FileExam(file, error=error.message)
    with source:
        if source.seekable or level is Level.QUICK or spools is None:
            return examine_file(file, source, level, progress, workers, read_tail)
        return _examine_spooled(file, source, level, progress, workers, spools)


def _examine_spooled(
    file: LogFile, source: Source, level: Level, progress: Progress, workers: int, spools: ExitStack
) -> FileExam:
    """Take a plain copy of a file apart."""
    from aoftool.aof.layout import find_log
    from aoftool.files.spool import spooled

    copy = spools.enter_context(spooled(source, "log", progress=progress))
    if source.path is None and find_log(copy).kind is LogKind.RDB:
        # What comes through a pipe could not be told before.
        file = replace(file, role=FileRole.RDB)
    with open_source(copy) as plain:
        exam = examine_file(file, plain, level, no_progress, workers)
    exam.compression, exam.plain_path = source.compression, copy
    exam.changes = source.changes()
    return exam


def examine_file(
    file: LogFile,
    source: Source,
    level: Level = Level.FULL,
    progress: Progress = no_progress,
    workers: int = 1,
    read_tail: ReadTail | None = None,
) -> FileExam:
    """Take one open file apart."""
    exam = FileExam(file, compression=source.compression, head=source.peek(_HEAD_BYTES))
    advance = _Advance(progress)
    if source.seekable:
        exam.size_bytes = source.size_bytes or 0
        exam.foreign = foreign_kind(source, exam.path)
        if exam.size_bytes and not exam.foreign:
            _take_apart(exam, source, level, advance, workers, read_tail)
    else:
        _read_once(exam, source, advance)
    exam.changes = source.changes()
    return exam


def _lost_its_header(exam: FileExam, source: Source) -> bool:
    """Tell whether a file begins with an RDB part whose magic is destroyed."""
    if is_rdb(exam.head) or exam.head.startswith((b"*", b"#")):
        return False
    from aoftool.check.rdb.header import lost_its_header
    from aoftool.check.stream.window import Reader

    return lost_its_header(Reader(source, exam.size_bytes), named_rdb=exam.path.endswith(".rdb"))


def _is_mere_magic(exam: FileExam, source: Source) -> bool:
    """Tell whether a magic stands in a file of commands, over the first of them.

    Servers begin a single file or a base with an RDB part, and an incr file never.
    """
    rdb = exam.rdb
    if rdb is None or not exam.path.endswith(".aof"):
        return False
    is_incr = exam.file.role is FileRole.INCR or exam.path.endswith(".incr.aof")
    if rdb.end >= exam.size_bytes and not (is_incr and _holds_commands(source)):
        return False
    walk, kept = rdb.readable, rdb.salvage
    if rdb.sound or rdb.patches or walk.counts or walk.aux or walk.functions:
        return False
    if kept is not None and (kept.keys or kept.functions or kept.scripts):
        return False
    from aoftool.rdb.opcodes import AUX

    return source.read_at(HEADER_BYTES, 1) != bytes([AUX])


def _holds_commands(source: Source) -> bool:
    """Tell whether a whole command stands among the first bytes of a file that could be one."""
    from aoftool.check.stream.resync import openings
    from aoftool.check.stream.shapes import read_shape
    from aoftool.check.stream.window import Reader

    reader = Reader(source)
    places = islice(openings(reader, HEADER_BYTES, reader.size_bytes), _OPENINGS)
    return any(read_shape(reader, at) is not None for at in places)


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


def _take_apart(
    exam: FileExam,
    source: Source,
    level: Level,
    advance: _Advance,
    workers: int,
    read_tail: ReadTail | None,
) -> None:
    whole = level is not Level.QUICK
    destroyed = _lost_its_header(exam, source)
    if destroyed or is_rdb(exam.head[:HEADER_BYTES]):
        from aoftool.check.rdb.exam import examine_rdb

        snapshot = destroyed and exam.file.role is FileRole.SINGLE and exam.path.endswith(".rdb")
        dump = exam.file.role is FileRole.RDB or snapshot
        deep = level is Level.DEEP
        exam.rdb = examine_rdb(source, exam.size_bytes, deep=deep, dump=dump, progress=advance.step)
        if _is_mere_magic(exam, source):
            exam.rdb, exam.taken_for = None, exam.rdb
        elif dump or exam.rdb.end >= exam.size_bytes:
            return
    start, size = exam.tail_start, exam.size_bytes
    if read_tail is not None:
        first = read_tail(exam.file, source, start, advance)
    else:
        first = tally(source, start=start, end=size, containers=CONTAINERS, workers=workers, progress=advance)
    if _is_one_stretch(first, size):
        exam.tail = Dissection(start, size, [Stretch(start, size, first)], first=first)
    else:
        # What damage needs is imported only where there is some.
        from aoftool.check.stream.dissect import dissect_stream

        exam.tail = dissect_stream(source, start, size, progress=advance, whole=whole, first=first)
    if not whole:
        return
    if exam.tail.wounds and exam.rdb is None and exam.size_bytes <= _TEXT_BYTES:
        from aoftool.check.stream.textual import recognise
        from aoftool.check.stream.window import Reader

        exam.text = recognise(Reader(source, exam.size_bytes))
    if any(map(needs_look, exam.tail.stretches)):
        from aoftool.check.questionable import census

        exam.census = census(source, exam.tail.stretches)
    if any(holds_restores(stretch.tally) for stretch in exam.tail.stretches):
        from aoftool.check.payloads.restores import find_restores

        exam.restores = find_restores(source, exam.tail.stretches, deep=level is Level.DEEP)
    if any(may_hold_unknown_forms(stretch.tally) for stretch in exam.tail.stretches):
        from aoftool.check.questionable import unknown_forms

        exam.forms = unknown_forms(source, exam.tail.stretches, workers)
    exam.loader_spots = _before_first_stop(source, exam.tail, exam.census)
    exam.short_lines_stop = _stop_of_6_2(source, exam.tail, exam.loader_spots)


def _stop_of_6_2(source: Source, tail: Dissection, spots: list[Spot]) -> int | None:
    """Return where Redis 6.2 fails on an annotation or a line that others read; None when it does not.

    Only odd lines can be so long. Where the first annotation stands matters only beside other things.
    """
    annotated = bool(tail.first.annotations.count and spots)
    stop = tail.first.stop
    torn = stop is not None and stop.loader_reason in _TORN
    if not tail.first.leniencies and not annotated and not torn:
        return None
    from aoftool.check.stream.dissect import scan_range

    good_end = tail.first.good_end
    if tail.first.leniencies or annotated:
        old = scan_range(source, tail.start, end=good_end, known_state=True, grammar=Grammar.LENIENT_6_2)
        assert old.stop is not None
        if old.good_end < good_end:
            return old.stop.command_start
    if torn:
        # Zeros behind a number: one torn line for others, more than one for a short buffer.
        end = scan_range(source, good_end, grammar=Grammar.LENIENT_6_2)
        if end.stop is not None and not end.commands and end.stop.loader_reason not in _TORN:
            return end.stop.command_start
    return None


def _is_one_stretch(first: TailTally, size_bytes: int) -> bool:
    """Tell whether a stream is in order from its start to the end of the file."""
    whole = first.stop is not None and first.stop.clean and first.good_end >= size_bytes
    # A line end that is none, and a line with more than its number, take a closer look.
    return whole and not first.leniencies.keys() & set(TORN_KINDS)


def _before_first_stop(source: Source, tail: Dissection, found: Census) -> list[Spot]:
    """Return the questionable commands that a loader runs into before the stream breaks."""
    end = tail.first.good_end
    if tail.first.stop is not None:
        # A command in an odd form, which only what follows it proves wrong, has run by then.
        end = max(end, tail.first.stop.loader_end)
    spots = [spot for spot in found.spots if spot.start < end]
    known = tail.stretches[0].end if tail.stretches else tail.start
    if known < end:
        from aoftool.check.questionable import census
        from aoftool.check.stream.dissect import scan_range

        between = Stretch(known, end, scan_range(source, known, end=end))
        spots += census(source, [between]).spots
    return _queued(spots, tail.first.transactions.open_offset)


def _queued(spots: list[Spot], open_offset: int | None) -> list[Spot]:
    """Return the spots as they are for a loader that stops inside a transaction, which it does not run.

    A stretch that is looked at by itself does not know of a MULTI in front of it.
    """
    if open_offset is None:
        return spots
    found = []
    for spot in spots:
        if spot.start <= open_offset or spot.txn:
            found.append(spot)
            continue
        concerned = dict(objections(spot.name, spot.subcommand, spot.argc, inside=True))
        if spot.kind in concerned:
            found.append(replace(spot, txn=True, targets=concerned[spot.kind]))
    return found


def _read_once(exam: FileExam, source: Source, advance: Callable[[int], None]) -> None:
    """Read a stream front to back, up to the first damage."""
    start = 0
    if is_rdb(exam.head[:HEADER_BYTES]):
        from aoftool.rdb.walk.walk import walk

        found = walk(source, 0)
        exam.rdb = RdbExam(found, found.good_end if found.end_offset is None else found.end_offset)
        start = exam.rdb.end
        if exam.rdb.unknown is not None and found.end_offset is None:
            exam.size_bytes = start
            return
        if found.damage is not None:
            exam.rdb.code, exam.rdb.text = "rdb-damaged", found.damage.message
            exam.size_bytes = start
            return
    first = tally(source, start=start, containers=CONTAINERS, progress=advance)
    while source.skip(1 << 30):
        pass
    exam.size_bytes = source.tell()
    exam.tail = Dissection(start, exam.size_bytes, first=first)
    if first.good_end > start:
        exam.tail.pieces.append(Stretch(start, first.good_end, first))
    if first.stop is not None and not first.stop.clean:
        exam.tail.complete = False
        exam.tail.pieces.append(Wound(first.good_end, exam.size_bytes, "unread", first.stop, last=True))
