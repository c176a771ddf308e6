# Compiled twin of _ziplist_py.
"""Decode and check ziplists; what is not sound is the reference's to name."""

from libc.stdint cimport uint8_t, uint64_t

from aoftool.rdb._rdb_blobs cimport Entry, entry_bytes, ziplist_first, ziplist_next
from aoftool.rdb._rdb_bytes cimport little_endian

from aoftool.rdb.blobs import _ziplist_py

__all__ = ["check", "decode"]

cdef enum:
    UNKNOWN_COUNT = 0xFFFF


def decode(const uint8_t[::1] blob):
    """Return the entries as text."""
    cdef Entry entry
    cdef const uint8_t* at = ziplist_first(&blob[0], blob.shape[0]) if blob.shape[0] else NULL
    cdef const uint8_t* end
    cdef int found
    cdef list out = []
    if at == NULL:
        return _ziplist_py.decode(bytes(blob))
    end = &blob[0] + blob.shape[0]
    while True:
        found = ziplist_next(&at, end, &entry)
        if found <= 0:
            break
        out.append(entry_bytes(&entry))
    if found < 0:
        return _ziplist_py.decode(bytes(blob))
    return out


def check(const uint8_t[::1] blob):
    """Return None for a sound ziplist, else what the reference finds."""
    if blob.shape[0] == 0 or not is_sound(&blob[0], blob.shape[0]):
        return _ziplist_py.check(bytes(blob))
    return None


cdef bint is_sound(const uint8_t* blob, Py_ssize_t size) noexcept nogil:
    cdef Entry entry
    cdef const uint8_t* at = ziplist_first(blob, size)
    cdef const uint8_t* end = blob + size
    cdef const uint8_t* last = at
    cdef const uint8_t* here
    cdef uint64_t before = 0, stated
    cdef Py_ssize_t count = 0
    cdef int found = -1
    if at == NULL:
        return False
    while True:
        here = at
        found = ziplist_next(&at, end, &entry)
        if found <= 0:
            break
        stated = here[0] if here[0] != 0xFE else little_endian(here + 1, 4)
        if stated != before:
            return False
        last = here
        before = <uint64_t>(at - here)
        count += 1
    stated = little_endian(blob + 8, 2)
    return (
        found == 0
        and at + 1 == end
        and little_endian(blob + 4, 4) == <uint64_t>(last - blob)
        and (stated == <uint64_t>count or stated == UNKNOWN_COUNT)
    )
