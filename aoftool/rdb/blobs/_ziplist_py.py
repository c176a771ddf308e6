"""Reference implementation of ziplist decoding; `_ziplist_cy.pyx` is its compiled twin."""

from __future__ import annotations

from aoftool.rdb.blobs._listpack_py import canonical_int
from aoftool.rdb.damage import damage

__all__ = ["check", "decode", "encode"]

# Four bytes of size, four of where the last entry begins, two of how many there are. Source: ziplist.c.
_HEADER_BYTES = 10
_END = 0xFF
# A size of 254 and more stands in the four bytes behind a byte 254; 255 would be taken for the end.
_BIG_PREVLEN = 254
# 24 and 8 bits came last, so the numbers do not ascend with the widths.
_INT_BYTES = {0xC0: 2, 0xD0: 4, 0xE0: 8, 0xF0: 3, 0xFE: 1}
_WIDTHS = ((0xFE, 1), (0xC0, 2), (0xF0, 3), (0xD0, 4), (0xE0, 8))
# Two bytes hold no more: then the entries have to be counted.
_UNKNOWN_COUNT = 0xFFFF


def _prevlen(blob: bytes | bytearray | memoryview, at: int, end: int) -> tuple[int, int]:
    """Return (bytes it takes, size of the entry before)."""
    if blob[at] < _BIG_PREVLEN:
        return 1, blob[at]
    if at + 5 > end:
        raise damage("blob-short", at)
    return 5, int.from_bytes(blob[at + 1 : at + 5], "little")


def _head(blob: bytes | bytearray | memoryview, at: int, end: int) -> tuple[int, int]:
    """Return (bytes of the encoding, bytes of data) of the entry whose encoding byte is at `at`."""
    if at >= end:
        raise damage("blob-short", at)
    first = blob[at]
    # 00xxxxxx: a string of up to 63 bytes.
    if first < 0x40:
        return 1, first
    # 01xxxxxx and a byte: one of up to 16383, high bits first.
    if first < 0x80:
        if at + 2 > end:
            raise damage("blob-short", at)
        return 2, (first & 63) << 8 | blob[at + 1]
    # 10000000 and four bytes: any longer one. Big-endian, unlike the header and the integers.
    if first == 0x80:
        if at + 5 > end:
            raise damage("blob-short", at)
        return 5, int.from_bytes(blob[at + 1 : at + 5], "big")
    if first in _INT_BYTES:
        return 1, _INT_BYTES[first]
    # 1111xxxx: 0 to 12 in the byte itself, one more than the number.
    if 0xF1 <= first <= 0xFD:
        return 1, 0
    raise damage("blob-encoding", at)


def decode(blob: bytes | bytearray | memoryview) -> list[bytes]:
    """See `aoftool.rdb.blobs.ziplist.decode`."""
    end = len(blob)
    if end < _HEADER_BYTES + 1:
        raise damage("blob-short", 0)
    if int.from_bytes(blob[:4], "little") != end:
        raise damage("blob-size", 0)
    out: list[bytes] = []
    at = _HEADER_BYTES
    while at < end and blob[at] != _END:
        at += _prevlen(blob, at, end)[0]
        head, size = _head(blob, at, end)
        if at + head + size > end:
            raise damage("blob-short", at)
        data = bytes(blob[at + head : at + head + size])
        first = blob[at]
        if first <= 0x80:
            out.append(data)
        elif first in _INT_BYTES:
            out.append(b"%d" % int.from_bytes(data, "little", signed=True))
        else:
            out.append(b"%d" % (first - 0xF1))
        at += head + size
    if at >= end:
        raise damage("blob-end", end)
    return out


def check(blob: bytes | bytearray | memoryview) -> tuple[str, int] | None:
    """See `aoftool.rdb.blobs.ziplist.check`."""
    count = len(decode(blob))
    end = len(blob)
    at = last = _HEADER_BYTES
    before = 0
    while blob[at] != _END:
        taken, stated = _prevlen(blob, at, end)
        if stated != before:
            return "blob-backlink", at
        last = at
        at += taken + sum(_head(blob, at + taken, end))
        before = at - last
    if at + 1 != end:
        return "blob-trailing", at + 1
    # Servers walk from the end by it, for RPOP and its like.
    if int.from_bytes(blob[4:8], "little") != last:
        return "blob-tail", 4
    if blob[8] | blob[9] << 8 not in (count, _UNKNOWN_COUNT):
        return "blob-count", 8
    return None


def encode(items: list[bytes]) -> bytes:
    """See `aoftool.rdb.blobs.ziplist.encode`."""
    out = bytearray(_HEADER_BYTES)
    last = _HEADER_BYTES
    before = 0
    for item in items:
        last = len(out)
        out += bytes([before]) if before < _BIG_PREVLEN else b"\xfe" + before.to_bytes(4, "little")
        value = canonical_int(item)
        out += _text_entry(item) if value is None else _integer_entry(value)
        before = len(out) - last
    out.append(_END)
    out[:8] = len(out).to_bytes(4, "little") + last.to_bytes(4, "little")
    out[8:10] = min(len(items), _UNKNOWN_COUNT).to_bytes(2, "little")
    return bytes(out)


def _integer_entry(value: int) -> bytes:
    if 0 <= value <= 12:
        return bytes([0xF1 + value])
    for first, count in _WIDTHS:
        if -(1 << 8 * count - 1) <= value < 1 << 8 * count - 1:
            return bytes([first]) + value.to_bytes(count, "little", signed=True)
    raise OverflowError(value)


def _text_entry(text: bytes) -> bytes:
    size = len(text)
    if size < 64:
        return bytes([size]) + text
    if size < 16384:
        return bytes([0x40 | size >> 8, size & 0xFF]) + text
    return b"\x80" + size.to_bytes(4, "big") + text
