from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from aoftool.replay.compiled._plain cimport Spans
from aoftool.replay.compiled._tables cimport Blob, Table

cdef enum:
    # Kinds of items: nothing anywhere, a value in the dicts of the keyspace, a value here.
    ABSENT = 0
    ELSEWHERE = 1
    STRING = 2
    LIST = 3
    SET = 4
    HASH = 5
    ZSET = 6
    STREAM = 7

    # Keys fall into so many shares by their number, which two threads may work on at a time; a power of two.
    LANES = 2

cdef struct Item:
    void *body
    int64_t expire_at_ms
    uint8_t kind
    # How often it came here from the dicts.
    uint8_t brought
    bint expires
    bint listed

cdef struct Born:
    uint32_t *numbers
    uint64_t count
    uint64_t room


cdef class Store:
    cdef Item *items
    cdef uint64_t keys
    # Keys that may be in use, LANES lists for each database.
    cdef Born *born
    cdef int64_t databases
    cdef uint64_t seed
    cdef const uint8_t *data

    cdef bint make_room(self, uint64_t keys, uint8_t kind) noexcept nogil
    cdef void count(self, int64_t now_ms, uint64_t *keys, uint64_t *passed) noexcept nogil
    cdef int execute(
        self, int code, uint32_t number, int64_t db, const uint8_t *data, Spans *spans
    ) noexcept nogil
    cdef bint put_string(self, uint32_t number, int64_t db, const uint8_t *text, uint64_t size) noexcept nogil
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
    cdef int _xadd(self, Item *item, Spans *spans) noexcept nogil
    cdef int _zadd(self, Item *item, Spans *spans) noexcept nogil
    cdef int _put_score(self, Table *table, Spans *spans, uint64_t index, double score, int words) noexcept nogil
    cdef int _zincrby(self, Item *item, Spans *spans) noexcept nogil
    cdef int _zpop(self, Item *item, uint32_t number, Spans *spans, bint highest) noexcept nogil
    cdef int _cut_end(self, Item *item, uint32_t number, uint64_t count, bint highest) noexcept nogil
    cdef int _cut_ranks(self, Item *item, uint32_t number, Spans *spans) noexcept nogil
    cdef int _cut_scores(self, Item *item, uint32_t number, Spans *spans) noexcept nogil
    cdef bint _bound(self, Spans *spans, uint64_t index, double *value, bint *exclusive) noexcept nogil
    cdef int _seldom(self, Item *item, uint32_t number, int code, Spans *spans) noexcept nogil
    cdef bint _whole(self, Spans *spans, uint64_t index, int64_t *value) noexcept nogil
    cdef bint _score(self, Spans *spans, uint64_t index, double *value) noexcept nogil
    cdef int _lset(self, Item *item, Spans *spans) noexcept nogil
    cdef int _lrem(self, Item *item, uint32_t number, Spans *spans) noexcept nogil
    cdef int _hsetnx(self, Item *item, Spans *spans) noexcept nogil
    cdef int _append(self, Item *item, Spans *spans) noexcept nogil
    cdef int _set_range(self, Item *item, Spans *spans) noexcept nogil
    cdef bint _bring_list(self, Item *item, object value) except -1
    cdef bint _bring_stream(self, Item *item, object value) except -1
    cdef object _stream(self, Item *item)
    cdef bint _bring_table(self, Item *item, object value) except -1
    cdef bint bring(self, uint32_t number, int64_t db, object value) except -1
    cdef int _set(self, Item *item, uint32_t number, Spans *spans) noexcept nogil
