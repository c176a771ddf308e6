# Compiled twin of _lzf_py.
"""Unpack and check LZF."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t

from aoftool.rdb._rdb_bytes cimport lzf_unpack, lzf_walk

from aoftool.rdb.blobs import _lzf_py

__all__ = ["check", "decompress"]


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


def check(const uint8_t[::1] data, size):
    """Raise what the reference finds unless the stream gives exactly `size` bytes."""
    cdef Py_ssize_t end = data.shape[0]
    if end == 0 or not 0 <= size < 1 << 63 or lzf_walk(&data[0], end, <uint64_t>size) != -1:
        _lzf_py.check(bytes(data), size)
