# Compiled twin of _lzf_py.
"""Unpack LZF."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t

from aoftool.rdb._rdb_bytes cimport lzf_unpack

from aoftool.rdb import _lzf_py

__all__ = ["decompress"]


def decompress(const uint8_t[::1] data, size):
    """Unpack to exactly `size` bytes; what is not sound is the reference's to name."""
    cdef Py_ssize_t end = data.shape[0], wanted
    cdef bytes out
    if end == 0 or size < 0 or size > end * 88:
        return _lzf_py.decompress(bytes(data), size)
    wanted = size
    out = PyBytes_FromStringAndSize(NULL, wanted)
    if lzf_unpack(&data[0], end, <uint8_t*>PyBytes_AS_STRING(out), wanted) != -1:
        return _lzf_py.decompress(bytes(data), size)
    return out
