"""Find what stands half at the end of one file and half at the start of the next: commands, transactions.

A write that falls short leaves the rest of what was to be written with the server; when a rewrite opens
the next file before it could try again, the rest lands there. Servers refuse such a log: the file that
ends inside a command is not the last. Nothing is lost as long as both halves are there, and a transaction
that is open at that point belongs together too. What the server had still to write goes on in the database
that was open, without a SELECT, while a loader begins each file in database 0: the wound says which one was
left.

Source: redis/redis#14372; that they refuse: measured on Redis 7.0.15, 8.6.3 and Valkey 9.1.2.
"""

from __future__ import annotations

import itertools

from aoftool.check.exam_model import FileExam, LogExam
from aoftool.check.stream.dissect import dissect_stream, scan_range
from aoftool.check.stream.heal import Patch
from aoftool.check.stream.window import Reader
from aoftool.check.stream.wounds import Dissection, Stretch, Wound
from aoftool.dataclass import replace
from aoftool.errors import SourceError
from aoftool.files.source import Source, open_source
from aoftool.regex import regex
from aoftool.resp.model import INHERITED_DB
from aoftool.resp.stop_model import Reason, Stop

__all__ = ["ACROSS", "SPLIT", "end_in_next", "join_open_transactions", "join_split_commands"]

SPLIT = "split-command"
ACROSS = "multi-across-files"
# What is put behind the first half is held in memory; a larger one is left for who repairs by hand.
_MOST_BYTES = 64 << 20
_MOST_ARGUMENTS = 100_000
_LINE_BYTES = 32
# Of a command that lies in two files, which no reader of one source takes for one.
_HEADER = regex(rb"([*$])([0-9]{1,10})\r\n")
_EXEC = b"*1\r\n$4\r\nEXEC\r\n"
_SELECT = regex(rb"(?i)\*2\r\n\$6\r\nSELECT\r\n\$[0-9]\r\n(0|[1-9][0-9]*)\r\n")
_MULTI = b"*1\r\n$5\r\nMULTI\r\n"
# A write may end in the line end of a command too.
_TORN = ("torn-tail", "missing-final-crlf")


def join_split_commands(exam: LogExam) -> None:
    """Mark both halves of every command that is split over two files: as wounds that fit together."""
    for first, second in itertools.pairwise(exam.files):
        if _may_be_split(first) and _may_go_on(second):
            _join(first, second)


def _may_be_split(exam: FileExam) -> bool:
    wounds = exam.tail.wounds if exam.tail is not None else []
    return bool(wounds) and wounds[-1].last and wounds[-1].code in _TORN and not exam.plain_path


def _may_go_on(exam: FileExam) -> bool:
    pieces = exam.tail.pieces if exam.tail is not None else []
    begins = bool(pieces) and isinstance(pieces[0], Wound) and pieces[0].start == 0 and not pieces[0].last
    return begins and exam.rdb is None and not exam.plain_path


def _join(first: FileExam, second: FileExam) -> None:
    assert first.tail is not None
    assert second.tail is not None
    torn = first.tail.pieces[-1]
    assert isinstance(torn, Wound)
    try:
        with open_source(first.path) as one, open_source(second.path) as two:
            halves = _Halves(Reader(one, first.size_bytes), torn.start, Reader(two, second.size_bytes))
            end = command_end = halves.end_of_command()
            if end is None or command_end is None or not 0 < end < second.size_bytes:
                return
            rest = dissect_stream(two, end, second.size_bytes)
            if not rest.pieces or not isinstance(rest.pieces[0], Stretch):
                return  # what follows does not prove it
            is_open = _is_open(first.tail) or halves.ends_with(_MULTI, end)
            if is_open and not halves.ends_with(_EXEC, end):
                exec_at = _exec_in(two, rest.pieces[0])
                if exec_at is None:
                    return
                end = exec_at + len(_EXEC)
                rest = _behind(two, end, second.size_bytes)
            if end > _MOST_BYTES:
                return
            data = two.read_at(0, end)
            selects = halves.selected(command_end, end, two)
    except SourceError:
        return
    patch = Patch(torn.end, torn.end, data)
    first.tail.pieces[-1] = replace(torn, code=SPLIT, healing=None, insert=patch, selects=selects)
    old = second.tail.pieces[0]
    assert isinstance(old, Wound)
    moved = replace(old, end=end, code=SPLIT, copies=True, healing=None, insert=None)
    second.tail.pieces = [moved, *rest.pieces]


