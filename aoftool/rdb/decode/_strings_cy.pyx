# Compiled twin of _strings_py.
"""Read lengths and strings; what is not sound is the reference's to name."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint64_t

from aoftool.rdb._rdb_blobs cimport Span, Text, close_span, close_text, open_span, open_text
from aoftool.rdb._rdb_bytes cimport read_length as length_at

from aoftool.rdb.decode import _strings_py

__all__ = ["read_length", "read_lengths", "read_string", "read_strings", "skip_string"]

skip_string = _strings_py.skip_string


def read_length(buffer, Py_ssize_t at):
    """Return (value, offset after it)."""
    cdef uint64_t value = 0
    cdef int size = 0
    cdef Span span
    open_span(buffer, &span)
    if 0 <= at < span.end - span.first:
        size = length_at(span.first + at, span.end, &value)
    close_span(&span)
    if size > 0:
        return value, at + size
    return _strings_py.read_length(buffer, at)


def read_lengths(buffer, Py_ssize_t at, Py_ssize_t count):
    """Return (values, offset after them)."""
    cdef uint64_t value = 0
    cdef int size
    cdef Py_ssize_t place = at
    cdef Span span
    cdef list out = []
    open_span(buffer, &span)
    try:
        if 0 <= at <= span.end - span.first:
            while len(out) < count:
                size = length_at(span.first + place, span.end, &value)
                if size <= 0:
                    break
                out.append(value)
                place += size
    finally:
        close_span(&span)
    if len(out) == count:
        return out, place
    return _strings_py.read_lengths(buffer, at, count)


def read_string(buffer, Py_ssize_t at):
    """Return (bytes, offset after it)."""
    cdef Text text
    cdef Py_ssize_t size = -1
    cdef Span span
    cdef object out = None
    open_span(buffer, &span)
    try:
        if 0 <= at < span.end - span.first:
            size = open_text(span.first + at, span.end, &text)
        if size > 0:
            out = take_text(&text)
    finally:
        close_span(&span)
    if out is None:
        return _strings_py.read_string(buffer, at)
    return out, at + size


cdef inline object take_text(Text* text):
    try:
        return PyBytes_FromStringAndSize(<const char*>text.data, text.size)
    finally:
        close_text(text)


def read_strings(buffer, Py_ssize_t at, count):
    """Return (strings, offset after them)."""
    cdef Text text
    cdef Py_ssize_t size, place = at
    cdef uint64_t left
    cdef Span span
    cdef list out = []
    cdef bint sound = False
    open_span(buffer, &span)
    try:
        # Each string takes a byte at least, so a count above the bytes cannot be right.
        if 0 <= at <= span.end - span.first and 0 <= count <= span.end - span.first - at:
            left = count
            while left:
                size = open_text(span.first + place, span.end, &text)
                if size < 0:
                    break
                out.append(take_text(&text))
                place += size
                left -= 1
            sound = left == 0
    finally:
        close_span(&span)
    if sound:
        return out, place
    return _strings_py.read_strings(buffer, at, count)
