"""A byte buffer that grows, for the kernels that write. Whoever makes one frees `data` with free()."""

from libc.stdint cimport uint8_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy

cdef struct Buffer:
    uint8_t* data
    size_t size
    size_t room


# Make room for more bytes behind what is there.
cdef inline int reserve(Buffer* out, size_t more) except -1:
    cdef size_t room = out.room
    cdef uint8_t* grown
    if out.size + more <= room:
        return 0
    room = 2 * room if room else 1024
    if room < out.size + more:
        room = out.size + more
    grown = <uint8_t*>realloc(out.data, room)
    if grown == NULL:
        raise MemoryError
    out.data = grown
    out.room = room
    return 0


cdef inline int put(Buffer* out, const char* data, size_t size) except -1:
    reserve(out, size)
    memcpy(out.data + out.size, data, size)
    out.size += size
    return 0
