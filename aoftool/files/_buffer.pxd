"""A byte buffer that grows, for the kernels that write. Whoever makes one frees `data` with free()."""

from libc.stdint cimport uint8_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy

cdef struct Buffer:
    uint8_t* data
    size_t size
    size_t room


# Apart from `reserve`, so that a call that finds room is two lines in whoever calls.
cdef inline int grow(Buffer* out, size_t more) except -1 nogil:
    cdef size_t room = 2 * out.room if out.room else 1024
    cdef uint8_t* grown
    if room < out.size + more:
        room = out.size + more
    grown = <uint8_t*>realloc(out.data, room)
    if grown == NULL:
        with gil:
            raise MemoryError
    out.data = grown
    out.room = room
    return 0


# Make room for more bytes behind what is there.
cdef inline int reserve(Buffer* out, size_t more) except -1 nogil:
    return 0 if out.size + more <= out.room else grow(out, more)


cdef inline int put(Buffer* out, const void* data, size_t size) except -1 nogil:
    if size == 0:  # C allows no null pointer even then
        return 0
    reserve(out, size)
    memcpy(out.data + out.size, data, size)
    out.size += size
    return 0
