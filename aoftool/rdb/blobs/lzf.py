"""LZF, the compression of long strings in an RDB: unpacking.

A compressed stream is a run of items: a literal (control byte below 32, then that many bytes and
one) or a copy from at most 8192 bytes back. How a compressed string is framed is known to
`aoftool.rdb.decode.strings`; packing belongs to the writer.

Source: Valkey 9.1 src/lzf_d.c lzf_decompress; results measured equal on Redis 6.2.5, 7.0.15 and
Valkey 9.1.2.
"""

from __future__ import annotations

from collections.abc import Callable

from aoftool.kernels import kernel

__all__ = ["check", "decompress"]

_chosen = kernel("aoftool.rdb.blobs._lzf_cy")
_check: Callable[[bytes | bytearray | memoryview, int], None] = _chosen.check
_decompress: Callable[[bytes | bytearray | memoryview, int], bytes] = _chosen.decompress


def decompress(data: bytes | bytearray | memoryview, size: int) -> bytes:
    """Unpack a compressed string to exactly `size` bytes.

    Memory is bounded by 88 times the input, the best ratio the format allows, whatever `size` says.

    Raises:
        EncodingDamage: `lzf-invalid`, at the item that breaks the format, or at the end of the
            input when the result has another size.
    """
    return _decompress(data, size)


def check(data: bytes | bytearray | memoryview, size: int) -> None:
    """Look whether a compressed string unpacks to exactly `size` bytes, without unpacking it.

    Raises:
        EncodingDamage: as `decompress`.
    """
    _check(data, size)
