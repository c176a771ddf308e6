"""Reference implementation of LZF; `_lzf_cy.pyx` is its compiled twin and must agree on every input."""

from __future__ import annotations

from aoftool.rdb.damage import damage

__all__ = ["check", "decompress"]

_MAX_LITERAL = 32
# The best item is three bytes that stand for 264; no input can unpack to more.
_BEST_RATIO = 88


def decompress(data: bytes | bytearray | memoryview, size: int) -> bytes:
    """See `aoftool.rdb.blobs.lzf.decompress`."""
    end = len(data)
    if size > end * _BEST_RATIO:
        raise damage("lzf-invalid", 0)
    out = bytearray()
    at = 0
    while at < end:
        start = at
        control = data[at]
        at += 1
        # 000xxxxx: so many bytes and one more as they stand. Source: liblzf 3.6, lzf_d.c.
        if control < _MAX_LITERAL:
            at += control + 1
            if at > end or len(out) + control + 1 > size:
                raise damage("lzf-invalid", start)
            out += data[start + 1 : at]
            continue
        # xxxyyyyy: bytes of the output again, two more than xxx says; 111 has the rest in a byte of its own.
        length = control >> 5
        if length == 7:
            length += data[at] if at < end else 0
            at += 1
        if at >= end:
            raise damage("lzf-invalid", start)
        # Up to 8192 bytes back: yyyyy are the high bits.
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


def check(data: bytes | bytearray | memoryview, size: int) -> None:
    """See `aoftool.rdb.blobs.lzf.check`."""
    end = len(data)
    made = 0
    at = 0
    while at < end:
        start = at
        control = data[at]
        at += 1
        if control < _MAX_LITERAL:
            length, distance = control + 1, 0
            at += length
            sound = at <= end
        else:
            length = control >> 5
            if length == 7:
                length += data[at] if at < end else 0
                at += 1
            sound = at < end
            distance = ((control & 31) << 8 | data[at]) + 1 if sound else 0
            length += 2
            at += 1
        made += length
        if not sound or made > size or distance > made - length:
            raise damage("lzf-invalid", start)
    if made != size:
        raise damage("lzf-invalid", end)
