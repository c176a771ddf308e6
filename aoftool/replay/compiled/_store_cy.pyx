"""Values of keys under replay, without Python objects, and the plain commands on them.

The reference is `aoftool.keyspace`. A command is done here only where its handler there would do the
plain thing; otherwise nothing changes and the caller goes the long way. Works without the GIL, and for keys of
different lanes by two threads at a time: nothing but what hangs on an item is changed, and lists of its own lane.
"""

import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.math cimport copysign
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

from aoftool.liveness._keys_cy cimport aof_hash
from aoftool.replay.compiled._heap cimport drop_entry, heap_in, heap_moved, heap_ready, score_at
from aoftool.replay.compiled._plain cimport INFINITE, Spans, added, integer, is_word, score_of, whole, whole_id
from aoftool.replay.compiled._streams cimport (
    FIRST_TEXT_AT,
    Stream,
    empty_entry,
    entry_ms,
    entry_seq,
    entry_texts,
    free_stream,
    new_entry,
    next_text,
    push_entry,
    put_text,
)
from aoftool.replay.compiled._tables cimport (
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
    resized_blob,
    ring_drop,
    ring_push,
    ring_remove,
)

from aoftool.keyspace.zset_encoding import MAX_SMALL_MEMBER_BYTES, MAX_SMALL_MEMBERS
from aoftool.values import HashValue, ListValue, SetValue, StreamId, StreamValue, ZSetValue

# Codes of the commands known here.
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
    b"ZPOPMIN": 23,
    b"ZPOPMAX": 24,
    b"ZREMRANGEBYSCORE": 25,
    b"ZREMRANGEBYRANK": 26,
    b"APPEND": 27,
    b"SETRANGE": 28,
    b"LSET": 29,
    b"LREM": 30,
    b"SETNX": 31,
    b"HSETNX": 32,
    b"RPUSHX": 33,
    b"LPUSHX": 34,
    b"GETDEL": 35,
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
    DO_XADD = 22
    DO_ZPOPMIN = 23
    DO_ZPOPMAX = 24
    DO_ZREMRANGEBYSCORE = 25
    DO_ZREMRANGEBYRANK = 26
    DO_APPEND = 27
    DO_SETRANGE = 28
    DO_LSET = 29
    DO_LREM = 30
    DO_SETNX = 31
    DO_HSETNX = 32
    DO_RPUSHX = 33
    DO_LPUSHX = 34
    DO_GETDEL = 35
    # What a command comes to; IDLE: it was done, and there was nothing for it to do.
    DONE = 1
    IDLE = 2
    NOT_PLAIN = 0
    NO_MEMORY = -1
    # Longer strings are changed in place by the keyspace, which keeps room behind them.
    CHANGED_BYTES = 1 << 16
    # Tables up to here are looked through where a heap does not help.
    SMALL_TABLE = 256
    MOST_INDEX = 0x7FFFFFFF

cdef enum:
    # Words of ZADD.
    NX = 1
    XX = 2
    GT = 4
    LT = 8
    CH = 16

