"""How far the checkers that come with the servers follow a command stream, and what they say where they stop.

They read with C's line reader and numbers, know MULTI and EXEC, and stop at the first thing that they do not
expect; nothing here judges whether that is damage. Most of a stream is counted by the scanner, in constant
memory; only from the first odd command on it is read as they read it, a line at a time.

Source: Valkey 9.1 src/valkey-check-aof.c processRESP, checkSingleAof; every case of the corpus measured on
valkey-check-aof 9.1.2 and redis-check-aof 8.0.6.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right

from aoftool.dataclass import dataclass, replace
from aoftool.files.source import Source
from aoftool.progress import Progress, no_progress
from aoftool.regex import regex
from aoftool.resp.columns import RowColumns
from aoftool.resp.model import Reason, TailTally
from aoftool.resp.scanner import tally_rows

__all__ = ["OfficialStop", "follow_stream"]

# Buffers of the checkers, less the byte that ends a string.
_LINE_BYTES = 127
_ANNOTATION_BYTES = 1023
_WINDOW_BYTES = 256 * 1024
_LONG_MAX = 2**63 - 1
_NUMBER = regex(rb"[ \t\n\v\f\r]*([+-]?[0-9]+)")
# Of the payload only what may be MULTI or EXEC is looked at.
_NAME_BYTES = 16


@dataclass(frozen=True, slots=True)
class OfficialStop:
    """Where a checker ends in one stream.

    Attributes:
        ok_up_to: start of the command or transaction that it cannot follow; the end where it can.
        lines: protocol lines that it has read when it stops, from 0. `ok_up_to_line` counts them from 1
            on, over all files of a set.
        error: what it prints of the place, behind the offset; empty for nothing.
        offset: the place of the error.
        is_format: it met a byte that no command starts with, which it tells in a line of its own.
        bad_time: an annotation says a time and holds none.
        ours: it got to the end, or would have: only what it does not look for is wrong.
        has_times: there are annotations of time.
    """

    ok_up_to: int
    lines: int
    error: str = ""
    offset: int = 0
    is_format: bool = False
    bad_time: bool = False
    ours: bool = False
    has_times: bool = False


def follow_stream(
    source: Source, start: int, end: int, until: int | None = None, progress: Progress = no_progress
) -> OfficialStop:
    """Return where the checkers end in the command stream of a plain file.

    Args:
        source: can seek.
        start, end: of the stream, absolute.
        until: where something is wrong that they do not look for: they are stopped there if nowhere else.
        progress: called with the bytes done since its last call.
    """
    counted = _Pieces(start)
    done = start

    def advance(offset: int) -> None:
        nonlocal done
        progress(offset - done)
        done = offset

    found = tally_rows(source, counted.take, start=start, progress=advance)
    odd = _first_odd(found)
    stop = OfficialStop(end, counted.lines, ours=True)
    if odd is not None:
        at, lines = counted.before(odd)
        stop = _Following(source, at, end, lines).run()
    if until is not None and stop.ok_up_to == end:
        at, lines = counted.before(until)
        short = _Following(source, at, until, lines).run()
        stop = OfficialStop(short.ok_up_to, short.lines, ours=True)
    times = found.annotations
    return replace(stop, bad_time=times.kinds.get(b"TS", 0) > 0, has_times=times.timestamps > 0)


def _first_odd(found: TailTally) -> int | None:
    """Return where a stream may first be something else than whole canonical commands; None for nowhere."""
    seen = [*found.leniencies.values(), found.transactions.nested, found.transactions.lone_execs]
    odd = [occurrence.first_offset for occurrence in seen if occurrence.count]
    if found.stop is not None and found.stop.reason is not Reason.END:
        odd.append(found.stop.command_start)
    if found.transactions.open_offset is not None:
        odd.append(found.transactions.open_offset)
    return min(odd, default=None)


class _Pieces:
    """Counts the protocol lines of a stream, and keeps the count at the start of each piece scanned.

    A command is a line for its count and two for each argument, whatever its payload holds. Pieces that
    start inside of a transaction are joined to the one before.
    """

    def __init__(self, start: int) -> None:
        self.lines = 0
        self._starts = [start]
        self._before = [0]

    def take(self, rows: RowColumns, _names: object) -> None:
        offsets = _numbers(rows.offset)
        if _numbers(rows.txn)[0] == 0:
            self._starts.append(offsets[0])
            self._before.append(self.lines)
        self.lines += len(offsets) + 2 * sum(_numbers(rows.argc))

    def before(self, offset: int) -> tuple[int, int]:
        """Return the last start of a piece up to an offset, and the lines before it."""
        at = bisect_right(self._starts, offset) - 1
        return self._starts[at], self._before[at]


def _numbers(column: bytes) -> array[int]:
    numbers = array("q")
    numbers.frombytes(column)
    return numbers


class _CReader:
    """A stream as C reads it: by lines of bounded length and by counts."""

    def __init__(self, source: Source, at: int, end: int) -> None:
        self.at = at
        self.hit_end = False
        self._source = source
        self._end = end
        self._window = b""
        self._base = at

    def peek(self, count: int) -> bytes:
        skip = self.at - self._base
        if skip + count > len(self._window):
            length = min(max(count, _WINDOW_BYTES), self._end - self.at)
            self._window = self._source.read_at(self.at, length) if length > 0 else b""
            self._base, skip = self.at, 0
        return self._window[skip : skip + count]

    def line(self, most: int) -> bytes:
        """Return a line with its end, or its first bytes; empty at the end of the stream."""
        text = self.peek(most)
        newline = text.find(b"\n")
        if newline >= 0:
            text = text[: newline + 1]
        elif len(text) < most:
            self.hit_end = True
        self.at += len(text)
        return text

    def payload(self, length: int) -> tuple[int, bytes, bytes]:
        """Step over a payload: return how many of its bytes are there, its first ones and its last two."""
        there = min(length, self._end - self.at)
        first = self.peek(min(there, _NAME_BYTES))
        last = self._source.read_at(self.at + length - 2, 2) if there == length else b""
        self.hit_end = self.hit_end or there < length
        self.at += there
        return there, first, last


class _Stop(Exception):
    """The checker goes no further."""


class _Following:
    """Follows a stream from the start of a command outside of transactions, line by line."""

    def __init__(self, source: Source, at: int, end: int, lines: int) -> None:
        self._reader = _CReader(source, at, end)
        self._end = end
        self._lines = lines
        self._multi = 0
        self._place = at
        self._error = ""
        self._is_format = False

    def run(self) -> OfficialStop:
        good = self._reader.at
        try:
            while True:
                if not self._multi:
                    good = self._reader.at
                if not self._item():
                    break
        except _Stop:
            pass
        if self._reader.hit_end and self._multi and not self._error:
            self._error = "Reached EOF before reading EXEC for MULTI"
        ours = good == self._end
        return OfficialStop(good, self._lines, self._error, self._place, self._is_format, ours=ours)

    def _item(self) -> bool:
        """Step over one command or annotation; false at the end."""
        first = self._reader.peek(1)
        if not first:
            self._reader.hit_end = True
            return False
        if first == b"#":
            self._place = self._reader.at
            self._reader.line(_ANNOTATION_BYTES)
        elif first == b"*":
            self._command()
        else:
            self._is_format = True
            raise _Stop
        return True

    def _command(self) -> None:
        argc = self._number(b"*")
        for number in range(argc):
            name = self._argument()
            if number == 0:
                self._transaction(name.partition(b"\0")[0].lower())

    def _transaction(self, name: bytes) -> None:
        if name == b"multi":
            self._multi += 1
            if self._multi != 1:
                raise self._stop("Unexpected MULTI in AOF {path}")
        elif name == b"exec":
            self._multi -= 1
            if self._multi:
                raise self._stop("Unexpected EXEC in AOF {path}")

    def _argument(self) -> bytes:
        """Step over one argument and return its first bytes, as many as tell its name."""
        length = self._number(b"$")
        if not 0 <= length <= _LONG_MAX - 2:
            text = f"Expected to read string of {length} bytes, which is not in the suitable range"
            raise self._stop(text)
        self._place = self._reader.at
        there, first, last = self._reader.payload(length + 2)
        if there != length + 2:
            raise self._stop(f"Expected to read {length + 2} bytes, got {there} bytes")
        self._newline(last)
        return first[:length]

    def _number(self, prefix: bytes) -> int:
        self._place = self._reader.at
        line = self._reader.line(_LINE_BYTES)
        if not line:
            raise _Stop
        if line[:1] != prefix:
            shown = line[:1].decode("ascii") if 0x20 <= line[0] < 0x7F else f"\\x{line[0]:02x}"
            raise self._stop(f"Expected prefix '{prefix.decode()}', got: '{shown}'")
        text = line.partition(b"\0")[0]
        found = _NUMBER.match(text, 1)
        value = int(found[1]) if found else 0
        self._newline((text + b"\0\0")[found.end() if found else 1 :])
        return max(-_LONG_MAX - 1, min(value, _LONG_MAX))

    def _newline(self, text: bytes) -> None:
        if text[:2] != b"\r\n":
            # As C prints a signed character.
            one, two = (f"{(byte - 256) & 0xFFFFFFFF if byte > 127 else byte:02x}" for byte in text[:2])
            raise self._stop(f"Expected \\r\\n, got: {one}{two}")
        self._lines += 1

    def _stop(self, text: str) -> _Stop:
        self._error = text
        return _Stop()
