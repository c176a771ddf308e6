from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from cpython.object cimport PyObject

from aoftool.replay.compiled._plain cimport Spans
from aoftool.replay.compiled._store_cy cimport Store


cdef class Runner:
    cdef list databases
    cdef dict names
    cdef const uint8_t *data
    cdef Store store
    cdef object place
    cdef object stands_alone

    cdef int64_t quick(
        self,
        int64_t index,
        int64_t count,
        uint64_t size,
        int64_t base,
        const int64_t *starts,
        const uint8_t *codes,
        const uint32_t *keys,
        const int64_t *numbers,
    ) noexcept nogil
    cdef void fetch(
        self, int64_t index, int64_t count, const uint8_t *codes, const uint32_t *keys
    ) noexcept nogil
    cdef int slow(self, int code, uint32_t number, int64_t db, Spans *spans) except -1
    cdef bint fetch_back(self, uint32_t number, int64_t db, object key, object value) except -1
    cdef object argument(self, Spans *spans, uint64_t index)
    cdef object name(self, uint32_t number, Spans *spans)
    cdef bint plain(self, uint32_t number, int64_t db, Spans *spans) except -1
    cdef bint xadd(self, dict values, object key, PyObject *found, Spans *spans) except -1
