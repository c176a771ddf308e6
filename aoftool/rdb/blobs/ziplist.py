"""Ziplists: the compact blob of servers before 7.0, in lists, hashes and sorted sets.

`u32 LE total | u32 LE offset of the last entry | u16 LE count (65535 = unknown) | entries | FF`; an
entry is the size of the one before it, its encoding and its data. Decoding reads forwards and
ignores sizes for walking back, tail offset and count; `check` looks at everything.
Source: Redis 6.2 src/ziplist.c ziplistValidateIntegrity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aoftool.kernels import kernel

__all__ = ["HEADER_BYTES", "check", "decode", "encode"]

HEADER_BYTES = 10

_Blob = bytes | bytearray | memoryview
_chosen = kernel("aoftool.rdb.blobs._ziplist_cy")
_check: Callable[[_Blob], tuple[str, int] | None] = _chosen.check
_decode: Callable[[_Blob], list[bytes]] = _chosen.decode


def decode(blob: bytes | bytearray | memoryview) -> list[bytes]:
    """Return the entries; integer entries come as decimal text.

    Raises:
        EncodingDamage: `blob-short`, `blob-size`, `blob-encoding` or `blob-end`, with the offset in
            the blob.
    """
    return _decode(blob)


def check(blob: bytes | bytearray | memoryview) -> tuple[str, int] | None:
    """Return (code, offset in the blob) of the first inconsistency, None for a sound ziplist.

    Beyond what `decode` raises for: `blob-backlink`, `blob-tail`, `blob-trailing`, `blob-count`.
    """
    return _check(blob)


def encode(items: Iterable[bytes]) -> bytes:
    """Return the ziplist of the items, integers in their shortest form, as Redis 6.2 writes it."""
    from aoftool.rdb.blobs import _ziplist_py

    return _ziplist_py.encode(list(items))