def join_open_transactions(exam: LogExam) -> None:
    """Mark the halves of every transaction whose EXEC stands in the next file, as wounds that fit together.

    For a repair: until then it is a transaction that every server refuses.
    """
    for first, second in itertools.pairwise(exam.files):
        end = end_in_next(first, second)
        if end is not None:
            _join_open(first, second, end)


def end_in_next(first: FileExam, second: FileExam) -> int | None:
    """Return where a transaction that is open at the end of a file ends in the next one.

    None where none is open, where it does not end there, or where too much of it stands there to be moved.
    """
    one, two = _end_of(first), _start_of(second)
    if one is None or two is None or one.tally.transactions.open_offset is None:
        return None
    try:
        with open_source(second.path) as source:
            exec_at = _exec_in(source, two)
            end = 0 if exec_at is None else exec_at + len(_EXEC)
            is_exec = 0 < end <= _MOST_BYTES and source.read_at(end - len(_EXEC), len(_EXEC)).upper() == _EXEC
    except SourceError:
        return None
    return end if is_exec else None


def _end_of(exam: FileExam) -> Stretch | None:
    pieces = exam.tail.pieces if exam.tail is not None else []
    last = pieces[-1] if pieces and not exam.plain_path else None
    return last if isinstance(last, Stretch) and last.end == exam.size_bytes else None


def _start_of(exam: FileExam) -> Stretch | None:
    pieces = exam.tail.pieces if exam.tail is not None and exam.rdb is None else []
    first = pieces[0] if pieces and not exam.plain_path else None
    return first if isinstance(first, Stretch) and first.start == 0 else None


def _join_open(first: FileExam, second: FileExam, end: int) -> None:
    assert first.tail is not None
    assert second.tail is not None
    size = first.size_bytes
    with open_source(second.path) as source:
        patch = Patch(size, size, source.read_at(0, end))
        selects = _selected_in(source, 0, end)
        rest = _behind(source, end, second.size_bytes)
    stop = Stop(Reason.END, size, size, size, size, first.commands)
    first.tail.pieces.append(Wound(size, size, ACROSS, stop, insert=patch, selects=selects, last=True))
    second.tail.pieces = [Wound(0, end, ACROSS, stop, copies=True), *rest.pieces]


def _behind(source: Source, start: int, size_bytes: int) -> Dissection:
    return dissect_stream(source, start, size_bytes) if start < size_bytes else Dissection(0, 0)


def _selected_in(source: Source, start: int, end: int) -> int | None:
    """Return the database that the last SELECT of a span selects; None without one."""
    db = scan_range(source, start, end=end).selects.last_db
    return None if db == INHERITED_DB else db


def _is_open(tail: Dissection) -> bool:
    stretches = tail.stretches
    return bool(stretches) and stretches[-1].tally.transactions.open_offset is not None


def _exec_in(source: Source, stretch: Stretch) -> int | None:
    """Return where the EXEC of a transaction stands that was open before a stretch."""
    edge = scan_range(source, stretch.start, end=stretch.end).edge
    return edge.event_offset if edge.event == "EXEC" else None


class _Halves:
    """The end of one file with the next one behind it, read as one; offsets count from the torn command."""

    def __init__(self, first: Reader, start: int, second: Reader) -> None:
        self._first, self._start, self._second = first, start, second
        self._length = first.size_bytes - start

    def _at(self, offset: int, count: int) -> bytes:
        head = self._first.at(self._start + offset, min(count, max(self._length - offset, 0)))
        return head + self._second.at(max(offset - self._length, 0), count - len(head))

    def ends_with(self, words: bytes, end: int) -> bool:
        """Tell whether what ends at an offset of the second file ends with some bytes."""
        return self._at(self._length + end - len(words), len(words)).upper() == words

    def selected(self, command_end: int, end: int, second: Source) -> int | None:
        """Return the database that is selected from the split command on to an offset of the second file."""
        found = _SELECT.match(self._at(0, 2 * _LINE_BYTES))
        own = int(found[1]) if found is not None else None
        later = _selected_in(second, command_end, end) if command_end < end else None
        return own if later is None else later

    def end_of_command(self) -> int | None:
        """Return where the command ends in the second file; None where it is none, or ends before."""
        count, at = self._header(0, b"*")
        if count is None or not 0 < count <= _MOST_ARGUMENTS:
            return None
        for _ in range(count):
            length, at = self._header(at, b"$")
            if length is None or self._at(at + length, 2) != b"\r\n":
                return None
            at += length + 2
        return at - self._length

    def _header(self, at: int, kind: bytes) -> tuple[int | None, int]:
        found = _HEADER.match(self._at(at, _LINE_BYTES))
        if found is None or found[1] != kind:
            return None, at
        return int(found[2]), at + found.end()
