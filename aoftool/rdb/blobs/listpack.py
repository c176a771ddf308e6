"""Listpacks: the compact blob of small hashes, sets, sorted sets, list nodes and stream nodes.

`u32 LE total bytes | u16 LE count (65535 = unknown) | entries | FF`; an entry is its encoding, its
data, and its own length for walking backwards (the backlen). Knows entries only; what they mean to
a hash or a stream is told by the modules of those types.

Decoding reads forwards and ignores backlen and count, as servers do; `check` looks at everything.
Source: Valkey 9.1 src/listpack.c lpGet, lpValidateIntegrity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from aoftool.kernels import kernel

__all__ = ["HEADER_BYTES", "UNKNOWN_COUNT", "check", "decode", "decode_items", "encode"]

HEADER_BYTES = 6
UNKNOWN_COUNT = 0xFFFF

_Blob = bytes | bytearray | memoryview
_chosen = kernel("aoftool.rdb.blobs._listpack_cy")
_check: Callable[[_Blob], tuple[str, int] | None] = _chosen.check
_decode: Callable[[_Blob, bool], list[bytes | int]] = _chosen.decode
_decode_texts: Callable[[_Blob, Literal[True]], list[bytes]] = _chosen.decode


def decode(blob: bytes | bytearray | memoryview) -> list[bytes]:
    """Return the entries; integer entries come as decimal text.

    Raises:
        EncodingDamage: `blob-short`, `blob-size`, `blob-encoding` or `blob-end`, with the offset in
            the blob.
    """
    return _decode_texts(blob, True)


def decode_items(blob: bytes | bytearray | memoryview) -> list[bytes | int]:
    """Return the entries with integer entries as `int`; raises as `decode`."""
    return _decode(blob, False)


def check(blob: bytes | bytearray | memoryview) -> tuple[str, int] | None:
    """Return (code, offset in the blob) of the first inconsistency, None for a sound listpack.

    Beyond what `decode` raises for: `blob-backlink`, `blob-trailing`, `blob-count`.

    Raises:
        EncodingDamage: as `decode`.
    """
    return _check(blob)


def encode(items: Iterable[bytes | int]) -> bytes:
    """Return the listpack of the items, each in its shortest form.

    Text that is the canonical decimal form of a 64-bit integer becomes an integer entry, as every
    server does it.

    Raises:
        OverflowError: an `int` does not fit 64 bits, or the listpack would pass 4 GiB.
    """
    from aoftool.rdb.blobs import _listpack_py

    return _listpack_py.encode(list(items))
