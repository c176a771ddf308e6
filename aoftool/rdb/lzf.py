"""LZF, the compression of long strings in an RDB.

A compressed stream is a run of items: a literal (control byte below 32, then that many bytes and
one) or a copy from at most 8192 bytes back. Whether a string is compressed at all is decided by
`aoftool.rdb.writer`; how a compressed string is framed is known to `aoftool.rdb.strings`.

Source: Valkey 9.1 src/lzf_d.c lzf_decompress; results measured equal on Redis 6.2.5, 7.0.15 and
Valkey 9.1.2.
"""

from __future__ import annotations

from collections.abc import Callable

from aoftool.rdb import _lzf_py
from aoftool.rdb.native import kernel

__all__ = ["compress", "decompress"]

_chosen = kernel("_lzf_cy", _lzf_py)
_compress: Callable[[bytes], bytes] = _chosen.compress
_decompress: Callable[[bytes | bytearray | memoryview, int], bytes] = _chosen.decompress


def decompress(data: bytes | bytearray | memoryview, size: int) -> bytes:
    """Unpack a compressed string to exactly `size` bytes.

    Memory is bounded by 88 times the input, the best ratio the format allows, whatever `size` says.

    Raises:
        EncodingDamage: `lzf-invalid`, at the item that breaks the format, or at the end of the
            input when the result has another size.
    """
    return _decompress(data, size)


def compress(data: bytes) -> bytes:
    """Pack bytes; the result may be longer than the input.

    Greedy matching over a table of 16,384 places. A server's own result differs in bytes, not in
    meaning.
    """
    return _compress(data)
