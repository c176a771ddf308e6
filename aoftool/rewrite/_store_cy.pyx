"""Values of keys under replay, without Python objects, and the plain commands on them.

The reference is `aoftool.keyspace`. A command is done here only where its handler there would do the
plain thing; otherwise nothing changes and the caller goes the long way. Works without the GIL.
"""

import os

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy

from aoftool.liveness._keys_cy cimport aof_hash
from aoftool.rewrite._plain cimport Spans, whole
from aoftool.rewrite._tables cimport (
    Blob,
    Entry,
    Ring,
    Table,
    append_entry,
    blob_size,
    find_entry,
    free_ring,
    free_table,
    new_blob,
    ring_drop,
    ring_push,
)

from aoftool.keyspace.zset_encoding import MAX_SMALL_MEMBER_BYTES, MAX_SMALL_MEMBERS
from aoftool.values import HashValue, ListValue, SetValue, ZSetValue

# Codes of the commands known here; XADD is only known where values are Python objects.
CODES = {
    b"RPUSH": 1,
    b"LPUSH": 2,
    b"LPOP": 3,
    b"RPOP": 4,
    b"SADD": 5,
    b"SREM": 6,
    b"HSET": 7,
    b"HMSET": 7,
    b"HDEL": 8,
    b"INCR": 9,
    b"DECR": 10,
    b"INCRBY": 11,
    b"DECRBY": 12,
    b"PEXPIREAT": 13,
    b"ZADD": 14,
    b"SET": 15,
    b"DEL": 16,
    b"UNLINK": 16,
    b"HINCRBY": 17,
    b"ZREM": 18,
    b"ZINCRBY": 19,
    b"LTRIM": 20,
    b"PERSIST": 21,
    b"XADD": 22,
}

cdef enum:
    DO_LPUSH = 2
    DO_LPOP = 3
    DO_RPOP = 4
    DO_SADD = 5
    DO_SREM = 6
    DO_HSET = 7
    DO_HDEL = 8
    DO_DECR = 10
    DO_DECRBY = 12
    DO_PEXPIREAT = 13
    DO_ZADD = 14
    DO_SET = 15
    DO_DEL = 16
    DO_HINCRBY = 17
    DO_ZREM = 18
    DO_ZINCRBY = 19
    DO_LTRIM = 20
    DO_PERSIST = 21
    # What a command comes to.
    DONE = 1
    NOT_PLAIN = 0
    NO_MEMORY = -1
    ARGUMENT_MAX = 0x7FFFFFFF

cdef uint64_t SMALL_MEMBERS = MAX_SMALL_MEMBERS
cdef uint64_t SMALL_MEMBER_BYTES = MAX_SMALL_MEMBER_BYTES