# Half the time of StreamId(ms, seq), whose constructor is Python code.
cdef object new_tuple = tuple.__new__
cdef int64_t INT64_MOST = 0x7FFFFFFFFFFFFFFF
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
        self.born = <Born *>calloc(databases * LANES + 1, sizeof(Born))
        if self.items == NULL or self.born == NULL:
            raise MemoryError
        self.seed = int.from_bytes(os.urandom(8), "little")

    def __dealloc__(self):
        cdef int64_t db
        cdef uint64_t at
        if self.born:
            for db in range(self.databases * LANES):
                for at in range(self.born[db].count):
                    if self.items[self.born[db].numbers[at]].kind > ELSEWHERE:
                        self.drop(self.born[db].numbers[at])
                free(self.born[db].numbers)
        free(self.items)
        free(self.born)

    cdef bint make_room(self, uint64_t keys, uint8_t kind) noexcept nogil:
        """Have items for so many keys, new ones of a kind; false when there is no memory."""
        cdef uint64_t room = self.keys, number
        cdef void *moved
        if keys <= room:
            return True
        while room < keys:
            room = room * 2 + 64
        moved = realloc(self.items, (room + 1) * sizeof(Item))
        if moved == NULL:
            return False
        self.items = <Item *>moved
        memset(&self.items[self.keys + 1], 0, (room - self.keys) * sizeof(Item))
        for number in range(self.keys, room):
            self.items[number].kind = kind
        self.keys = room
        return True

    cdef void count(self, int64_t now_ms, uint64_t *keys, uint64_t *passed) noexcept nogil:
        """Count the keys that are here, and those whose expire time has come."""
        cdef int64_t db
        cdef uint64_t at
        cdef Item *item
        keys[0] = passed[0] = 0
        for db in range(self.databases * LANES):
            for at in range(self.born[db].count):
                item = &self.items[self.born[db].numbers[at]]
                if item.kind > ELSEWHERE:
                    keys[0] += 1
                    passed[0] += item.expires and item.expire_at_ms <= now_ms

    # Commands

    cdef int execute(
        self, int code, uint32_t number, int64_t db, const uint8_t *data, Spans *spans
    ) noexcept nogil:
        """Do the plain thing and return DONE, or IDLE; or change nothing and return NOT_PLAIN."""
        cdef Item *item = &self.items[number]
        cdef int kind = item.kind
        cdef uint64_t count = spans.count
        if kind == ELSEWHERE or count < 2:
            return NOT_PLAIN
        if not item.listed and not self._list(item, number, db):
            return NO_MEMORY
        # Lanes of one piece have the same data, which stands here by then.
        if self.data != data:
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
        if code == DO_ZADD:
            return self._zadd(item, spans)
        if code == DO_SET:
            return self._set(item, number, spans)
        if code == DO_XADD:
            return self._xadd(item, spans)
        if code == DO_DEL:
            if count != 2:
                return NOT_PLAIN
            if kind:
                self.drop(number)
            return DONE if kind else IDLE
        return self._seldom(item, number, code, spans)

    cdef int _seldom(self, Item *item, uint32_t number, int code, Spans *spans) noexcept nogil:
        """Do what fewer logs are full of."""
        if code == DO_HINCRBY:
            return self._hincrby(item, spans)
        if code == DO_ZINCRBY:
            return self._zincrby(item, spans)
        if code == DO_LTRIM:
            return self._ltrim(item, number, spans)
        if code == DO_PERSIST:
            if spans.count != 2:
                return NOT_PLAIN
            if not item.expires:
                return IDLE
            item.expires = False
            return DONE
        if code == DO_ZPOPMIN or code == DO_ZPOPMAX:
            return self._zpop(item, number, spans, code == DO_ZPOPMAX)
        if code == DO_ZREMRANGEBYSCORE:
            return self._cut_scores(item, number, spans)
        if code == DO_ZREMRANGEBYRANK:
            return self._cut_ranks(item, number, spans)
        if code == DO_APPEND:
            return self._append(item, spans)
        if code == DO_SETRANGE:
            return self._set_range(item, spans)
        if code == DO_LSET:
            return self._lset(item, spans)
        if code == DO_LREM:
            return self._lrem(item, number, spans)
        if code == DO_SETNX:
            if spans.count != 3:
                return NOT_PLAIN
            return IDLE if item.kind else self._set(item, number, spans)
        if code == DO_HSETNX:
            return self._hsetnx(item, spans)
        if code == DO_RPUSHX or code == DO_LPUSHX:
            if item.kind == ABSENT and spans.count >= 3:
                return IDLE
            return self._push(item, spans, code == DO_LPUSHX)
        if code == DO_GETDEL:
            if spans.count != 2 or (item.kind and item.kind != STRING):
                return NOT_PLAIN
            if item.kind == ABSENT:
                return IDLE
            self.drop(number)
            return DONE
        return NOT_PLAIN

    cdef bint _list(self, Item *item, uint32_t number, int64_t db) noexcept nogil:
        """Remember that an item may be in use."""
        cdef Born *born = &self.born[db * LANES + (number & (LANES - 1))]
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
        cdef int64_t count = 1
        cdef Ring *ring
        if spans.count > 3 or (item.kind and item.kind != LIST):
            return NOT_PLAIN
        if spans.count == 3 and (not self._whole(spans, 2, &count) or count < 0):
            return NOT_PLAIN
        if item.kind == ABSENT or count == 0:
            return IDLE
        ring = <Ring *>item.body
        ring_drop(ring, min(<uint64_t>count, ring.count), left)
        if ring.count == 0:
            self.drop(number)
        return DONE

    cdef bint _whole(self, Spans *spans, uint64_t index, int64_t *value) noexcept nogil:
        return whole(self.data + spans.starts[index], spans.sizes[index], value)

    cdef bint _score(self, Spans *spans, uint64_t index, double *value) noexcept nogil:
        return score_of(self.data + spans.starts[index], spans.sizes[index], value)

    cdef int _lset(self, Item *item, Spans *spans) noexcept nogil:
        cdef int64_t index = 0
        cdef Ring *ring
        cdef Blob text
        cdef uint64_t place
        if spans.count != 4 or item.kind != LIST or not self._whole(spans, 2, &index):
            return NOT_PLAIN
        ring = <Ring *>item.body
        if index < 0:
            index += <int64_t>ring.count
        if index < 0 or index >= <int64_t>ring.count or index > MOST_INDEX:
            return NOT_PLAIN
        text = self._blob(spans, 3)
        if text == NULL:
            return NO_MEMORY
        place = (ring.head + <uint64_t>index) & ring.mask
        free(ring.items[place])
        ring.items[place] = text
        return DONE

    cdef int _lrem(self, Item *item, uint32_t number, Spans *spans) noexcept nogil:
        """Remove equal elements, so many from the head, or from the tail when negative; 0 for all."""
        cdef int64_t count = 0
        cdef uint64_t limit, before
        cdef Ring *ring
        if spans.count != 4 or (item.kind and item.kind != LIST) or not self._whole(spans, 2, &count):
            return NOT_PLAIN
        if item.kind == ABSENT:
            return IDLE
        ring = <Ring *>item.body
        limit = <uint64_t>(-count if count < 0 else count) if count else ring.count
        before = ring.count
        ring_remove(ring, self.data + spans.starts[3], spans.sizes[3], limit, count < 0)
        if ring.count == before:
            return IDLE
        if ring.count == 0:
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
            return IDLE
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
        cdef uint64_t index, hashed, before
        cdef Table *table
        if spans.count < 3 or (item.kind and item.kind != SET):
            return NOT_PLAIN
        table = self._table(item, SET)
        if table == NULL:
            return NO_MEMORY
        before = table.live
        for index in range(2, spans.count):
            hashed = self._hash(spans, index)
            if find_entry(table, hashed, self.data + spans.starts[index], spans.sizes[index]) < 0:
                if append_entry(table, hashed, self.data + spans.starts[index], spans.sizes[index]) == NULL:
                    return NO_MEMORY
        return DONE if table.live > before else IDLE

    cdef int _remove(self, Item *item, uint32_t number, Spans *spans, int kind) noexcept nogil:
        cdef uint64_t index, before
        cdef int64_t place
        cdef Table *table
        if spans.count < 3 or (item.kind and item.kind != kind):
            return NOT_PLAIN
        if item.kind == ABSENT:
            return IDLE
        table = <Table *>item.body
        before = table.live
        for index in range(2, spans.count):
            place = find_entry(
                table, self._hash(spans, index), self.data + spans.starts[index], spans.sizes[index]
            )
            if place >= 0:
                if kind == HASH:
                    free(<void *>table.entries[place].word)
                drop_entry(table, <uint64_t>place)
        if table.live == before:
            return IDLE
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
        cdef int64_t old = 0, amount = 0, total = 0, place
        cdef Table *table
        cdef Blob value
        if spans.count != 4 or (item.kind and item.kind != HASH):
            return NOT_PLAIN
        if not integer(self.data + spans.starts[3], spans.sizes[3], &amount):
            return NOT_PLAIN
        if item.kind == HASH:
            table = <Table *>item.body
            place = find_entry(table, self._hash(spans, 2), self.data + spans.starts[2], spans.sizes[2])
            if place >= 0:
                value = <Blob>table.entries[place].word
                if not integer(value + 4, blob_size(value), &old):
                    return NOT_PLAIN
        if not added(old, amount, &total):
            return NOT_PLAIN
        table = self._table(item, HASH)
        if table == NULL:
            return NO_MEMORY
        return self._field(table, spans, 2, _number_blob(total))

    cdef int _hsetnx(self, Item *item, Spans *spans) noexcept nogil:
        if spans.count != 4 or (item.kind and item.kind != HASH):
            return NOT_PLAIN
        if item.kind == HASH and find_entry(
            <Table *>item.body, self._hash(spans, 2), self.data + spans.starts[2], spans.sizes[2]
        ) >= 0:
            return IDLE
        return self._hset(item, spans)

    cdef int _count(self, Item *item, Spans *spans, int code) noexcept nogil:
        cdef int64_t old = 0, amount = 1, total = 0
        cdef Blob text
        if spans.count != (2 if code <= DO_DECR else 3) or (item.kind and item.kind != STRING):
            return NOT_PLAIN
        if code > DO_DECR and not integer(self.data + spans.starts[2], spans.sizes[2], &amount):
            return NOT_PLAIN
        if code == DO_DECR or code == DO_DECRBY:
            # The least integer has no opposite, and releases differ in what they make of it.
            if amount < -INT64_MOST:
                return NOT_PLAIN
            amount = -amount
        if item.kind == STRING and not integer(<Blob>item.body + 4, blob_size(<Blob>item.body), &old):
            return NOT_PLAIN
        if not added(old, amount, &total):
            return NOT_PLAIN
        text = _number_blob(total)
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
        if item.kind == ABSENT:
            return IDLE
        item.expires = True
        item.expire_at_ms = time
        return DONE

    cdef int _append(self, Item *item, Spans *spans) noexcept nogil:
        cdef uint64_t size = 0
        cdef Blob text
        if spans.count != 3 or (item.kind and item.kind != STRING):
            return NOT_PLAIN
        if item.kind == STRING:
            size = blob_size(<Blob>item.body)
            if size + spans.sizes[2] > CHANGED_BYTES:
                return NOT_PLAIN
        text = resized_blob(<Blob>item.body, size + spans.sizes[2])
        if text == NULL:
            return NO_MEMORY
        memcpy(text + 4 + size, self.data + spans.starts[2], spans.sizes[2])
        item.body = text
        item.kind = STRING
        return DONE

    cdef int _set_range(self, Item *item, Spans *spans) noexcept nogil:
        """Overwrite a piece that leaves no gap: one would have to be counted as made by the log."""
        cdef int64_t offset = 0
        cdef uint64_t size = 0, end
        cdef Blob text
        if spans.count != 4 or (item.kind and item.kind != STRING) or not self._whole(spans, 2, &offset):
            return NOT_PLAIN
        if item.kind == STRING:
            size = blob_size(<Blob>item.body)
        if offset < 0 or <uint64_t>offset > size or not spans.sizes[3]:
            return NOT_PLAIN
        end = <uint64_t>offset + spans.sizes[3]
        if end > CHANGED_BYTES or size > CHANGED_BYTES:
            return NOT_PLAIN
        text = <Blob>item.body
        if end > size:
            text = resized_blob(text, end)
            if text == NULL:
                return NO_MEMORY
        memcpy(text + 4 + offset, self.data + spans.starts[3], spans.sizes[3])
        item.body = text
        item.kind = STRING
        return DONE

    cdef int _xadd(self, Item *item, Spans *spans) noexcept nogil:
        """Add an entry with a whole ID above all others, with a MAXLEN that is not approximate or none."""
        cdef uint64_t at = 2
        cdef int64_t most = -1, ms = 0, seq = 0
        cdef Stream *stream = <Stream *>item.body
        if spans.count < 5 or (item.kind and item.kind != STREAM):
            return NOT_PLAIN
        if is_word(self.data + spans.starts[2], spans.sizes[2], b"MAXLEN", 6):
            at = 3
            if spans.sizes[3] == 1 and self.data[spans.starts[3]] == c'=':
                at = 4
            if not self._whole(spans, at, &most) or most < 0:
                return NOT_PLAIN
            at += 1
        if at + 2 >= spans.count or (spans.count - at) % 2 == 0:
            return NOT_PLAIN
        if not whole_id(self.data + spans.starts[at], spans.sizes[at], &ms, &seq) or (ms == 0 and seq == 0):
            return NOT_PLAIN
        if item.kind == ABSENT:
            stream = <Stream *>calloc(1, sizeof(Stream))
            if stream == NULL:
                return NO_MEMORY
            item.body = stream
            item.kind = STREAM
        elif <uint64_t>ms < stream.last_ms or (<uint64_t>ms == stream.last_ms and <uint64_t>seq <= stream.last_seq):
            return NOT_PLAIN
        if not push_entry(stream, new_entry(self.data, spans, at + 1, <uint64_t>ms, <uint64_t>seq)):
            return NO_MEMORY
        stream.last_ms = <uint64_t>ms
        stream.last_seq = <uint64_t>seq
        stream.added += 1
        if most >= 0 and stream.entries.count > <uint64_t>most:
            ring_drop(&stream.entries, stream.entries.count - <uint64_t>most, True)
        return DONE

    cdef int _zadd(self, Item *item, Spans *spans) noexcept nogil:
        """Add members with their scores, or change scores where NX, XX, GT and LT let it."""
        cdef uint64_t at = 2, index
        cdef int word = 0, words = 0, done
        cdef double score = 0
        cdef bint changed = False
        cdef Table *table
        if item.kind and item.kind != ZSET:
            return NOT_PLAIN
        while at < spans.count:
            word = add_word(self.data + spans.starts[at], spans.sizes[at])
            if not word:
                break
            words |= word
            at += 1
        # Many pairs count towards the large encoding in some releases, long members that are not added in others.
        if at >= spans.count or (spans.count - at) % 2 or (spans.count - at) // 2 > SMALL_MEMBERS:
            return NOT_PLAIN
        if (words & NX and words & (XX | GT | LT)) or (words & GT and words & LT):
            return NOT_PLAIN
        for index in range(at, spans.count, 2):
            if not self._score(spans, index, &score):
                return NOT_PLAIN
            if words & (NX | XX | GT | LT) and spans.sizes[index + 1] > SMALL_MEMBER_BYTES:
                return NOT_PLAIN
        if item.kind == ABSENT and words & XX:
            return IDLE
        table = self._table(item, ZSET)
        if table == NULL:
            return NO_MEMORY
        for index in range(at, spans.count, 2):
            self._score(spans, index, &score)
            done = self._put_score(table, spans, index + 1, score, words)
            if done == NO_MEMORY:
                return NO_MEMORY
            changed = changed or done == DONE
        return DONE if changed else IDLE

    cdef int _put_score(self, Table *table, Spans *spans, uint64_t index, double score, int words) noexcept nogil:
        """Give a member a score as the words let it."""
        cdef uint64_t hashed = self._hash(spans, index), size = spans.sizes[index]
        cdef int64_t place = find_entry(table, hashed, self.data + spans.starts[index], size)
        cdef Entry *entry
        cdef double old
        if place >= 0:
            entry = &table.entries[place]
            old = score_at(entry)
            if score == old or words & NX or (words & LT and score >= old) or (words & GT and score <= old):
                return IDLE
            memcpy(&entry.word, &score, 8)
            heap_moved(table, <uint64_t>place)
            return DONE
        if words & XX:
            return IDLE
        # A sorted set grows into the large encoding and never shrinks back.
        if table.live >= SMALL_MEMBERS or size > SMALL_MEMBER_BYTES:
            table.large = True
        entry = append_entry(table, hashed, self.data + spans.starts[index], size)
        if entry == NULL:
            return NO_MEMORY
        memcpy(&entry.word, &score, 8)
        heap_in(table, table.used - 1)
        return DONE

    cdef int _zincrby(self, Item *item, Spans *spans) noexcept nogil:
        cdef double score = 0
        cdef int64_t place
        cdef Table *table
        if spans.count != 4 or (item.kind and item.kind != ZSET) or not self._score(spans, 2, &score):
            return NOT_PLAIN
        if item.kind == ZSET:
            table = <Table *>item.body
            place = find_entry(table, self._hash(spans, 3), self.data + spans.starts[3], spans.sizes[3])
            if place >= 0:
                score += score_at(&table.entries[place])
                # Of two infinities: a server refuses it.
                if score != score:
                    return NOT_PLAIN
        table = self._table(item, ZSET)
        if table == NULL:
            return NO_MEMORY
        return self._put_score(table, spans, 3, score, 0)

    cdef int _zpop(self, Item *item, uint32_t number, Spans *spans, bint highest) noexcept nogil:
        cdef int64_t count = 1
        if spans.count > 3 or (item.kind and item.kind != ZSET):
            return NOT_PLAIN
        if spans.count == 3 and (not self._whole(spans, 2, &count) or count < 0):
            return NOT_PLAIN
        return self._cut_end(item, number, <uint64_t>count, highest) if item.kind and count else IDLE

    cdef int _cut_end(self, Item *item, uint32_t number, uint64_t count, bint highest) noexcept nogil:
        """Remove so many members from one end."""
        cdef Table *table = <Table *>item.body
        if count >= table.live:
            self.drop(number)
            return DONE
        # A heap of the other end would be built anew for each command: the keyspace has an order for both.
        if table.heap and table.highest != highest and table.used > SMALL_TABLE:
            return NOT_PLAIN
        if not heap_ready(table, highest):
            return NO_MEMORY
        while count:
            drop_entry(table, table.heap[0])
            count -= 1
        return DONE

    cdef int _cut_ranks(self, Item *item, uint32_t number, Spans *spans) noexcept nogil:
        """Remove a range of ranks that begins or ends the order."""
        cdef int64_t start = 0, end = 0, length
        if spans.count != 4 or (item.kind and item.kind != ZSET):
            return NOT_PLAIN
        if not self._whole(spans, 2, &start) or not self._whole(spans, 3, &end):
            return NOT_PLAIN
        if item.kind == ABSENT:
            return IDLE
        length = <int64_t>(<Table *>item.body).live
        if start < 0:
            start = max(start + length, 0)
        if end < 0:
            end += length
        end = min(end, length - 1)
        if start > end:
            return IDLE
        if start == 0:
            return self._cut_end(item, number, <uint64_t>(end + 1), False)
        if end == length - 1:
            return self._cut_end(item, number, <uint64_t>(length - start), True)
        return NOT_PLAIN

    cdef int _cut_scores(self, Item *item, uint32_t number, Spans *spans) noexcept nogil:
        """Remove a range of scores: the lowest ones, or any of a small set."""
        cdef double low = 0, high = 0
        cdef bint above = False, below = False
        cdef uint64_t place, before
        cdef Table *table
        if spans.count != 4 or (item.kind and item.kind != ZSET):
            return NOT_PLAIN
        if not self._bound(spans, 2, &low, &above) or not self._bound(spans, 3, &high, &below):
            return NOT_PLAIN
        if item.kind == ABSENT:
            return IDLE
        table = <Table *>item.body
        before = table.live
        if table.used <= SMALL_TABLE:
            for place in range(table.used):
                if table.entries[place].name and is_within(score_at(&table.entries[place]), low, above, high, below):
                    drop_entry(table, place)
        elif table.heap and table.highest:
            return NOT_PLAIN
        elif not heap_ready(table, False):
            return NO_MEMORY
        elif not is_within(score_at(&table.entries[table.heap[0]]), low, above, INFINITE, False):
            return NOT_PLAIN
        else:
            while table.live and is_within(score_at(&table.entries[table.heap[0]]), low, above, high, below):
                drop_entry(table, table.heap[0])
        if table.live == before:
            return IDLE
        if table.live == 0:
            self.drop(number)
        return DONE

    cdef bint _bound(self, Spans *spans, uint64_t index, double *value, bint *exclusive) noexcept nogil:
        cdef const uint8_t *text = self.data + spans.starts[index]
        cdef uint64_t size = spans.sizes[index]
        exclusive[0] = size > 0 and text[0] == c'('
        return score_of(text + exclusive[0], size - exclusive[0], value)

    cdef int _set(self, Item *item, uint32_t number, Spans *spans) noexcept nogil:
        cdef int64_t time = 0
        cdef bint expires = False
        cdef const uint8_t *word
        cdef Blob text
        if spans.count == 5:
            word = self.data + spans.starts[3]
            if spans.sizes[3] != 4 or word[0] != c'P' or word[1] != c'X' or word[2] != c'A' or word[3] != c'T':
                return NOT_PLAIN
            if not whole(self.data + spans.starts[4], spans.sizes[4], &time) or time <= 0:
                return NOT_PLAIN
        elif spans.count == 4:
            if not is_word(self.data + spans.starts[3], spans.sizes[3], b"KEEPTTL", 7):
                return NOT_PLAIN
            expires = item.expires
            time = item.expire_at_ms
        elif spans.count != 3:
            return NOT_PLAIN
        text = self._blob(spans, 2)
        if text == NULL:
            return NO_MEMORY
        if item.kind:
            self.drop(number)
        item.body = text
        item.kind = STRING
        item.expires = expires or spans.count == 5
        item.expire_at_ms = time
        return DONE

    cdef bint put_string(self, uint32_t number, int64_t db, const uint8_t *text, uint64_t size) noexcept nogil:
        """Give a key that is not elsewhere a string, whatever it was; false when there is no memory."""
        cdef Item *item = &self.items[number]
        cdef Blob blob = new_blob(text, size)
        if blob == NULL or (not item.listed and not self._list(item, number, db)):
            free(blob)
            return False
        if item.kind:
            self.drop(number)
        item.body = blob
        item.kind = STRING
        return True

    # Life of items

    cdef void drop(self, uint32_t number) noexcept nogil:
        """Free the value that an item holds; the key is gone with its expire time."""
        cdef Item *item = &self.items[number]
        if item.kind == STRING:
            free(item.body)
        elif item.kind == LIST:
            free_ring(<Ring *>item.body)
        elif item.kind == STREAM:
            free_stream(<Stream *>item.body)
        elif item.kind >= SET:
            free_table(<Table *>item.body, item.kind == HASH)
        item.body = NULL
        item.kind = ABSENT
        item.expires = False

    cdef int clear(self, int64_t db) except -1:
        """Drop every item of a database."""
        cdef uint64_t at
        cdef uint32_t number
        cdef int64_t lane
        cdef Born *born
        for lane in range(LANES):
            born = &self.born[db * LANES + lane]
            for at in range(born.count):
                number = born.numbers[at]
                if self.items[number].kind > ELSEWHERE:
                    self.drop(number)
                self.items[number].listed = False
            born.count = 0
        return 0

    cdef bint bring(self, uint32_t number, int64_t db, object value) except -1:
        """Take over a value from the dicts of the keyspace; false when it holds what no item here can."""
        cdef Item *item = &self.items[number]
        cdef bint done
        if not item.listed and not self._list(item, number, db):
            raise MemoryError
        if type(value) is bytes:
            item.body = _blob_of(value)
            item.kind = STRING
            return True
        if type(value) is ListValue:
            done = self._bring_list(item, value)
        elif type(value) is StreamValue:
            done = self._bring_stream(item, value)
        else:
            done = self._bring_table(item, value)
        if not done:
            self.drop(number)
            item.kind = ELSEWHERE
        return done

    cdef bint _bring_list(self, Item *item, object value) except -1:
        item.body = calloc(1, sizeof(Ring))
        if item.body == NULL:
            raise MemoryError
        item.kind = LIST
        for text in value:
            if not ring_push(
                <Ring *>item.body, <const uint8_t *>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), False
            ):
                raise MemoryError
        return True

    cdef bint _bring_stream(self, Item *item, object value) except -1:
        """Take over a stream that has neither groups nor producers."""
        cdef Stream *stream
        cdef Blob entry
        cdef uint8_t *to
        cdef uint64_t total
        cdef bytes text
        if value.groups or value.idmp is not None or value.tail:
            return False
        stream = <Stream *>calloc(1, sizeof(Stream))
        if stream == NULL:
            raise MemoryError
        item.body = stream
        item.kind = STREAM
        stream.last_ms, stream.last_seq = value.last_id
        stream.deleted_ms, stream.deleted_seq = value.max_deleted_id
        stream.added = value.entries_added
        for (ms, seq), pairs in value.entries.items():
            total = 0
            for pair in pairs:
                for text in pair:
                    total += PyBytes_GET_SIZE(text)
            entry = empty_entry(ms, seq, 2 * len(pairs), total)
            if entry == NULL:
                # It may be too large for a blob as well; the keyspace keeps it then.
                return False
            to = entry + FIRST_TEXT_AT
            for pair in pairs:
                for text in pair:
                    to = put_text(to, <const uint8_t *>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))
            if not push_entry(stream, entry):
                raise MemoryError
        return True

    cdef bint _bring_table(self, Item *item, object value) except -1:
        cdef Table *table
        cdef Entry *entry
        cdef double score
        cdef int kind = SET if type(value) is SetValue else HASH if type(value) is HashValue else ZSET
        table = self._table(item, kind)
        if table == NULL:
            raise MemoryError
        for name, held in value.items():
            entry = append_entry(
                table,
                aof_hash(<const uint8_t *>PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name), self.seed),
                <const uint8_t *>PyBytes_AS_STRING(name),
                PyBytes_GET_SIZE(name),
            )
            if entry == NULL:
                raise MemoryError
            if kind == HASH:
                entry.word = <uint64_t>_blob_of(held)
            elif kind == ZSET:
                score = held
                # Releases and encodings differ in what becomes of a zero with a minus sign.
                if score == 0 and copysign(1.0, score) < 0:
                    return False
                memcpy(&entry.word, &score, 8)
        if kind == ZSET:
            table.large = value.is_skiplist
        return True

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
        if item.kind == STREAM:
            return self._stream(item)
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

    cdef object _stream(self, Item *item):
        cdef Stream *stream = <Stream *>item.body
        cdef const uint8_t *text
        cdef uint32_t size = 0, left
        cdef uint64_t at
        cdef Blob entry
        found = StreamValue()
        found.last_id = StreamId(stream.last_ms, stream.last_seq)
        found.max_deleted_id = StreamId(stream.deleted_ms, stream.deleted_seq)
        found.entries_added = stream.added
        for at in range(stream.entries.count):
            entry = stream.entries.items[(stream.entries.head + at) & stream.entries.mask]
            text = entry + FIRST_TEXT_AT
            left = entry_texts(entry)
            texts = []
            while left:
                text = next_text(text, &size)
                texts.append(PyBytes_FromStringAndSize(<const char *>text, size))
                text += size
                left -= 1
            entry_id = new_tuple(StreamId, (entry_ms(entry), entry_seq(entry)))
            found.entries[entry_id] = tuple(zip(texts[::2], texts[1::2]))
        return found


