"""Strings and listpack entries as an RDB holds them, for kernels that write records."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t

from aoftool.files._buffer cimport Buffer

cdef int put_length(Buffer *out, uint64_t value) except -1 nogil
cdef int put_string(Buffer *out, const uint8_t *data, size_t size, bint compress) except -1 nogil
cdef bint read_integer(const uint8_t *text, size_t size, int64_t *value) noexcept nogil
cdef int put_number(Buffer *out, int64_t value) except -1
cdef int put_entry(Buffer *out, const uint8_t *data, size_t size) except -1
cdef int start_node(Buffer *node) except -1
cdef int end_node(Buffer *out, Buffer *node, uint16_t count, bint compress) except -1
