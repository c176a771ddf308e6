"""Reference implementation of listpack decoding; `_listpack_cy.pyx` is its compiled twin."""

from __future__ import annotations

from aoftool.rdb.damage import damage

__all__ = ["canonical_int", "check", "decode", "encode"]

# All bytes of the blob (4, little endian) and the number of entries (2).
_HEADER_BYTES = 6
_END = 0xFF
# First byte of an integer: so many bytes of it follow, little endian and signed.
_INT_BYTES = {0xF1: 2, 0xF2: 3, 0xF3: 4, 0xF4: 8}
# More entries than two bytes can count: only a walk tells how many.
_UNKNOWN_COUNT = 0xFFFF
_INT64_MIN = -(1 << 63)
_INT64_MAX = (1 << 63) - 1


def _sign(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _backlen_bytes(size: int) -> int:
    if size <= 127:
        return 1
    if size < 16384:
        return 2
    if size < 2097152:
        return 3
    if size < 268435456:
        return 4
    return 5


def _backlen(size: int) -> bytes:
    """Return the size in 7-bit groups, most significant first, all but the first with the top bit."""
    count = _backlen_bytes(size)
    groups = [size >> 7 * (count - 1 - place) & 127 for place in range(count)]
    return bytes([groups[0], *(group | 128 for group in groups[1:])])


def _head(blob: bytes | bytearray | memoryview, at: int, end: int) -> tuple[int, int]:
    """Return (bytes before the data, bytes of data); the value of an integer has no data."""
    first = blob[at]
    # 0xxxxxxx: an integer of 0 to 127 in the byte itself.
    if first < 0x80:
        return 1, 0
    # 10xxxxxx: a string of up to 63 bytes.
    if first < 0xC0:
        return 1, first & 63
    # 110xxxxx and a byte: a signed integer of 13 bits.
    if first < 0xE0:
        return 2, 0
    # 1110xxxx and a byte: a string of up to 4095 bytes, high bits of the length first.
    if first < 0xF0:
        if at + 2 > end:
            raise damage("blob-short", at)
        return 2, (first & 15) << 8 | blob[at + 1]
    # 11110000 and four bytes: any longer string.
    if first == 0xF0:
        if at + 5 > end:
            raise damage("blob-short", at)
        return 5, int.from_bytes(blob[at + 1 : at + 5], "little")
    if first in _INT_BYTES:
        return 1 + _INT_BYTES[first], 0
    raise damage("blob-encoding", at)


def _integer(blob: bytes | bytearray | memoryview, at: int) -> int:
    first = blob[at]
    if first < 0x80:
        return first
    if first < 0xE0:
        return _sign((first & 31) << 8 | blob[at + 1], 13)
    return int.from_bytes(blob[at + 1 : at + 1 + _INT_BYTES[first]], "little", signed=True)


def decode(blob: bytes | bytearray | memoryview, as_text: bool) -> list[bytes | int]:
    """See `aoftool.rdb.blobs.listpack.decode` (text) and `decode_items` (integers kept)."""
    end = len(blob)
    if end < _HEADER_BYTES + 1:
        raise damage("blob-short", 0)
    if int.from_bytes(blob[:4], "little") != end:
        raise damage("blob-size", 0)
    out: list[bytes | int] = []
    at = _HEADER_BYTES
    while at < end and blob[at] != _END:
        head, data = _head(blob, at, end)
        size = head + data
        if at + size > end:
            raise damage("blob-short", at)
        first = blob[at]
        if 0x80 <= first < 0xC0 or 0xE0 <= first <= 0xF0:
            out.append(bytes(blob[at + head : at + size]))
        else:
            value = _integer(blob, at)
            out.append(b"%d" % value if as_text else value)
        # Behind each entry its size stands once more, for those who walk from the end.
        at += size + _backlen_bytes(size)
    if at >= end:
        raise damage("blob-end", min(at, end))
    return out


def check(blob: bytes | bytearray | memoryview) -> tuple[str, int] | None:
    """See `aoftool.rdb.blobs.listpack.check`."""
    count = len(decode(blob, False))
    at = _HEADER_BYTES
    end = len(blob)
    while blob[at] != _END:
        size = sum(_head(blob, at, end))
        back = _backlen(size)
        if bytes(blob[at + size : at + size + len(back)]) != back:
            return "blob-backlink", at + size
        at += size + len(back)
    if at + 1 != end:
        return "blob-trailing", at + 1
    stated = blob[4] | blob[5] << 8
    if stated not in (count, _UNKNOWN_COUNT):
        return "blob-count", 4
    return None


def encode(items: list[bytes | int]) -> bytes:
    """See `aoftool.rdb.blobs.listpack.encode`."""
    out = bytearray(_HEADER_BYTES)
    for item in items:
        body = _entry(item)
        out += body
        out += _backlen(len(body))
    out.append(_END)
    out[:4] = len(out).to_bytes(4, "little")
    out[4:6] = min(len(items), _UNKNOWN_COUNT).to_bytes(2, "little")
    return bytes(out)


def _entry(item: bytes | int) -> bytes:
    if isinstance(item, int):
        return _integer_entry(item)
    value = canonical_int(item)
    return _text_entry(item) if value is None else _integer_entry(value)


def canonical_int(text: bytes) -> int | None:
    """Return the integer that the text is the canonical decimal form of, if it fits 64 bits."""
    if not 0 < len(text) <= 20:
        return None
    digits = text[1:] if text[:1] == b"-" else text
    if not digits.isdigit() or (digits[:1] == b"0" and text != b"0"):
        return None
    value = int(text)
    return value if _INT64_MIN <= value <= _INT64_MAX else None


def _integer_entry(value: int) -> bytes:
    if 0 <= value <= 127:
        return bytes([value])
    if -4096 <= value <= 4095:
        coded = value & 0x1FFF
        return bytes([0xC0 | coded >> 8, coded & 0xFF])
    for first, count in _INT_BYTES.items():
        if -(1 << 8 * count - 1) <= value < 1 << 8 * count - 1:
            return bytes([first]) + value.to_bytes(count, "little", signed=True)
    raise OverflowError(f"a listpack integer has 64 bits: {value}")


def _text_entry(text: bytes) -> bytes:
    size = len(text)
    if size < 64:
        return bytes([0x80 | size]) + text
    if size < 4096:
        return bytes([0xE0 | size >> 8, size & 0xFF]) + text
    return b"\xf0" + size.to_bytes(4, "little") + text
