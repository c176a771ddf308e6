"""The commands that logs are full of, executed straight from the bytes of the log.

The reference is `aoftool.keyspace`: a row is taken here only while its handler there would do the plain
thing (the key is missing or of the right type, no field has an expire time, numbers are short). All
other rows go to `execute`, so refusals, rare forms and odd numbers are known in one place. Works on
the dicts of a keyspace that nobody observes.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Contains, PyDict_DelItem, PyDict_GetItem, PyDict_SetItem, PyDict_Size
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf

from aoftool.keyspace.zset_encoding import MAX_SMALL_MEMBER_BYTES, MAX_SMALL_MEMBERS
from aoftool.values import HashValue, ListValue, SetValue, ZSetValue

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
}

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
    ARGUMENTS = 64
    WHOLE_DIGITS = 15

cdef Py_ssize_t SMALL_MEMBERS = MAX_SMALL_MEMBERS
cdef Py_ssize_t SMALL_MEMBER_BYTES = MAX_SMALL_MEMBER_BYTES

cdef struct Spans:
    uint64_t count
    uint64_t starts[ARGUMENTS]
    uint64_t sizes[ARGUMENTS]


cdef class Runner:
    """Execute rows of a trace on the databases of a keyspace.

    Args:
        keyspace: nobody may observe it.
        keys: number of keys in the trace's table.
    """

    cdef list databases
    cdef object database
    cdef list names
    cdef const uint8_t *data

    def __init__(self, keyspace, Py_ssize_t keys):
        self.databases = keyspace.databases
        self.names = [None] * keys

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
            execute: takes the index of every row that is not plain, when its turn comes.
        """
        cdef Py_ssize_t index, count = starts.shape[0]
        cdef Spans spans
        cdef uint64_t size = data.shape[0]
        if count == 0:
            return
        self.data = &data[0]
        for index in range(count):
            if codes[index] and parse(self.data, size, <uint64_t>(starts[index] - base), &spans):
                if self.plain(codes[index], keys[index], numbers[index], &spans):
                    continue
            execute(index)

    cdef object argument(self, Spans *spans, uint64_t index):
        return PyBytes_FromStringAndSize(<const char *>self.data + spans.starts[index], spans.sizes[index])

    cdef object name(self, uint32_t number, Spans *spans):
        """Return the key, one object for all its uses: its hash is reckoned once."""
        name = self.names[number]
        if name is None:
            name = self.argument(spans, 1)
            self.names[number] = name
        return name

    cdef bint plain(self, int code, uint32_t number, int64_t db, Spans *spans) except -1:
        """Do the plain thing and return True, or change nothing and return False."""
        if spans.count < 2:
            return False
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


cdef inline bint whole(const uint8_t *text, uint64_t size, int64_t *value) noexcept nogil:
    """Read a canonical number so short that no sum of two overflows and no score is rounded."""
    cdef uint64_t index = 0
    cdef int64_t number = 0
    cdef bint negative = size > 1 and text[0] == c'-'
    if negative:
        index = 1
    if size - index > WHOLE_DIGITS or size == 0:
        return False
    if text[index] == c'0' and (size - index > 1 or negative):
        return False
    while index < size:
        if not c'0' <= text[index] <= c'9':
            return False
        number = number * 10 + (text[index] - c'0')
        index += 1
    value[0] = -number if negative else number
    return True


cdef inline uint64_t header(
    const uint8_t *data, uint64_t size, uint64_t at, uint8_t mark, uint64_t *value
) noexcept nogil:
    """Return the index behind a canonical header line, 0 when it is none."""
    cdef uint64_t number = 0
    cdef uint64_t first = at + 1
    if at >= size or data[at] != mark:
        return 0
    at = first
    while at < size and c'0' <= data[at] <= c'9' and at - first < 18:
        number = number * 10 + (data[at] - c'0')
        at += 1
    if at == first or (data[first] == c'0' and at - first > 1) or at + 1 >= size:
        return 0
    if data[at] != c'\r' or data[at + 1] != c'\n':
        return 0
    value[0] = number
    return at + 2


cdef bint parse(const uint8_t *data, uint64_t size, uint64_t at, Spans *spans) noexcept nogil:
    """Find the arguments of a command; false when they are many or not canonical."""
    cdef uint64_t index, length = 0
    at = header(data, size, at, c'*', &spans.count)
    if at == 0 or spans.count > ARGUMENTS:
        return False
    for index in range(spans.count):
        at = header(data, size, at, c'$', &length)
        if at == 0 or length > size or at + length + 2 > size:
            return False
        if data[at + length] != c'\r' or data[at + length + 1] != c'\n':
            return False
        spans.starts[index] = at
        spans.sizes[index] = length
        at += length + 2
    return True
