from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from aoftool.rewrite._plain cimport Spans
from aoftool.rewrite._tables cimport Blob, Table

cdef enum:
    # Kinds of items: nothing anywhere, a value in the dicts of the keyspace, a value here.
    ABSENT = 0
    ELSEWHERE = 1
    STRING = 2
    LIST = 3
    SET = 4
    HASH = 5
    ZSET = 6

cdef struct Item:
    void *body
    int64_t expire_at_ms
    uint8_t kind
    bint expires
    bint listed

cdef struct Born:
    uint32_t *numbers
    uint64_t count
    uint64_t room


cdef class Store:
    cdef Item *items
    cdef uint64_t keys
    cdef Born *born
    cdef int64_t databases
    cdef uint64_t seed
    cdef const uint8_t *data

    cdef int execute(
        self, int code, uint32_t number, int64_t db, const uint8_t *data, Spans *spans
    ) noexcept nogil
    cdef object value(self, uint32_t number)
    cdef void drop(self, uint32_t number) noexcept nogil
    cdef int clear(self, int64_t db) except -1
    cdef bint _list(self, Item *item, uint32_t number, int64_t db) noexcept nogil
    cdef uint64_t _hash(self, Spans *spans, uint64_t index) noexcept nogil
    cdef Blob _blob(self, Spans *spans, uint64_t index) noexcept nogil
    cdef Table *_table(self, Item *item, int kind) noexcept nogil
    cdef int _push(self, Item *item, Spans *spans, bint left) noexcept nogil
    cdef int _pop(self, Item *item, uint32_t number, Spans *spans, bint left) noexcept nogil
    cdef int _ltrim(self, Item *item, uint32_t number, Spans *spans) noexcept nogil
    cdef int _sadd(self, Item *item, Spans *spans) noexcept nogil
    cdef int _remove(self, Item *item, uint32_t number, Spans *spans, int kind) noexcept nogil
    cdef int _field(self, Table *table, Spans *spans, uint64_t index, Blob value) noexcept nogil
    cdef int _hset(self, Item *item, Spans *spans) noexcept nogil
    cdef int _hincrby(self, Item *item, Spans *spans) noexcept nogil
    cdef int _count(self, Item *item, Spans *spans, int code) noexcept nogil
    cdef int _deadline(self, Item *item, Spans *spans) noexcept nogil
    cdef int _zadd(self, Item *item, Spans *spans, bint add) noexcept nogil
    cdef int _set(self, Item *item, uint32_t number, Spans *spans) noexcept nogil