cdef class Store:
    """One item for each key of a trace's table.

    Args:
        keys: their number.
        databases: number of databases.
    """

    def __cinit__(self, uint64_t keys, int64_t databases):
        self.keys = keys
        self.databases = databases
        self.items = <Item *>calloc(keys + 1, sizeof(Item))
        self.born = <Born *>calloc(databases + 1, sizeof(Born))
        if self.items == NULL or self.born == NULL:
            raise MemoryError
        self.seed = int.from_bytes(os.urandom(8), "little")

    def __dealloc__(self):
        cdef int64_t db
        cdef uint64_t at
        if self.born:
            for db in range(self.databases):
                for at in range(self.born[db].count):
                    if self.items[self.born[db].numbers[at]].kind > ELSEWHERE:
                        self.drop(self.born[db].numbers[at])
                free(self.born[db].numbers)
        free(self.items)
        free(self.born)

    # Commands

    cdef int execute(
        self, int code, uint32_t number, int64_t db, const uint8_t *data, Spans *spans
    ) noexcept nogil:
        """Do the plain thing and return DONE, or change nothing and return NOT_PLAIN."""
        cdef Item *item = &self.items[number]
        cdef int kind = item.kind
        cdef uint64_t count = spans.count
        if kind == ELSEWHERE or count < 2:
            return NOT_PLAIN
        if not item.listed and not self._list(item, number, db):
            return NO_MEMORY
        self.data = data
        if code <= DO_LPUSH:
            return self._push(item, spans, code == DO_LPUSH)
        if code <= DO_RPOP:
            return self._pop(item, number, spans, code == DO_LPOP)
        if code == DO_SADD:
            return self._sadd(item, spans)
        if code == DO_SREM or code == DO_HDEL or code == DO_ZREM:
            return self._remove(item, number, spans, SET if code == DO_SREM else HASH if code == DO_HDEL else ZSET)
        if code == DO_HSET:
            return self._hset(item, spans)
        if code <= DO_DECRBY:
            return self._count(item, spans, code)
        if code == DO_PEXPIREAT:
            return self._deadline(item, spans)
        if code == DO_ZADD or code == DO_ZINCRBY:
            return self._zadd(item, spans, code == DO_ZINCRBY)
        if code == DO_SET:
            return self._set(item, number, spans)
        if code == DO_DEL:
            if count != 2:
                return NOT_PLAIN
            if kind:
                self.drop(number)
            return DONE
        if code == DO_HINCRBY:
            return self._hincrby(item, spans)
        if code == DO_LTRIM:
            return self._ltrim(item, number, spans)
        if code != DO_PERSIST or count != 2:
            return NOT_PLAIN
        item.expires = False
        return DONE

    cdef bint _list(self, Item *item, uint32_t number, int64_t db) noexcept nogil:
        """Remember that an item may be in use."""
        cdef Born *born = &self.born[db]
        cdef void *moved
        if born.count == born.room:
            born.room = born.room * 2 if born.room else 64
            moved = realloc(born.numbers, born.room * sizeof(uint32_t))
            if moved == NULL:
                return False
            born.numbers = <uint32_t *>moved
        born.numbers[born.count] = number
        born.count += 1
        item.listed = True
        return True

    cdef uint64_t _hash(self, Spans *spans, uint64_t index) noexcept nogil:
        return aof_hash(self.data + spans.starts[index], spans.sizes[index], self.seed)

    cdef Blob _blob(self, Spans *spans, uint64_t index) noexcept nogil:
        return new_blob(self.data + spans.starts[index], spans.sizes[index])

    cdef Table *_table(self, Item *item, int kind) noexcept nogil:
        """Return the table of an item, a new one where there is none; the kind is right or ABSENT."""
        cdef Table *table
        if item.kind == kind:
            return <Table *>item.body
        table = <Table *>calloc(1, sizeof(Table))
        if table:
            item.body = table
            item.kind = kind
        return table

    cdef int _push(self, Item *item, Spans *spans, bint left) noexcept nogil:
        cdef uint64_t index
        cdef Ring *ring
        if spans.count < 3 or (item.kind and item.kind != LIST):
            return NOT_PLAIN
        if item.kind == ABSENT:
            item.body = calloc(1, sizeof(Ring))
            if item.body == NULL:
                return NO_MEMORY
            item.kind = LIST
        ring = <Ring *>item.body
        for index in range(2, spans.count):
            if not ring_push(ring, self.data + spans.starts[index], spans.sizes[index], left):
                return NO_MEMORY
        return DONE

    cdef int _pop(self, Item *item, uint32_t number, Spans *spans, bint left) noexcept nogil:
        if spans.count != 2 or (item.kind and item.kind != LIST):
            return NOT_PLAIN
        if item.kind == LIST:
            ring_drop(<Ring *>item.body, 1, left)
            if (<Ring *>item.body).count == 0:
                self.drop(number)
        return DONE

    cdef int _ltrim(self, Item *item, uint32_t number, Spans *spans) noexcept nogil:
        cdef int64_t start = 0, end = 0, length
        cdef Ring *ring
        if spans.count != 4 or (item.kind and item.kind != LIST):
            return NOT_PLAIN
        if not whole(self.data + spans.starts[2], spans.sizes[2], &start):
            return NOT_PLAIN
        if not whole(self.data + spans.starts[3], spans.sizes[3], &end):
            return NOT_PLAIN
        if item.kind == ABSENT:
            return DONE
        ring = <Ring *>item.body
        length = <int64_t>ring.count
        if start < 0:
            start = max(start + length, 0)
        if end < 0:
            end += length
        end = min(end, length - 1)
        if start > end or start >= length:
            self.drop(number)
            return DONE
        ring_drop(ring, start, True)
        ring_drop(ring, length - 1 - end, False)
        return DONE

    cdef int _sadd(self, Item *item, Spans *spans) noexcept nogil:
        cdef uint64_t index, hashed
        cdef Table *table
        if spans.count < 3 or (item.kind and item.kind != SET):
            return NOT_PLAIN
        table = self._table(item, SET)
        if table == NULL:
            return NO_MEMORY
        for index in range(2, spans.count):
            hashed = self._hash(spans, index)
            if find_entry(table, hashed, self.data + spans.starts[index], spans.sizes[index]) < 0:
                if append_entry(table, hashed, self.data + spans.starts[index], spans.sizes[index]) == NULL:
                    return NO_MEMORY
        return DONE

    cdef int _remove(self, Item *item, uint32_t number, Spans *spans, int kind) noexcept nogil:
        cdef uint64_t index
        cdef int64_t place
        cdef Table *table
        if spans.count < 3 or (item.kind and item.kind != kind):
            return NOT_PLAIN
        if item.kind == ABSENT:
            return DONE
        table = <Table *>item.body
        for index in range(2, spans.count):
            place = find_entry(
                table, self._hash(spans, index), self.data + spans.starts[index], spans.sizes[index]
            )
            if place >= 0:
                free(table.entries[place].name)
                table.entries[place].name = NULL
                table.live -= 1
                if kind == HASH:
                    free(<void *>table.entries[place].word)
        if table.live == 0:
            self.drop(number)
        return DONE

    cdef int _field(self, Table *table, Spans *spans, uint64_t index, Blob value) noexcept nogil:
        """Give a field a value, which is taken over."""
        cdef uint64_t hashed
        cdef int64_t place
        cdef Entry *entry
        if value == NULL:
            return NO_MEMORY
        hashed = self._hash(spans, index)
        place = find_entry(table, hashed, self.data + spans.starts[index], spans.sizes[index])
        if place >= 0:
            entry = &table.entries[place]
            free(<void *>entry.word)
        else:
            entry = append_entry(table, hashed, self.data + spans.starts[index], spans.sizes[index])
            if entry == NULL:
                free(value)
                return NO_MEMORY
        entry.word = <uint64_t>value
        return DONE

    cdef int _hset(self, Item *item, Spans *spans) noexcept nogil:
        cdef uint64_t index
        cdef Table *table
        if spans.count < 4 or spans.count % 2 or (item.kind and item.kind != HASH):
            return NOT_PLAIN
        table = self._table(item, HASH)
        if table == NULL:
            return NO_MEMORY
        for index in range(2, spans.count, 2):
            if self._field(table, spans, index, self._blob(spans, index + 1)) != DONE:
                return NO_MEMORY
        return DONE

    cdef int _hincrby(self, Item *item, Spans *spans) noexcept nogil:
        cdef int64_t old = 0, amount = 0, place
        cdef Table *table
        cdef Blob value
        if spans.count != 4 or (item.kind and item.kind != HASH):
            return NOT_PLAIN
        if not whole(self.data + spans.starts[3], spans.sizes[3], &amount):
            return NOT_PLAIN
        if item.kind == HASH:
            table = <Table *>item.body
            place = find_entry(table, self._hash(spans, 2), self.data + spans.starts[2], spans.sizes[2])
            if place >= 0:
                value = <Blob>table.entries[place].word
                if not whole(value + 4, blob_size(value), &old):
                    return NOT_PLAIN
        table = self._table(item, HASH)
        if table == NULL:
            return NO_MEMORY
        return self._field(table, spans, 2, _number_blob(old + amount))

    cdef int _count(self, Item *item, Spans *spans, int code) noexcept nogil:
        cdef int64_t old = 0, amount = 1
        cdef Blob text
        if spans.count != (2 if code <= DO_DECR else 3) or (item.kind and item.kind != STRING):
            return NOT_PLAIN
        if code > DO_DECR and not whole(self.data + spans.starts[2], spans.sizes[2], &amount):
            return NOT_PLAIN
        if code == DO_DECR or code == DO_DECRBY:
            amount = -amount
        if item.kind == STRING and not whole(<Blob>item.body + 4, blob_size(<Blob>item.body), &old):
            return NOT_PLAIN
        text = _number_blob(old + amount)
        if text == NULL:
            return NO_MEMORY
        free(item.body)
        item.body = text
        item.kind = STRING
        return DONE

    cdef int _deadline(self, Item *item, Spans *spans) noexcept nogil:
        cdef int64_t time = 0
        if spans.count != 3 or not whole(self.data + spans.starts[2], spans.sizes[2], &time) or time <= 0:
            return NOT_PLAIN
        if item.kind:
            item.expires = True
            item.expire_at_ms = time
        return DONE

    cdef int _zadd(self, Item *item, Spans *spans, bint add) noexcept nogil:
        cdef int64_t number = 0, place
        cdef uint64_t hashed, size
        cdef double score, old
        cdef Table *table
        cdef Entry *entry
        if spans.count != 4 or (item.kind and item.kind != ZSET):
            return NOT_PLAIN
        if not whole(self.data + spans.starts[2], spans.sizes[2], &number):
            return NOT_PLAIN
        table = self._table(item, ZSET)
        if table == NULL:
            return NO_MEMORY
        score = <double>number
        size = spans.sizes[3]
        hashed = self._hash(spans, 3)
        place = find_entry(table, hashed, self.data + spans.starts[3], size)
        if place >= 0:
            entry = &table.entries[place]
            memcpy(&old, &entry.word, 8)
            if add:
                score += old
        else:
            # A sorted set grows into the large encoding and never shrinks back.
            if table.live >= SMALL_MEMBERS or size > SMALL_MEMBER_BYTES:
                table.large = True
            entry = append_entry(table, hashed, self.data + spans.starts[3], size)
            if entry == NULL:
                return NO_MEMORY
        memcpy(&entry.word, &score, 8)
        return DONE

    cdef int _set(self, Item *item, uint32_t number, Spans *spans) noexcept nogil:
        cdef int64_t time = 0
        cdef const uint8_t *word
        cdef Blob text
        if spans.count == 5:
            word = self.data + spans.starts[3]
            if spans.sizes[3] != 4 or word[0] != c'P' or word[1] != c'X' or word[2] != c'A' or word[3] != c'T':
                return NOT_PLAIN
            if not whole(self.data + spans.starts[4], spans.sizes[4], &time) or time <= 0:
                return NOT_PLAIN
        elif spans.count != 3:
            return NOT_PLAIN
        text = self._blob(spans, 2)
        if text == NULL:
            return NO_MEMORY
        if item.kind:
            self.drop(number)
        item.body = text
        item.kind = STRING
        item.expires = spans.count == 5
        item.expire_at_ms = time
        return DONE

    # Life of items

    cdef void drop(self, uint32_t number) noexcept nogil:
        """Free the value that an item holds; the key is gone with its expire time."""
        cdef Item *item = &self.items[number]
        if item.kind == STRING:
            free(item.body)
        elif item.kind == LIST:
            free_ring(<Ring *>item.body)
        elif item.kind >= SET:
            free_table(<Table *>item.body, item.kind == HASH)
        item.body = NULL
        item.kind = ABSENT
        item.expires = False

    cdef int clear(self, int64_t db) except -1:
        """Drop every item of a database."""
        cdef uint64_t at
        cdef uint32_t number
        for at in range(self.born[db].count):
            number = self.born[db].numbers[at]
            if self.items[number].kind > ELSEWHERE:
                self.drop(number)
            self.items[number].listed = False
        self.born[db].count = 0
        return 0

    cdef object value(self, uint32_t number):
        """Return the value of an item as the keyspace would hold it."""
        cdef Item *item = &self.items[number]
        cdef Table *table
        cdef Ring *ring
        cdef Entry *entry
        cdef uint64_t at
        cdef double score
        if item.kind == STRING:
            return _text(<Blob>item.body)
        if item.kind == LIST:
            ring = <Ring *>item.body
            return ListValue([_text(ring.items[(ring.head + at) & ring.mask]) for at in range(ring.count)])
        table = <Table *>item.body
        found = SetValue() if item.kind == SET else HashValue() if item.kind == HASH else ZSetValue()
        for at in range(table.used):
            entry = &table.entries[at]
            if entry.name == NULL:
                continue
            if item.kind == SET:
                found[_text(entry.name)] = None
            elif item.kind == HASH:
                found[_text(entry.name)] = _text(<Blob>entry.word)
            else:
                memcpy(&score, &entry.word, 8)
                found[_text(entry.name)] = score
        if item.kind == ZSET:
            found.is_skiplist = bool(table.large)
        return found


cdef object _text(Blob blob):
    return PyBytes_FromStringAndSize(<const char *>blob + 4, blob_size(blob))


cdef Blob _number_blob(int64_t number) noexcept nogil:
    cdef char text[24]
    cdef int size = snprintf(text, sizeof(text), b"%lld", <long long>number)
    return new_blob(<const uint8_t *>text, size)
