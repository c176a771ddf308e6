"""Records of a span in the middle of an RDB part, read as if the part began there.

The span is put behind a header and a SELECTDB, so that the reader of sound parts can be used as it is.
Knows nothing of damage or of what a span is worth.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.check.stream.window import BLOCK_BYTES, Reader
from aoftool.dataclass import dataclass
from aoftool.files.carrier import ReadsInto
from aoftool.files.source import Source, open_stream
from aoftool.rdb.encode.encode import encode_length
from aoftool.rdb.opcodes import SELECTDB
from aoftool.rdb.records.reader import RecordReader
from aoftool.rdb.records.record import Record
from aoftool.rdb.walk.checksum import CHECKSUM_BYTES, CHECKSUM_SINCE, crc64
from aoftool.rdb.walk.summary import RdbWalk

__all__ = ["Excerpt", "RdbPlace", "crc_over", "select_opcode"]


def select_opcode(db: int) -> bytes:
    """Return the opcode that opens a database."""
    return bytes([SELECTDB]) + encode_length(db)


def crc_over(reader: Reader, start: int, end: int, value: int = 0) -> int:
    """Return the checksum of a span, going on from a value."""
    while start < end and (piece := reader.at(start, min(BLOCK_BYTES, end - start))):
        value = crc64(piece, value)
        start += len(piece)
    return value


@dataclass(frozen=True)
class RdbPlace:
    """Where an RDB part stands.

    Attributes:
        reader: the file; the part is at its start.
        magic: magic and version, nine bytes, as they should be.
        end: behind the part.
        mark: offset of what looks like its EOF opcode, None when nothing stands in its place.
    """

    reader: Reader
    magic: bytes
    end: int
    mark: int | None


class Excerpt:
    """Iterate over the records of one span; once.

    Args:
        reader: the file.
        magic: magic and version, nine bytes.
        start, end: the span; it should begin with an opcode or a type.
        db: database that is open at its start.

    Attributes:
        shift: what offsets of its records are too large by, in the file.
    """

    def __init__(self, reader: Reader, magic: bytes, start: int, end: int, db: int) -> None:
        head = magic + select_opcode(db)
        self._start = start
        self._end = end
        self.shift = len(head) - start
        self._records = RecordReader(_open(_Framed(reader, head, start, end)), 0, whole=False)

    def __iter__(self) -> Iterator[Record]:
        yield from self._records

    @property
    def summary(self) -> RdbWalk:
        """Return what is known of the span, complete after the last record; offsets are shifted."""
        return self._records.summary

    @property
    def end_mark(self) -> int | None:
        """Return the offset in the file of the EOF opcode that was met inside the span, None for none."""
        summary = self.summary
        if summary.end_offset is not None:
            behind = CHECKSUM_BYTES if summary.version >= CHECKSUM_SINCE else 0
            return summary.end_offset - behind - 1 - self.shift
        damage = summary.stop
        if damage is not None and damage.code == "rdb-truncated" and summary.checksum.computed is not None:
            return damage.offset - 1 - self.shift
        return None

    @property
    def whole(self) -> bool:
        """Tell whether the records reach to the end of the span exactly."""
        return self.end_mark is None and self.summary.good_end - self.shift == self._end

    def reaches(self, mark: int | None) -> bool:
        """Tell whether the records lead to the EOF opcode of the part exactly, or to the end of the span."""
        return self.whole if self.end_mark is None else self.end_mark == mark

    @property
    def cut(self) -> bool:
        """Tell whether nothing is wrong but that the span ends inside a record."""
        damage = self.summary.stop
        return damage is not None and damage.code == "rdb-truncated" and self.end_mark is None

    @property
    def good_end(self) -> int:
        """Return the offset in the file behind the last whole record or opcode."""
        mark = self.end_mark
        if mark is not None:
            return mark
        return max(self.summary.good_end - self.shift, self._start)


class _Framed:
    """A few bytes and a span of a file."""

    def __init__(self, reader: Reader, head: bytes, start: int, end: int) -> None:
        self._reader = reader
        self._pending = head
        self._at = start
        self._end = end

    def readinto(self, buffer: memoryview, /) -> int:
        piece = self._pending
        if not piece and self._at < self._end:
            piece = self._reader.at(self._at, min(BLOCK_BYTES, self._end - self._at))
            self._at += len(piece) if piece else self._end - self._at
        size = min(len(piece), len(buffer))
        buffer[:size] = piece[:size]
        self._pending = piece[size:]
        return size


def _open(stream: ReadsInto) -> Source:
    return open_stream(stream, "excerpt")
