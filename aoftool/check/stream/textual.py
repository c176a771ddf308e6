"""Whole files that a program treated as text: recognise it, and undo it.

Four kinds: every CRLF became LF, every LF became CRLF, bytes above 127 were written as UTF-8, the file
was written as UTF-16. Undoing is exact, or the command is given up: a payload is restored only where
its declared length leaves one way to do it. Output is produced in pieces, so memory is constant but for
one command.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from aoftool.check.stream.window import BLOCK_BYTES, Reader
from aoftool.commands.table import CONTAINERS
from aoftool.dataclass import dataclass
from aoftool.regex import regex
from aoftool.resp._native import Scan
from aoftool.resp.grammar import ScanOptions
from aoftool.resp.model import TailTally

__all__ = ["KINDS", "Piece", "TextDamage", "recognise", "restore"]

_LF_HEAD = regex(rb"\*[1-9][0-9]{0,8}\n\$[0-9]{1,10}\n")
_CRCRLF_HEAD = regex(rb"\*[1-9][0-9]{0,8}\r\r\n\$[0-9]{1,10}\r\r\n")
_UTF16_HEADS = (b"\xff\xfe", b"\xfe\xff", b"*\0", b"\0*", b"#\0", b"\0#")
_TS_LINE = regex(rb"#TS:[0-9]{1,19}(\r\r\n|\n)")
# A payload larger than this is not restored: it would have to be held.
_MAX_PAYLOAD = 64 << 20
_MAX_ARGUMENTS = 1 << 20

KINDS = {
    "cr-stripped": "every CRLF became LF",
    "lf-doubled": "every LF became CRLF",
    "utf8-doubled": "bytes above 127 were written as UTF-8",
    "utf-16": "the file was written as UTF-16",
}


@dataclass(frozen=True)
class Piece:
    """A span of the damaged file and what it was: `data`, or None when that cannot be known."""

    start: int
    end: int
    data: bytes | None


@dataclass(frozen=True)
class TextDamage:
    """What was done to a file, and what undoing it gives.

    Attributes:
        kind: one of `KINDS`.
        commands: whole commands in the restored stream.
        lost: spans that cannot be restored, at most a thousand kept.
        lost_count, lost_bytes: all of them.
        tally: of the restored stream.
    """

    kind: str
    commands: int
    lost: tuple[tuple[int, int], ...]
    lost_count: int
    lost_bytes: int
    tally: TailTally


def recognise(reader: Reader, start: int = 0) -> TextDamage | None:
    """Return what a program did to the file as a whole, if undoing it gives a command stream."""
    for kind in _candidates(reader, start):
        judged = _judge(reader, kind, start)
        if judged is not None:
            return judged
    return None


def _candidates(reader: Reader, start: int) -> Iterator[str]:
    head = reader.at(start, 64)
    annotation = _TS_LINE.match(head)
    body = head[annotation.end() :] if annotation else head
    if _LF_HEAD.match(body):
        yield "cr-stripped"
    if _CRCRLF_HEAD.match(body):
        yield "lf-doubled"
    if head.startswith(_UTF16_HEADS):
        yield "utf-16"
    if head.startswith((b"*", b"#")):
        yield "utf8-doubled"


def _judge(reader: Reader, kind: str, start: int) -> TextDamage | None:
    """Restore the whole file into a scanner and see whether a stream comes out."""
    scan = Scan(ScanOptions(containers=CONTAINERS))
    lost: list[tuple[int, int]] = []
    lost_count = lost_bytes = changed = 0
    for piece in restore(reader, kind, start):
        if piece.data is None:
            lost_count += 1
            lost_bytes += piece.end - piece.start
            if len(lost) < 1000:
                lost.append((piece.start, piece.end))
            continue
        changed += len(piece.data) != piece.end - piece.start
        scan.feed(piece.data)
        if scan.halted:
            return None
    scan.finish()
    tally = scan.tally()
    if not changed or tally.commands == 0 or lost_count > tally.commands:
        return None
    torn = tally.stop is not None and not tally.stop.clean
    if torn and tally.commands < 3:
        return None
    return TextDamage(kind, tally.commands, tuple(lost), lost_count, lost_bytes, tally)


def restore(reader: Reader, kind: str, start: int = 0) -> Iterator[Piece]:
    """Yield the file in pieces as it was; pieces follow each other without gap."""
    if kind == "cr-stripped":
        return _Lines(reader, b"\n").pieces(start)
    if kind == "lf-doubled":
        return _Lines(reader, b"\r\r\n").pieces(start)
    if kind == "utf-16":
        return _decoded(reader, start, "utf-16")
    return _decoded(reader, start, "utf-8")


def _decoded(reader: Reader, start: int, encoding: str) -> Iterator[Piece]:
    """Yield the characters as the single bytes they were; stops where that cannot be."""
    if encoding == "utf-16" and reader.at(start, 2) not in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16-le" if reader.at(start + 1, 1) == b"\0" else "utf-16-be"
    decoder = codecs.getincrementaldecoder(encoding)()
    at = start
    while piece := reader.at(at, BLOCK_BYTES):
        last = at + len(piece) >= reader.size_bytes
        try:
            data = decoder.decode(piece, last).encode("latin-1")
        except UnicodeError:
            yield Piece(at, reader.size_bytes, b"\xff")
            return
        yield Piece(at, at + len(piece), data)
        at += len(piece)


class _Lines:
    """Walk a command stream whose line ends were changed."""

    def __init__(self, reader: Reader, line_end: bytes) -> None:
        self._reader = reader
        self._line_end = line_end
        self._header = re.compile(rb"([*$])(0|[1-9][0-9]{0,18})" + re.escape(line_end))

    def pieces(self, start: int) -> Iterator[Piece]:
        """Yield one piece a command or annotation; a torn end is a piece without data."""
        at = start
        while at < self._reader.size_bytes:
            piece = self._annotation(at) or self._command(at)
            if piece is None:
                piece = self._beyond(at)
            yield piece
            at = piece.end

    def _beyond(self, at: int) -> Piece:
        """Return what cannot be read at an offset, up to where commands go on, or to the end."""
        reach = min(at + _MAX_PAYLOAD, self._reader.size_bytes)
        place = at
        while (place := self._reader.find(self._line_end + b"*", place + 1, reach)) >= 0:
            start = place + len(self._line_end)
            first = self._command(start)
            if first is None:
                continue
            if first.end >= self._reader.size_bytes or self._command(first.end) is not None:
                return Piece(at, start, None)
        return Piece(at, self._reader.size_bytes, None)

    def _annotation(self, at: int) -> Piece | None:
        line = self._reader.at(at, 1024)
        if not line.startswith(b"#"):
            return None
        end = line.find(self._line_end)
        if end < 0:
            return None
        return Piece(at, at + end + len(self._line_end), line[:end] + b"\r\n")

    def _number(self, at: int, prefix: bytes) -> tuple[int, int] | None:
        match = self._header.match(self._reader.at(at, 32))
        if match is None or match[1] != prefix:
            return None
        return int(match[2]), at + match.end()

    def _command(self, at: int) -> Piece | None:
        head = self._number(at, b"*")
        if head is None or not 1 <= head[0] <= _MAX_ARGUMENTS:
            return None
        pieces: list[bytes] | None = [b"*%d\r\n" % head[0]]
        place = head[1]
        for left in range(head[0], 0, -1):
            header = self._number(place, b"$")
            if header is None or header[0] > _MAX_PAYLOAD:
                return None
            found = self._payload(header[1], header[0], left == 1)
            if found is None:
                return None
            payload, place = found
            if payload is None:
                pieces = None
            elif pieces is not None:
                pieces += [b"$%d\r\n" % header[0], payload, b"\r\n"]
        return Piece(at, place, None if pieces is None else b"".join(pieces))

    def _goes_on(self, at: int, last: bool) -> bool:
        """Tell whether the next element can start at an offset."""
        if at >= self._reader.size_bytes:
            return last and at == self._reader.size_bytes
        if not last:
            return self._number(at, b"$") is not None
        return self._number(at, b"*") is not None or self._reader.at(at, 1) == b"#"

    def _payload(self, start: int, length: int, last: bool) -> tuple[bytes | None, int] | None:
        """Return the payload as it was, None where that is open, and the offset behind it."""
        if self._line_end == b"\n":
            return self._stripped(start, length, last)
        return self._doubled(start, length, last)

    def _stripped(self, start: int, length: int, last: bool) -> tuple[bytes | None, int] | None:
        stored = self._reader.at(start, length + 1)
        feeds = stored.count(b"\n")
        open_end: int | None = None
        for lost in range(min(length // 2, feeds) + 1):
            end = length - lost
            if stored[end : end + 1] != b"\n" or not self._goes_on(start + end + 1, last):
                continue
            payload = stored[:end]
            if lost == 0:
                return payload, start + end + 1
            # Each lost CR stood before an LF: only if all of them lost one is it known which.
            if lost == payload.count(b"\n"):
                return payload.replace(b"\n", b"\r\n"), start + end + 1
            if open_end is None:
                open_end = start + end + 1
        return None if open_end is None else (None, open_end)

    def _doubled(self, start: int, length: int, last: bool) -> tuple[bytes | None, int] | None:
        end = length
        while True:
            stored = self._reader.at(start, end)
            wanted = length + stored.count(b"\n")
            if wanted == end:
                break
            end = wanted
        behind = start + end
        if self._reader.at(behind, 3) != self._line_end or len(stored) < end:
            return None
        if not self._goes_on(behind + 3, last):
            return None
        if stored.count(b"\r\n") != stored.count(b"\n"):
            return None, behind + 3
        return stored.replace(b"\r\n", b"\n"), behind + 3
