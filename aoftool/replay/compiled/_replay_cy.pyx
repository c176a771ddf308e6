"""The commands that logs are full of, executed straight from the bytes of the log.

The reference is `aoftool.keyspace`: a row is taken here only while its handler there would do the plain
thing (the key is missing or of the right type, no field has an expire time, no number is odd). All
other rows go to `execute`, so refusals, rare forms and odd numbers are known in one place.

A key has its value in one of two places. It begins in a `Store`, without Python objects; once a row
needs the long way, its keys move to the dicts of the keyspace, and back with the next row that does not;
large values come back a few times only. Streams with groups stay in the dicts. Nobody may observe the keyspace.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem, PyDict_Size
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from aoftool.liveness._keys_cy cimport aof_prefetch
from aoftool.replay.compiled._plain cimport Spans, parse, whole, whole_id
from aoftool.replay.compiled._store_cy cimport ABSENT, ELSEWHERE, LIST, STREAM, Item, Store
from aoftool.replay.compiled._tables cimport Ring, Table

from aoftool.replay.compiled._store_cy import CODES
from aoftool.values import HashValue, ListValue, SetValue, StreamId, StreamValue, ZSetValue

__all__ = ["CODES", "Runner"]

cdef enum:
    XADD = 22
    # Rows between a row and the one whose item, or whose value, is fetched meanwhile.
    AHEAD_ITEM = 16
    AHEAD_BODY = 8
    AHEAD_ENTRIES = 4
    # Values of so many elements may always come back from the dicts, and larger ones so often.
    CHEAP_ELEMENTS = 64
    BROUGHT_MOST = 8
    ELEMENT_BYTES = 64
    # Larger pieces hold arguments whose size does not fit a store.
    PIECE_MAX = 0x7FFFFFFF

# Half the time of StreamId(ms, seq), whose constructor is Python code.
cdef object new_tuple = tuple.__new__


cdef class Runner:
    """Execute rows of a trace.

    Args:
        keyspace: nobody may observe it.
        keys: number of keys in the trace's table.
        place: gives (database, name) of a key number.
    """

    def __init__(self, keyspace, Py_ssize_t keys, place):
        self.databases = keyspace.databases
        self.stands_alone = keyspace.stands_alone
        self.names = {}
        self.store = Store(keys, len(self.databases))
        self.place = place

    def run(
        self,
        const uint8_t[::1] data,
        int64_t base,
        const int64_t[::1] starts,
        const uint8_t[::1] codes,
        const uint32_t[::1] keys,
        const int64_t[::1] numbers,
        execute,
    ):
        """Execute rows in order.

        Args:
            data: bytes that hold all of them; the first is at offset `base`.
            codes: codes of `CODES`, 0 for all other commands.
            keys: key number of each row; only that of rows with a code is looked at.
            numbers: database of each row.
            execute: takes the index of every row that is not plain, when its turn comes; it lets go
                of the row's keys first.
        """
        cdef int64_t index = 0
        cdef int64_t count = starts.shape[0]
        cdef Spans spans
        cdef uint64_t size = data.shape[0]
        if count == 0:
            return
        self.data = &data[0]
        while index < count:
            if size <= PIECE_MAX:
                with nogil:
                    index = self.quick(index, count, size, base, &starts[0], &codes[0], &keys[0], &numbers[0])
                if index < 0:
                    raise MemoryError("no memory for values under replay")
                if index == count:
                    return
            if not codes[index] or not parse(self.data, size, <uint64_t>(starts[index] - base), &spans):
                execute(index)
            elif not self.slow(codes[index], keys[index], numbers[index], &spans):
                execute(index)
            index += 1

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
    ) noexcept nogil:
        """Execute rows in the store and return the first one that is not plain there; -1 without memory."""
        cdef Spans spans
        cdef int done
        while index < count:
            if not codes[index]:
                return index
            self.fetch(index, count, codes, keys)
            if not parse(self.data, size, <uint64_t>(starts[index] - base), &spans):
                return index
            done = self.store.execute(codes[index], keys[index], numbers[index], self.data, &spans)
            if done < 0:
                return -1
            if not done:
                return index
            index += 1
        return index

    cdef void fetch(
        self, int64_t index, int64_t count, const uint8_t *codes, const uint32_t *keys
    ) noexcept nogil:
        """Ask for the memory that rows further on will need."""
        cdef Item *item
        if index + AHEAD_ITEM < count and codes[index + AHEAD_ITEM]:
            aof_prefetch(&self.store.items[keys[index + AHEAD_ITEM]])
        if index + AHEAD_BODY < count and codes[index + AHEAD_BODY]:
            item = &self.store.items[keys[index + AHEAD_BODY]]
            if item.body:
                aof_prefetch(item.body)
        if index + AHEAD_ENTRIES < count and codes[index + AHEAD_ENTRIES]:
            item = &self.store.items[keys[index + AHEAD_ENTRIES]]
            if LIST < item.kind < STREAM:
                aof_prefetch((<Table *>item.body).entries)
            elif item.kind >= LIST:
                aof_prefetch(&(<Ring *>item.body).items[(<Ring *>item.body).head])

    cdef int slow(self, int code, uint32_t number, int64_t db, Spans *spans) except -1:
        """Do the plain thing where the key has to be fetched first, or is a stream; return as a store does."""
        cdef Item *item = &self.store.items[number]
        cdef PyObject *found
        cdef int done
        if spans.count < 2:
            return 0
        if item.kind == ELSEWHERE:
            found = PyDict_GetItem(<dict>self.databases[db].values, self.name(number, spans))
            if found == NULL:
                # A key that is gone may come back to the store.
                item.kind = ABSENT
            if found == NULL or self.fetch_back(number, db, self.name(number, spans), <object>found):
                done = self.store.execute(code, number, db, self.data, spans)
                if done < 0:
                    raise MemoryError("no memory for values under replay")
                if done:
                    return done
        self.let_go(number)
        return code == XADD and self.plain(number, db, spans)

    cdef bint fetch_back(self, uint32_t number, int64_t db, object key, object value) except -1:
        """Move a key from the dicts into the store, unless that was done often with a value that is large."""
        cdef Item *item = &self.store.items[number]
        cdef Py_ssize_t size
        kind = type(value)
        if kind is bytes:
            size = PyBytes_GET_SIZE(value) // ELEMENT_BYTES
        elif kind is ListValue or kind is SetValue or kind is ZSetValue or (kind is HashValue and not value.expires):
            size = len(value)
        elif kind is StreamValue and not value.groups:
            size = len(value.entries)
        else:
            return False
        if size > CHEAP_ELEMENTS:
            if item.brought >= BROUGHT_MOST:
                return False
            item.brought += 1
        if not self.stands_alone(value) or not self.store.bring(number, db, value):
            return False
        database = self.databases[db]
        del database.values[key]
        expire_at_ms = database.expires.pop(key, None)
        item.expires = expire_at_ms is not None
        item.expire_at_ms = expire_at_ms or 0
        return True

    def let_go(self, uint32_t number):
        """Move a key to the dicts of the keyspace, for whoever needs it there."""
        cdef Item *item = &self.store.items[number]
        cdef int64_t expire_at_ms = item.expire_at_ms
        cdef bint expires = item.expires
        if item.kind > ELSEWHERE:
            db, name = self.place(number)
            value = self.store.value(number)
            self.store.drop(number)
            database = self.databases[db]
            database.values[name] = value
            if expires:
                database.expires[name] = expire_at_ms
        item.kind = ELSEWHERE

    def forget(self, int64_t db):
        """Drop every key of a database that is flushed."""
        self.store.clear(db)

    def held(self, int64_t db):
        """Return how many keys of a database are here, and how many of them have an expire time."""
        cdef uint64_t keys = 0, expiring = 0, at
        cdef Item *item
        if 0 <= db < self.store.databases:
            for at in range(self.store.born[db].count):
                item = &self.store.items[self.store.born[db].numbers[at]]
                if item.kind > ELSEWHERE:
                    keys += 1
                    expiring += item.expires
        return keys, expiring

    def export(self):
        """Move every key to the dicts of the keyspace."""
        cdef int64_t db
        cdef uint64_t at
        for db in range(self.store.databases):
            for at in range(self.store.born[db].count):
                if self.store.items[self.store.born[db].numbers[at]].kind > ELSEWHERE:
                    self.let_go(self.store.born[db].numbers[at])

    cdef object argument(self, Spans *spans, uint64_t index):
        return PyBytes_FromStringAndSize(<const char *>self.data + spans.starts[index], spans.sizes[index])

    cdef object name(self, uint32_t number, Spans *spans):
        """Return the key, one object for all its uses: its hash is reckoned once."""
        cdef PyObject *found = PyDict_GetItem(self.names, number)
        if found != NULL:
            return <object>found
        name = self.argument(spans, 1)
        self.names[number] = name
        return name

    cdef bint plain(self, uint32_t number, int64_t db, Spans *spans) except -1:
        """Add to a stream and return True, or change nothing and return False."""
        # Asked for each time: a flush gives a database new dicts.
        cdef dict values = <dict>self.databases[db].values
        cdef object key = self.name(number, spans)
        return self.xadd(values, key, PyDict_GetItem(values, key), spans)

    cdef bint xadd(self, dict values, object key, PyObject *found, Spans *spans) except -1:
        """Add an entry with a whole ID above all others, with a MAXLEN that is not approximate or none."""
        cdef uint64_t at = 2, index
        cdef int64_t most = -1, ms = 0, seq = 0
        cdef Py_ssize_t excess
        if spans.count > 4 and self.argument(spans, 2) == b"MAXLEN":
            at = 4 if self.argument(spans, 3) == b"=" else 3
            if not whole(self.data + spans.starts[at], spans.sizes[at], &most) or most < 0:
                return False
            at += 1
        if at + 2 >= spans.count or (spans.count - at) % 2 == 0:
            return False
        if not whole_id(self.data + spans.starts[at], spans.sizes[at], &ms, &seq) or (ms == 0 and seq == 0):
            return False
        entry_id = new_tuple(StreamId, (ms, seq))
        if found == NULL:
            value = StreamValue()
            values[key] = value
        else:
            value = <object>found
            if type(value) is not StreamValue or not entry_id > value.last_id:
                return False
        pairs = tuple(
            [(self.argument(spans, index), self.argument(spans, index + 1)) for index in range(at + 1, spans.count, 2)]
        )
        value.append(entry_id, pairs)
        value.last_id = entry_id
        value.entries_added = value.entries_added + 1
        if most >= 0:
            excess = PyDict_Size(value.entries) - most
            if excess > 0:
                value.drop_first(excess)
        return True
