# Compiled twin of _listpack_py.
"""Decode and check listpacks; what is not sound is the reference's to name."""

from libc.stdint cimport uint8_t

from aoftool.rdb._rdb_blobs cimport Entry, backlen_bytes, entry_bytes, listpack_first, listpack_next

from aoftool.rdb.blobs import _listpack_py

__all__ = ["check", "decode"]

cdef enum:
    UNKNOWN_COUNT = 0xFFFF


def decode(const uint8_t[::1] blob, bint as_text):
    """Return the entries, integers as decimal text or as they are."""
    cdef Entry entry
    cdef const uint8_t* at = listpack_first(&blob[0], blob.shape[0]) if blob.shape[0] else NULL
    cdef const uint8_t* end
    cdef int found
    cdef list out = []
    if at == NULL:
        return _listpack_py.decode(bytes(blob), as_text)
    end = &blob[0] + blob.shape[0]
    while True:
        found = listpack_next(&at, end, &entry)
        if found <= 0:
            break
        if as_text or entry.text != NULL:
            out.append(entry_bytes(&entry))
        else:
            out.append(entry.number)
    if found < 0:
        return _listpack_py.decode(bytes(blob), as_text)
    return out


def check(const uint8_t[::1] blob):
    """Return None for a sound listpack, else what the reference finds."""
    if blob.shape[0] == 0 or not is_sound(&blob[0], blob.shape[0]):
        return _listpack_py.check(bytes(blob))
    return None


cdef bint is_sound(const uint8_t* blob, Py_ssize_t size) noexcept nogil:
    cdef Entry entry
    cdef const uint8_t* at = listpack_first(blob, size)
    cdef const uint8_t* end = blob + size
    cdef const uint8_t* before
    cdef Py_ssize_t count = 0
    cdef int found = -1, stated
    if at == NULL:
        return False
    while True:
        before = at
        found = listpack_next(&at, end, &entry)
        if found <= 0:
            break
        count += 1
        if at > end or not backlink_right(before, at):
            return False
    stated = blob[4] | blob[5] << 8
    return found == 0 and at + 1 == end and (stated == count or stated == UNKNOWN_COUNT)


# Tell whether the bytes before `after` state the size of the entry between.
cdef inline bint backlink_right(const uint8_t* before, const uint8_t* after) noexcept nogil:
    cdef Py_ssize_t whole = after - before, size
    cdef int count = 1, place
    while backlen_bytes(whole - count) != count:
        count += 1
    size = whole - count
    for place in range(count):
        if after[-1 - place] != (size >> 7 * place & 127 | (128 if place < count - 1 else 0)):
            return False
    return True
