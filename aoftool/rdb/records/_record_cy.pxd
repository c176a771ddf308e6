"""The record object, for kernels that work on many of them."""

from libc.stdint cimport uint64_t

from aoftool.rdb._rdb_rows cimport RowData

cdef class Record:
    cdef RowData row
    cdef object data
    cdef object context
    cdef uint64_t base

    cdef object _cut(self, uint64_t start, uint64_t end)
