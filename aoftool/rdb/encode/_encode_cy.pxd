"""Strings as an RDB holds them, for kernels that write records."""

from libc.stdint cimport uint8_t

cdef struct Buffer:
    uint8_t *data
    size_t size
    size_t room

cdef int reserve(Buffer *out, size_t more) except -1
cdef int put_string(Buffer *out, const uint8_t *data, size_t size, bint compress) except -1
