"""Reference implementation of LZF; `_lzf_cy.pyx` is its compiled twin and must agree on every input."""

from __future__ import annotations

from aoftool.rdb.damage import damage

__all__ = ["compress", "decompress"]

_MAX_DISTANCE = 8192
_MAX_COPY = 264
_MAX_LITERAL = 32
# The best item is three bytes that stand for 264; no input can unpack to more.
_BEST_RATIO = 88
_HASH_BITS = 14


def decompress(data: bytes | bytearray | memoryview, size: int) -> bytes:
    """See `aoftool.rdb.lzf.decompress`."""
    end = len(data)
    if size > end * _BEST_RATIO:
        raise damage("lzf-invalid", 0)
    out = bytearray()
    at = 0
    while at < end:
        start = at
        control = data[at]
        at += 1
        if control < _MAX_LITERAL:
            at += control + 1
            if at > end or len(out) + control + 1 > size:
                raise damage("lzf-invalid", start)
            out += data[start + 1 : at]
            continue
        length = control >> 5
        if length == 7:
            length += data[at] if at < end else 0
            at += 1
        if at >= end:
            raise damage("lzf-invalid", start)
        distance = ((control & 31) << 8 | data[at]) + 1
        at += 1
        _copy(out, distance, length + 2, size, start)
    if len(out) != size:
        raise damage("lzf-invalid", end)
    return bytes(out)


def _copy(out: bytearray, distance: int, length: int, size: int, start: int) -> None:
    if distance > len(out) or len(out) + length > size:
        raise damage("lzf-invalid", start)
    source = len(out) - distance
    if distance >= length:
        out += out[source : source + length]
    else:
        # Source and target overlap: the last `distance` bytes repeat.
        out += (bytes(out[source:]) * (length // distance + 1))[:length]


def compress(data: bytes) -> bytes:
    """See `aoftool.rdb.lzf.compress`."""
    size = len(data)
    table = [-1] * (1 << _HASH_BITS)
    out = bytearray()
    literal = 0
    at = 0
    while at + 2 < size:
        slot = _slot(data, at)
        found = table[slot]
        table[slot] = at
        if found < 0 or at - found > _MAX_DISTANCE or data[found : found + 3] != data[at : at + 3]:
            at += 1
            continue
        length = _match(data, found, at, size)
        _literals(out, data, literal, at)
        _emit(out, at - found - 1, length)
        # Only the last two places of a copy are remembered: nearly all the gain, little of the cost.
        for place in range(max(at + 1, at + length - 2), at + length):
            if place + 2 < size:
                table[_slot(data, place)] = place
        at += length
        literal = at
    _literals(out, data, literal, size)
    return bytes(out)


def _slot(data: bytes, at: int) -> int:
    word = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
    return ((word * 0x9E3779B1) & 0xFFFFFFFF) >> (32 - _HASH_BITS)


def _match(data: bytes, found: int, at: int, size: int) -> int:
    limit = min(_MAX_COPY, size - at)
    length = 3
    while length < limit and data[found + length] == data[at + length]:
        length += 1
    return length


def _literals(out: bytearray, data: bytes, start: int, end: int) -> None:
    while start < end:
        stop = min(start + _MAX_LITERAL, end)
        out.append(stop - start - 1)
        out += data[start:stop]
        start = stop


def _emit(out: bytearray, back: int, length: int) -> None:
    if length < 9:
        out.append((length - 2) << 5 | back >> 8)
    else:
        out.append(7 << 5 | back >> 8)
        out.append(length - 9)
    out.append(back & 0xFF)