cdef inline int add_word(const uint8_t *text, uint64_t size) noexcept nogil:
    """Return what a word between the key of a ZADD and its first score asks for, 0 for anything else."""
    cdef uint8_t first, second
    if size != 2:
        return 0
    first, second = text[0] & 0xDF, text[1] & 0xDF
    if first == c'C':
        return CH if second == c'H' else 0
    if second == c'X':
        return NX if first == c'N' else XX if first == c'X' else 0
    if second == c'T':
        return GT if first == c'G' else LT if first == c'L' else 0
    return 0


cdef inline bint is_within(double score, double low, bint above, double high, bint below) noexcept nogil:
    """Tell whether a score lies between two bounds, which `above` and `below` leave out."""
    return (score > low if above else score >= low) and (score < high if below else score <= high)


cdef Blob _blob_of(bytes text) except NULL:
    cdef Blob blob = new_blob(<const uint8_t *>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))
    if blob == NULL:
        raise MemoryError
    return blob


cdef object _text(Blob blob):
    return PyBytes_FromStringAndSize(<const char *>blob + 4, blob_size(blob))


cdef Blob _number_blob(int64_t number) noexcept nogil:
    cdef char text[24]
    cdef int size = snprintf(text, sizeof(text), b"%lld", <long long>number)
    return new_blob(<const uint8_t *>text, size)
