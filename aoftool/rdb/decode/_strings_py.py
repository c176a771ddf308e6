"""Reference implementation of lengths and strings; `_strings_cy.pyx` is its compiled twin."""

from __future__ import annotations

from aoftool.rdb.blobs.lzf import decompress
from aoftool.rdb.damage import EncodingDamage, damage

__all__ = ["read_length", "read_lengths", "read_string", "read_strings", "skip_string", "string_frame"]

_Buffer = bytes | bytearray | memoryview


def read_length(buffer: _Buffer, at: int) -> tuple[int, int]:
    """See `aoftool.rdb.decode.strings.read_length`."""
    end = len(buffer)
    if at >= end:
        raise damage("rdb-truncated", at)
    first = buffer[at]
    # 00xxxxxx: up to 63 in the byte itself. Source: rdb.c, rdbLoadLenByRef.
    if first < 0x40:
        return first, at + 1
    # 01xxxxxx and a byte: up to 16383.
    if first < 0x80:
        size = 1
    elif first == 0x80:
        size = 4
    # Since RDB version 8; the only lengths of 64 bits.
    elif first == 0x81:
        size = 8
    # 11xxxxxx is no length but the form of a string.
    else:
        raise damage("rdb-length", at)
    if at + 1 + size > end:
        raise damage("rdb-truncated", at)
    # Lengths are big-endian, integers inside strings little-endian.
    value = int.from_bytes(buffer[at + 1 : at + 1 + size], "big")
    return (value | (first & 63) << 8 if size == 1 else value), at + 1 + size


def read_lengths(buffer: _Buffer, at: int, count: int) -> tuple[list[int], int]:
    """See `aoftool.rdb.decode.strings.read_lengths`."""
    out = []
    for _ in range(count):
        value, at = read_length(buffer, at)
        out.append(value)
    return out, at


def string_frame(buffer: _Buffer, at: int) -> tuple[int, int, int]:
    """See `aoftool.rdb.decode.strings.string_frame`."""
    end = len(buffer)
    if at >= end:
        raise damage("rdb-truncated", at)
    first = buffer[at]
    unpacked = -1
    if first < 0xC0:
        size, start = read_length(buffer, at)
    # 110000xx: an integer of 1, 2 or 4 bytes, which stands for its decimal text.
    elif first < 0xC3:
        size, start, unpacked = 1 << (first & 3), at + 1, -2
    # LZF: the packed size comes first, then the one that it unpacks to.
    elif first == 0xC3:
        size, start = read_length(buffer, at + 1)
        unpacked, start = read_length(buffer, start)
    else:
        raise damage("rdb-string", at)
    if size > end - start:
        raise damage("rdb-truncated", at)
    return start, size, unpacked


def read_string(buffer: _Buffer, at: int) -> tuple[bytes, int]:
    """See `aoftool.rdb.decode.strings.read_string`."""
    start, size, unpacked = string_frame(buffer, at)
    raw = bytes(buffer[start : start + size])
    if unpacked == -2:
        return b"%d" % int.from_bytes(raw, "little", signed=True), start + size
    if unpacked >= 0:
        try:
            return decompress(raw, unpacked), start + size
        except EncodingDamage:
            # The place inside the packed bytes says little; the string is what people look up.
            raise damage("lzf-invalid", at) from None
    return raw, start + size


def skip_string(buffer: _Buffer, at: int) -> int:
    """See `aoftool.rdb.decode.strings.skip_string`."""
    start, size, _ = string_frame(buffer, at)
    return start + size


def read_strings(buffer: _Buffer, at: int, count: int) -> tuple[list[bytes], int]:
    """See `aoftool.rdb.decode.strings.read_strings`."""
    out = []
    for _ in range(count):
        text, at = read_string(buffer, at)
        out.append(text)
    return out, at
