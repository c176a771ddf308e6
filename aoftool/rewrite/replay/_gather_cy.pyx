# cython: language_level=3
"""Compiled twin of `_gather_py.py`, which is the specification of every function here."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy


def gather(const uint8_t[::1] data, const int64_t[::1] starts, const int64_t[::1] sizes):
    """See `_gather_py.gather`."""
    cdef int64_t total = 0, index, limit = data.shape[0]
    cdef uint8_t *to
    if starts.shape[0] != sizes.shape[0]:
        raise ValueError("a piece lies outside of the data")
    for index in range(starts.shape[0]):
        if starts[index] < 0 or sizes[index] < 0 or sizes[index] > limit - starts[index]:
            raise ValueError("a piece lies outside of the data")
        total += sizes[index]
    out = PyBytes_FromStringAndSize(NULL, total)
    to = <uint8_t *>PyBytes_AS_STRING(out)
    with nogil:
        for index in range(starts.shape[0]):
            if sizes[index]:
                memcpy(to, &data[starts[index]], sizes[index])
                to += sizes[index]
    return out
