"""The buffer a walk is in: lengths, strings and blob heads that may ask for more input.

Part of the reference implementation of the structure walk; see `_walk_py`.
"""

from __future__ import annotations

from aoftool.rdb.walk.layouts import STOP_CODES, Blob

__all__ = ["DAMAGE", "GO_ON", "MORE", "WalkWindow"]

# The three answers of every read; the further statuses are those of `_walk_py`.
GO_ON = 0
MORE = 1
DAMAGE = 2

_CAPTURE_LIMIT = 65536
_PEEK_BYTES = 32
_LINE_BYTES = 24
_LINE_DIGITS = 18
_STOP = {name: number for number, name in enumerate(STOP_CODES)}
_UNKNOWN_COUNT = 0xFFFF
_UNKNOWN_ZIPMAP_COUNT = 254
# Kind of blob: (bytes of header needed, offset of the count, size of the count).
_COUNTS = {Blob.ZIPLIST: (10, 8, 2), Blob.LISTPACK: (6, 4, 2), Blob.INTSET: (8, 4, 4), Blob.ZIPMAP: (1, 0, 1)}


class WalkWindow:
    """A place in a buffer, with the primitives that read there and the bytes kept of them.

    Reads return `GO_ON`, `MORE` when the buffer ends first, or `DAMAGE` with `stop_code` set. They
    look only; `_take` consumes.
    """

    def __init__(self) -> None:
        self.stop_code = 0
        self.capture_cut = False
        self._capturing = False
        self._captured = bytearray()
        self._buffer: bytes | bytearray | memoryview = b""
        self._base = 0
        self._at = 0
        self._end = 0

    def captured(self) -> bytes:
        """Return the bytes kept of the last opcode or key, at most 64 KiB of them."""
        return bytes(self._captured)

    def _take(self, size: int) -> None:
        if self._capturing:
            room = _CAPTURE_LIMIT - len(self._captured)
            if size > room:
                self.capture_cut = True
                self._captured += self._buffer[self._at : self._at + room]
            else:
                self._captured += self._buffer[self._at : self._at + size]
        self._at += size

    def _fail(self, code: str) -> int:
        self.stop_code = _STOP[code]
        return DAMAGE

    def _read_length(self, at: int) -> tuple[int, int]:
        """Return (bytes, value); 0 bytes ask for more input, -1 is damage."""
        left = self._end - at
        if left <= 0:
            return 0, 0
        first = self._buffer[at]
        if first < 0x40:
            return 1, first
        if first < 0x80:
            return (2, (first & 63) << 8 | self._buffer[at + 1]) if left >= 2 else (0, 0)
        if first == 0x80:
            return (5, int.from_bytes(self._buffer[at + 1 : at + 5], "big")) if left >= 5 else (0, 0)
        if first == 0x81:
            return (9, int.from_bytes(self._buffer[at + 1 : at + 9], "big")) if left >= 9 else (0, 0)
        return -1, 0

    def _length(self) -> tuple[int, int, int]:
        """Return (status, bytes, value) of the length at the current place."""
        size, value = self._read_length(self._at)
        if size > 0:
            return GO_ON, size, value
        return (MORE if size == 0 else self._fail("rdb-length")), 0, 0

    def _string(self, at: int) -> tuple[int, int, int, int]:
        """Return (status, bytes of header, bytes of payload, form) of the string at `at`."""
        if at >= self._end:
            return MORE, 0, 0, 0
        first = self._buffer[at]
        if first < 0xC0:
            size, payload = self._read_length(at)
            if size > 0:
                return GO_ON, size, payload, 0
            return (MORE if size == 0 else self._fail("rdb-length")), 0, 0, 0
        if first < 0xC3:
            return GO_ON, 1, 1 << (first & 3), 1
        if first > 0xC3:
            return self._fail("rdb-string"), 0, 0, 0
        size, packed = self._read_length(at + 1)
        more, _ = self._read_length(at + 1 + size) if size > 0 else (size, 0)
        if more <= 0:
            return (MORE if more == 0 else self._fail("rdb-length")), 0, 0, 0
        return GO_ON, 1 + size + more, packed, 2

    def _blob_count(self, kind: int) -> tuple[int, int, int, int]:
        """Return (status, header, payload, entries); entries are -1 where the header does not say."""
        status, header, payload, form = self._string(self._at)
        if status:
            return status, 0, 0, 0
        start = self._at + header
        there = min(payload, _PEEK_BYTES)
        if start + there > self._end:
            return MORE, 0, 0, 0
        needed, place, width = _COUNTS[kind]
        if form == 1:
            return GO_ON, header, payload, -1
        head = bytes(self._buffer[start : start + there])
        if form == 2:
            head = _unpack_head(head, needed)
        if len(head) < needed:
            return GO_ON, header, payload, -1
        count = int.from_bytes(head[place : place + width], "little")
        unknown = _UNKNOWN_ZIPMAP_COUNT if kind == Blob.ZIPMAP else _UNKNOWN_COUNT
        if count >= unknown and kind != Blob.INTSET:
            count = -1
        return GO_ON, header, payload, count

    def _line(self, mark: int) -> tuple[int, int, int]:
        """Return (status, bytes, number) of a RESP header line."""
        line = bytes(self._buffer[self._at : min(self._end, self._at + _LINE_BYTES)])
        if not line:
            return MORE, 0, 0
        stop = line.find(b"\r\n")
        digits = line[1 : stop if stop > 0 else None]
        if line[0] != mark or (stop < 0 and len(line) == _LINE_BYTES):
            return self._fail("rdb-command"), 0, 0
        if stop < 0:
            return MORE, 0, 0
        if not digits.isdigit() or len(digits) > _LINE_DIGITS:
            return self._fail("rdb-command"), 0, 0
        return GO_ON, stop + 2, int(digits)


def _unpack_head(packed: bytes, needed: int) -> bytes:
    """Return the first bytes of an LZF stream, fewer than needed where the input does not reach."""
    out = bytearray()
    at = 0
    while at < len(packed) and len(out) < needed:
        control = packed[at]
        at += 1
        if control < 32:
            out += packed[at : at + control + 1]
            at += control + 1
            continue
        length = control >> 5
        if length == 7:
            length += packed[at] if at < len(packed) else 0
            at += 1
        if at >= len(packed):
            break
        distance = ((control & 31) << 8 | packed[at]) + 1
        at += 1
        if distance > len(out):
            break
        for _ in range(min(length + 2, needed)):
            out.append(out[-distance])
    return bytes(out)
