"""Zipmaps: the compact hash of Redis 2.2 and 2.4; read only, no server since writes it.

`count (254 and up = unknown) | ( len field | len, free byte, value, free bytes )* | FF`. A length
is one byte below 254, else FE and a u32 LE. Source: Redis 6.2 src/zipmap.c zipmapValidateIntegrity.
"""

from __future__ import annotations

from aoftool.rdb.damage import damage

__all__ = ["check", "decode"]

_END = 0xFF
_BIG = 254


def _take(blob: bytes | bytearray | memoryview, at: int, extra: int) -> tuple[int, int]:
    """Return (start, length) of the text whose length stands at `at`, `extra` bytes further."""
    end = len(blob)
    if at >= end:
        raise damage("blob-end", end)
    length = blob[at]
    start = at + 1
    if length == _END:
        raise damage("zipmap-length", at)
    if length == _BIG:
        if at + 5 > end:
            raise damage("blob-short", at)
        length = int.from_bytes(blob[at + 1 : at + 5], "little")
        start = at + 5
    if start + extra + length > end:
        raise damage("blob-short", at)
    return start + extra, length


def decode(blob: bytes | bytearray | memoryview) -> list[tuple[bytes, bytes]]:
    """Return (field, value) pairs in stored order.

    Raises:
        EncodingDamage: `blob-short`, `blob-end` or `zipmap-length`, with the offset in the blob.
    """
    return _scan(blob)[0]


def _scan(blob: bytes | bytearray | memoryview) -> tuple[list[tuple[bytes, bytes]], int]:
    if len(blob) < 2:
        raise damage("blob-short", 0)
    pairs: list[tuple[bytes, bytes]] = []
    at = 1
    while at < len(blob) and blob[at] != _END:
        start, length = _take(blob, at, 0)
        field = bytes(blob[start : start + length])
        place = start + length
        start, length = _take(blob, place, 1)
        pairs.append((field, bytes(blob[start : start + length])))
        at = start + length + blob[start - 1]
    if at >= len(blob):
        raise damage("blob-end", len(blob))
    return pairs, at


def check(blob: bytes | bytearray | memoryview) -> tuple[str, int] | None:
    """Return (code, offset in the blob) of the first inconsistency, None for a sound zipmap."""
    pairs, end = _scan(blob)
    if end + 1 != len(blob):
        return "blob-trailing", end + 1
    # 254 alone says that the pairs were not counted; measured on Redis 6.2.5, 7.0.15, Valkey 9.1.2.
    if blob[0] != _BIG and blob[0] != len(pairs):
        return "blob-count", 0
    return None
