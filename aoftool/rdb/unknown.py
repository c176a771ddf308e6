"""What a walk does not know is not damage: the evidence that bytes are as their writer wrote them.

A type or an opcode that nobody here knows has no length, so the walk ends there. Whether the part is
damaged is told by its checksum, which covers it whole and is found without knowing what is inside.
"""

from __future__ import annotations

from collections.abc import Callable

from aoftool.dataclass import dataclass
from aoftool.files import Source
from aoftool.kernels import kernel
from aoftool.rdb.damage import RdbIssue
from aoftool.rdb.dialects import Meaning
from aoftool.rdb.walk.checksum import CHECKSUM_BYTES, ChecksumState

__all__ = ["UNKNOWN_CODE", "UnknownItem", "find_end"]

UNKNOWN_CODE = "rdb-unknown"
_zero_at: Callable[[bytes, int, int], tuple[int, int]] = kernel("aoftool.rdb.walk._crcseek_cy").zero_at
_WINDOW_BYTES = 1 << 20
_EOF_OPCODE = 0xFF


@dataclass(frozen=True, slots=True)
class UnknownItem:
    """The place where a walk ended because of what is not known here.

    Attributes:
        offset: of the type or opcode byte, or where its value stopped making sense.
        number: the type or opcode.
        version: RDB version in the header.
        meanings: what the number may stand for; empty when nobody is known to use it.
        writer: the engine that the part gives away; empty when it may be Redis or Valkey.
        checksum: OK when the checksum of the whole part is right: it is as it was written, and
            `RdbWalk.end_offset` is its end. Anything else: the header's version alone speaks for it.
    """

    offset: int
    number: int
    version: int
    meanings: tuple[Meaning, ...]
    writer: str
    checksum: ChecksumState

    @property
    def proved(self) -> bool:
        """Tell whether the checksum proves that no byte of the part is damaged."""
        return self.checksum is ChecksumState.OK

    @property
    def message(self) -> str:
        """Return one printable sentence."""
        known = [
            f"{meaning.what} of {meaning.writer}"
            for meaning in self.meanings
            if self.writer in ("", meaning.writer)
        ]
        kind = "an opcode" if self.meanings and all(item.opcode for item in self.meanings) else "a type"
        if not self.meanings:
            kind = "a type or opcode"
        what = f"{kind} that aoftool cannot read: {self.number}"
        if known:
            what += f", {' or '.join(known)}"
        elif self.writer:
            what += f", of {self.writer}"
        if self.proved:
            return f"{what}; the checksum of the whole part is right, so it is not damaged"
        return f"{what}; RDB version {self.version} is newer than those whose types aoftool knows"

    def issue(self) -> RdbIssue:
        """Return it as what the walk stopped at."""
        return RdbIssue(UNKNOWN_CODE, self.offset, self.message)


def find_end(source: Source, state: int, last: bytes = b"") -> int | None:
    """Return the offset behind the checksum of a part, found by the checksum alone.

    Reads on from where the source stands, every byte once.

    Args:
        state: the CRC64 of the part up to there.
        last: up to nine bytes before there.
    """
    tail = last[-CHECKSUM_BYTES - 1 :]
    base = source.tell()
    if state == 0 and _marked(tail):
        return base
    while piece := source.read(_WINDOW_BYTES):
        data = tail + piece
        at = len(tail)
        while True:
            at, state = _zero_at(data, state, at)
            if at < 0:
                break
            if _marked(data[max(0, at - CHECKSUM_BYTES - 1) : at]):
                return base - len(tail) + at
        base += len(piece)
        tail = data[-CHECKSUM_BYTES - 1 :]
    return None


def _marked(last: bytes) -> bool:
    """Tell whether these bytes may be an EOF opcode and a checksum that is not switched off."""
    return len(last) == CHECKSUM_BYTES + 1 and last[0] == _EOF_OPCODE and any(last[1:])
