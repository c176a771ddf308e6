"""The commands that logs are full of, executed straight from the bytes of the log.

The reference is `aoftool.keyspace`: a row is taken here only while its handler there would do the plain
thing (the key is missing or of the right type, no field has an expire time, numbers are short). All
other rows go to `execute`, so refusals, rare forms and odd numbers are known in one place.

A key has its value in one of two places. It begins in a `Store`, without Python objects; once a row
needs the long way, its keys move to the dicts of the keyspace and stay there until they are gone.
Nobody may observe the keyspace.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Contains, PyDict_DelItem, PyDict_GetItem, PyDict_SetItem, PyDict_Size
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf

from aoftool.liveness._keys_cy cimport aof_prefetch
from aoftool.rewrite._plain cimport Spans, parse, whole
from aoftool.rewrite._store_cy cimport ABSENT, ELSEWHERE, LIST, STRING, Item, Store
from aoftool.rewrite._tables cimport Ring, Table

from aoftool.keyspace.zset_encoding import MAX_SMALL_MEMBER_BYTES, MAX_SMALL_MEMBERS
from aoftool.rewrite._store_cy import CODES
from aoftool.values import HashValue, ListValue, SetValue, StreamId, StreamValue, ZSetValue

__all__ = ["CODES", "Runner"]

cdef enum:
    RPUSH = 1
    LPUSH = 2
    LPOP = 3
    RPOP = 4
    SADD = 5
    SREM = 6
    HSET = 7
    HDEL = 8
    INCR = 9
    DECR = 10
    INCRBY = 11
    DECRBY = 12
    PEXPIREAT = 13
    ZADD = 14
    SET = 15
    DEL = 16
    XADD = 22
    # Rows between a row and the one whose item, or whose value, is fetched meanwhile.
    AHEAD_ITEM = 16
    AHEAD_BODY = 8
    AHEAD_ENTRIES = 4
    # Larger pieces hold arguments whose size does not fit a store.
    PIECE_MAX = 0x7FFFFFFF

# Half the time of StreamId(ms, seq), whose constructor is Python code.
cdef object new_tuple = tuple.__new__

cdef Py_ssize_t SMALL_MEMBERS = MAX_SMALL_MEMBERS
cdef Py_ssize_t SMALL_MEMBER_BYTES = MAX_SMALL_MEMBER_BYTES


cdef class Runner:
    """Execute rows of a trace.

    Args:
        keyspace: nobody may observe it.
        keys: number of keys in the trace's table.
        place: gives (database, name) of a key number.
    """

    cdef list databases
    cdef object database
    cdef dict names
    cdef const uint8_t *data
    cdef Store store
    cdef object place

    def __init__(self, keyspace, Py_ssize_t keys, place):
        self.databases = keyspace.databases
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

    cdef inline void fetch(
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
            if item.kind > LIST:
                aof_prefetch((<Table *>item.body).entries)
            elif item.kind == LIST:
                aof_prefetch(&(<Ring *>item.body).items[(<Ring *>item.body).head])

    cdef bint slow(self, int code, uint32_t number, int64_t db, Spans *spans) except -1:
        """Do the plain thing on the dicts, where a key is that was needed there."""
        cdef Item *item = &self.store.items[number]
        cdef int done
        if spans.count < 2:
            return False
        if item.kind == ELSEWHERE:
            # A key that is gone may come back to the store.
            if PyDict_GetItem(<dict>self.databases[db].values, self.name(number, spans)) == NULL:
                item.kind = ABSENT
                done = self.store.execute(code, number, db, self.data, spans)
                if done < 0:
                    raise MemoryError("no memory for values under replay")
                if done:
                    return True
        self.let_go(number)
        return (code <= DEL or code == XADD) and self.plain(code, number, db, spans)

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

    cdef bint plain(self, int code, uint32_t number, int64_t db, Spans *spans) except -1:
        """Do the plain thing and return True, or change nothing and return False."""
        # Asked for each time: a flush gives a database new dicts.
        self.database = self.databases[db]
        cdef dict values = <dict>self.database.values
        cdef object key = self.name(number, spans)
        cdef PyObject *found = PyDict_GetItem(values, key)
        if code <= LPUSH:
            return self.push(values, key, found, spans, code == LPUSH)
        if code <= RPOP:
            return self.pop(values, key, found, spans, code == LPOP)
        if code == SADD:
            return self.sadd(values, key, found, spans)
        if code == SREM or code == HDEL:
            return self.remove(values, key, found, spans, code == HDEL)
        if code == HSET:
            return self.hset(values, key, found, spans)
        if code <= DECRBY:
            return self.count(values, key, found, spans, code)
        if code == PEXPIREAT:
            return self.deadline(key, found, spans)
        if code == ZADD:
            return self.zadd(values, key, found, spans)
        if code == SET:
            return self.set(values, key, spans)
        if code == XADD:
            return self.xadd(values, key, found, spans)
        return self.delete(values, key, found, spans)

    cdef bint push(self, dict values, object key, PyObject *found, Spans *spans, bint left) except -1:
        cdef uint64_t index
        if spans.count < 3 or (found != NULL and type(<object>found) is not ListValue):
            return False
        if found == NULL:
            value = ListValue()
            values[key] = value
        else:
            value = <object>found
        add = value.appendleft if left else value.append
        for index in range(2, spans.count):
            add(self.argument(spans, index))
        return True

    cdef bint sadd(self, dict values, object key, PyObject *found, Spans *spans) except -1:
        cdef uint64_t index
        if spans.count < 3 or (found != NULL and type(<object>found) is not SetValue):
            return False
        if found == NULL:
            value = SetValue()
            values[key] = value
        else:
            value = <object>found
        for index in range(2, spans.count):
            PyDict_SetItem(value, self.argument(spans, index), None)
        return True

    cdef bint remove(
        self, dict values, object key, PyObject *found, Spans *spans, bint fields
    ) except -1:
        cdef uint64_t index
        if spans.count < 3:
            return False
        if found == NULL:
            return True
        value = <object>found
        if type(value) is not (HashValue if fields else SetValue) or (fields and value.expires):
            return False
        for index in range(2, spans.count):
            member = self.argument(spans, index)
            if PyDict_Contains(value, member):
                PyDict_DelItem(value, member)
        if not PyDict_Size(value):
            self.gone(values, key)
        return True

    cdef int gone(self, dict values, object key) except -1:
        """Remove a key with its expire time."""
        cdef dict expires = <dict>self.database.expires
        PyDict_DelItem(values, key)
        if PyDict_Contains(expires, key):
            PyDict_DelItem(expires, key)
        return 0

    cdef bint pop(self, dict values, object key, PyObject *found, Spans *spans, bint left) except -1:
        if spans.count != 2:
            return False
        if found == NULL:
            return True
        value = <object>found
        if type(value) is not ListValue:
            return False
        if left:
            value.popleft()
        else:
            value.pop()
        if not value:
            self.gone(values, key)
        return True

    cdef bint hset(self, dict values, object key, PyObject *found, Spans *spans) except -1:
        cdef uint64_t index
        if spans.count < 4 or spans.count % 2:
            return False
        if found == NULL:
            value = HashValue()
            values[key] = value
        else:
            value = <object>found
            if type(value) is not HashValue or value.expires:
                return False
        for index in range(2, spans.count, 2):
            PyDict_SetItem(value, self.argument(spans, index), self.argument(spans, index + 1))
        return True

    cdef bint count(self, dict values, object key, PyObject *found, Spans *spans, int code) except -1:
        cdef int64_t old = 0, amount = 1, total
        cdef char text[24]
        cdef int size
        if spans.count != (2 if code <= DECR else 3):
            return False
        if code > DECR and not whole(self.data + spans.starts[2], spans.sizes[2], &amount):
            return False
        if code == DECR or code == DECRBY:
            amount = -amount
        if found != NULL:
            if type(<object>found) is not bytes:
                return False
            if not whole(
                <const uint8_t *>PyBytes_AS_STRING(<object>found), PyBytes_GET_SIZE(<object>found), &old
            ):
                return False
        total = old + amount
        size = snprintf(text, sizeof(text), b"%lld", <long long>total)
        values[key] = PyBytes_FromStringAndSize(text, size)
        return True

    cdef bint deadline(self, object key, PyObject *found, Spans *spans) except -1:
        cdef int64_t time = 0
        if spans.count != 3 or not whole(self.data + spans.starts[2], spans.sizes[2], &time) or time <= 0:
            return False
        if found != NULL:
            (<dict>self.database.expires)[key] = time
        return True

    cdef bint zadd(self, dict values, object key, PyObject *found, Spans *spans) except -1:
        cdef int64_t score = 0
        if spans.count != 4 or not whole(self.data + spans.starts[2], spans.sizes[2], &score):
            return False
        if found == NULL:
            value = ZSetValue()
            values[key] = value
        else:
            value = <object>found
            if type(value) is not ZSetValue or value._ranking is not None:
                return False
        self.add(value, self.argument(spans, 3), <double>score)
        return True

    cdef int add(self, object value, object member, double score) except -1:
        """Add a member as `keyspace.zset_encoding.add_member` does; a whole score is never -0."""
        cdef PyObject *old = PyDict_GetItem(value, member)
        if old == NULL:
            if PyDict_Size(value) >= SMALL_MEMBERS or PyBytes_GET_SIZE(member) > SMALL_MEMBER_BYTES:
                value.is_skiplist = True
        elif <double>(<object>old) == score:
            return 0
        PyDict_SetItem(value, member, score)
        return 0

    cdef bint set(self, dict values, object key, Spans *spans) except -1:
        if spans.count != 3:
            return False
        values[key] = self.argument(spans, 2)
        (<dict>self.database.expires).pop(key, None)
        return True

    cdef bint delete(self, dict values, object key, PyObject *found, Spans *spans) except -1:
        if spans.count != 2:
            return False
        if found != NULL:
            self.gone(values, key)
        return True

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


cdef bint whole_id(const uint8_t *text, uint64_t size, int64_t *ms, int64_t *seq) noexcept nogil:
    """Read an entry ID of two short canonical numbers."""
    cdef uint64_t dash = 1
    while dash < size and text[dash] != c'-':
        dash += 1
    if dash + 1 >= size or text[0] == c'-' or text[dash + 1] == c'-':
        return False
    return whole(text, dash, ms) and whole(text + dash + 1, size - dash - 1, seq)
