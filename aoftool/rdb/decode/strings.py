"""Lengths and strings inside a buffer: the two primitives that every RDB value is made of.

A length takes 1, 2, 5 or 9 bytes (big-endian); a string is a length and bytes, an integer of 1, 2 or
4 bytes (little-endian, read as decimal text), or an LZF-packed string. Nothing is allocated by a
declared size: a size that passes the end of the buffer is damage.
Source: Valkey 9.1 src/rdb.c rdbLoadLenByRef, rdbGenericLoadStringObject.
"""

from __future__ import annotations

from collections.abc import Callable

from aoftool.kernels import kernel
from aoftool.rdb.decode import _strings_py

__all__ = ["read_length", "read_lengths", "read_string", "read_strings", "skip_string", "string_frame"]

_Buffer = bytes | bytearray | memoryview
_chosen = kernel("aoftool.rdb.decode._strings_cy")

read_length: Callable[[_Buffer, int], tuple[int, int]] = _chosen.read_length
"""Return (value, offset after it) of the length at an offset.

Raises:
    EncodingDamage: `rdb-truncated` or `rdb-length`, with the offset in the buffer.
"""

read_lengths: Callable[[_Buffer, int, int], tuple[list[int], int]] = _chosen.read_lengths
"""Return (values, offset after them) of `count` lengths that follow each other; raises as one."""

read_string: Callable[[_Buffer, int], tuple[bytes, int]] = _chosen.read_string
"""Return (bytes, offset after it) of the string at an offset, unpacked.

Raises:
    EncodingDamage: `rdb-truncated`, `rdb-length`, `rdb-string` or `lzf-invalid`.
"""

read_strings: Callable[[_Buffer, int, int], tuple[list[bytes], int]] = _chosen.read_strings
"""Return (strings, offset after them) of `count` strings that follow each other; raises as one."""

skip_string: Callable[[_Buffer, int], int] = _chosen.skip_string
"""Return the offset after the string at an offset, without unpacking it; raises as `read_string`
but for `lzf-invalid`."""

string_frame: Callable[[_Buffer, int], tuple[int, int, int]] = _strings_py.string_frame
"""Return (offset of the payload, its size, unpacked size) of the string at an offset.

The unpacked size is -1 for plain bytes and -2 for an integer. Raises as `skip_string`.
"""
