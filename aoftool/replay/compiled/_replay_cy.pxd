from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from cpython.object cimport PyObject

from aoftool.replay.compiled._ahead cimport Ahead
from aoftool.replay.compiled._plain cimport Spans
from aoftool.replay.compiled._store_cy cimport Store

cdef struct Piece:
    # Rows of a piece of the log, as `Runner.run` takes them.
    const uint8_t *data
    uint64_t size
    int64_t base
    int64_t count
    const int64_t *starts
    const uint8_t *codes
    const uint32_t *keys
    const int64_t *numbers


cdef class Runner:
    cdef list databases
    cdef dict names
    cdef const uint8_t *data
    cdef Store store
    cdef object place
    cdef object stands_alone
    # Rows that were executed, and those that were not plain while lanes executed them.
    cdef int64_t shared
    cdef int64_t odd_rows

    cdef int64_t quick(self, int lane, int64_t index, int64_t stop, Piece *piece) noexcept nogil
    cdef bint take_in(self, Ahead *row, int64_t index, Piece *piece) noexcept nogil
    cdef int odd(self, int64_t index, Piece *piece, execute) except -1
    cdef int64_t by_lanes(self, int64_t start, int64_t stop, Piece *piece, views, helper, execute) except -1
    cdef void fetch(self, int64_t index, int64_t stop, Piece *piece) noexcept nogil
    cdef int slow(self, int code, uint32_t number, int64_t db, Spans *spans) except -1
    cdef bint fetch_back(self, uint32_t number, int64_t db, object key, object value) except -1
    cdef object argument(self, Spans *spans, uint64_t index)
    cdef object name(self, uint32_t number, Spans *spans)
    cdef bint plain(self, uint32_t number, int64_t db, Spans *spans) except -1
    cdef bint xadd(self, dict values, object key, PyObject *found, Spans *spans) except -1
