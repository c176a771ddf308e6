# Compiled twin of _strings_py.
"""Read lengths and strings; what is not sound is the reference's to name."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t

from aoftool.rdb._rdb_blobs cimport Text, close_text, open_text
from aoftool.rdb._rdb_bytes cimport read_length as length_at

from aoftool.rdb import _strings_py

__all__ = ["read_length", "read_string", "read_strings", "skip_string"]

skip_string = _strings_py.skip_string


def read_length(const uint8_t[::1] buffer, Py_ssize_t at):
    """Return (value, offset after it)."""
    cdef uint64_t value = 0
    cdef int size
    if 0 <= at < buffer.shape[0]:
        size = length_at(&buffer[at], &buffer[0] + buffer.shape[0], &value)
        if size > 0:
            return value, at + size
    return _strings_py.read_length(bytes(buffer), at)


def read_string(const uint8_t[::1] buffer, Py_ssize_t at):
    """Return (bytes, offset after it)."""
    cdef Text text
    cdef Py_ssize_t size
    if 0 <= at < buffer.shape[0]:
        size = open_text(&buffer[at], &buffer[0] + buffer.shape[0], &text)
        if size > 0:
            try:
                return PyBytes_FromStringAndSize(<const char*>text.data, text.size), at + size
            finally:
                close_text(&text)
    return _strings_py.read_string(bytes(buffer), at)


def read_strings(const uint8_t[::1] buffer, Py_ssize_t at, count):
    """Return (strings, offset after them)."""
    cdef Text text
    cdef Py_ssize_t size, place = at
    cdef const uint8_t* end
    cdef uint64_t left
    cdef list out = []
    # Each string takes a byte at least.
    if count < 0 or at < 0 or count > buffer.shape[0] - at or not buffer.shape[0]:
        return _strings_py.read_strings(bytes(buffer), at, count)
    left = count
    end = &buffer[0] + buffer.shape[0]
    while left:
        size = open_text(&buffer[0] + place, end, &text)
        if size < 0:
            return _strings_py.read_strings(bytes(buffer), at, count)
        try:
            out.append(PyBytes_FromStringAndSize(<const char*>text.data, text.size))
        finally:
            close_text(&text)
        place += size
        left -= 1
    return out, place
