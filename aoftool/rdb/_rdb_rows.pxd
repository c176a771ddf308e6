"""The row of one key, as the walk kernel hands it to the record kernel."""

from libc.stdint cimport int64_t, uint64_t

cdef struct RowData:
    uint64_t start
    uint64_t type_at
    uint64_t key_at
    uint64_t value_at
    uint64_t end
    uint64_t number
    uint64_t form
    uint64_t db
    int64_t expire
    uint64_t flags
    uint64_t idle
    uint64_t freq
    uint64_t elements
