# Compiled twin of _jsonl_py: the same lines, byte for byte.
"""JSON lines straight from the stored bytes of records.

Handles what is sound, of common type and clean UTF-8; every other record goes through the reference,
whole, so that its answer counts. Duplicate members or fields count as not sound here: the reference
lets the last one win.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc, qsort, realloc
from libc.string cimport memcmp, memcpy, memset

from aoftool.files._buffer cimport Buffer, put, reserve
from aoftool.rdb._rdb_blobs cimport (
    DIGITS, Entry, Text, close_text, entry_score, listpack_first, listpack_next, open_text, signed_little,
    write_number, ziplist_first, ziplist_next,
)
from aoftool.rdb._rdb_bytes cimport little_endian, read_length
from aoftool.rdb.records._record_cy cimport Record
from aoftool.rdb._rdb_rows cimport RowData
from aoftool.values._json_text cimport put_float, put_text

import json

from aoftool.rdb.records import _jsonl_py
from aoftool.rdb.opcodes import STRING_FORMS, Family, encoding_of, type_info
from aoftool.values.json_form import KEY_SCHEMA

__all__ = ["record_lines"]

cdef enum:
    EXPIRE = 1
    UNCOUNTED = 8
    STRING = 0
    LIST = 1
    SET = 2
    HASH = 4
    ZSET_2 = 5
    LIST_ZIPLIST = 10
    SET_INTSET = 11
    ZSET_ZIPLIST = 12
    HASH_ZIPLIST = 13
    LIST_QUICKLIST = 14
    HASH_LISTPACK = 16
    ZSET_LISTPACK = 17
    LIST_QUICKLIST_2 = 18
    SET_LISTPACK = 20
    TYPES = 21
    MODULE_TYPE = 7
    NODE_PLAIN = 1
    NODE_PACKED = 2
    ROOM = 4 << 20  # of the buffer: a window of records rarely gives more JSON than this
    MOST_UNIQUE = 1 << 20  # members of one value that are held against each other here

# What the entries of a blob stand for.
cdef enum:
    AS_LIST = 0
    AS_SET = 1
    AS_HASH = 2
    AS_ZSET = 3

cdef bytes _SCHEMA = b'{"schema":"' + KEY_SCHEMA.encode() + b'","db":'

# Members seen in one value, as hashes: a hash met twice may be a duplicate.
cdef struct Seen:
    uint64_t* slots
    size_t room
    size_t used

cdef struct Scored:
    double score
    const uint8_t* data
    Py_ssize_t size
    uint8_t small[DIGITS]


cdef inline int put_number(Buffer* out, int64_t number) except -1:
    reserve(out, DIGITS)
    out.size += write_number(number, <char*>out.data + out.size)
    return 0


cdef int put_unsigned(Buffer* out, uint64_t number) except -1:
    cdef bytes text
    if number < <uint64_t>1 << 63:
        return put_number(out, <int64_t>number)
    text = str(number).encode()
    return put(out, PyBytes_AS_STRING(text), len(text))


cdef inline bint put_entry(Buffer* out, Entry* entry) except -1:
    if entry.text != NULL:
        return put_text(out, entry.text, entry.size)
    put(out, b'"', 1)
    put_number(out, entry.number)
    put(out, b'"', 1)
    return True


cdef inline bint put_score(Buffer* out, double score) except -1:
    """Append a score, whole numbers without a detour; False for one that JSON has no number for."""
    if -1e15 < score < 1e15 and score == <double><int64_t>score and score != 0:
        put_number(out, <int64_t>score)
        put(out, b".0", 2)
        return True
    return put_float(out, score)


cdef inline uint64_t mix(const uint8_t* data, Py_ssize_t size) noexcept nogil:
    """Hash bytes; equal bytes give equal hashes, which is all that is asked of it."""
    cdef uint64_t value = 0x9E3779B97F4A7C15ULL ^ <uint64_t>size, word
    while size >= 8:
        memcpy(&word, data, 8)
        value = (value ^ word) * 0xFF51AFD7ED558CCDULL
        value ^= value >> 32
        data += 8
        size -= 8
    word = 0
    memcpy(&word, data, size)
    value = (value ^ word) * 0xC4CEB9FE1A85EC53ULL
    value ^= value >> 29
    return value if value else 1


cdef int open_seen(Seen* seen, uint64_t members) except -1:
    """Make room for the members of one value; the table is used again for the next one."""
    cdef size_t wanted = 16
    cdef uint64_t* grown
    while wanted < 2 * members:
        wanted *= 2
    if wanted > seen.room:
        grown = <uint64_t*>realloc(seen.slots, wanted * sizeof(uint64_t))
        if grown == NULL:
            raise MemoryError
        seen.slots = grown
        seen.room = wanted
    memset(seen.slots, 0, wanted * sizeof(uint64_t))
    seen.used = wanted
    return 0


# Note a member: False when its hash was met before, or when there are more than was said.
cdef inline bint is_new(Seen* seen, const uint8_t* data, Py_ssize_t size) noexcept nogil:
    cdef uint64_t hashed = mix(data, size)
    cdef size_t place = hashed & (seen.used - 1), tries = 0
    while seen.slots[place]:
        if seen.slots[place] == hashed or tries > seen.used // 2:
            return False
        place = (place + 1) & (seen.used - 1)
        tries += 1
    seen.slots[place] = hashed
    return True


cdef inline bint entry_is_new(Seen* seen, Entry* entry) noexcept nogil:
    cdef char digits[DIGITS]
    if entry.text != NULL:
        return is_new(seen, entry.text, entry.size)
    return is_new(seen, <const uint8_t*>digits, write_number(entry.number, digits))


cdef int by_rank(const void* one, const void* two) noexcept nogil:
    """Order by score, then by member bytes."""
    cdef const Scored* first = <const Scored*>one
    cdef const Scored* second = <const Scored*>two
    cdef int order
    if first.score != second.score:
        return -1 if first.score < second.score else 1
    order = memcmp(first.data, second.data, min(first.size, second.size))
    if order:
        return order
    return (first.size > second.size) - (first.size < second.size)


# One buffer that was not outgrown, kept for the next call: taking it from the system each time costs as
# much as filling it. The GIL guards it.
cdef uint8_t* _spare = NULL


cdef class Writer:
    """Appends the lines of records to one buffer."""

    cdef Buffer out
    cdef Seen seen
    cdef Scored* ranks
    cdef size_t rank_room
    cdef bint started

    def __cinit__(self):
        global _spare
        if _spare != NULL:
            self.out.data = _spare
            _spare = NULL
        else:
            self.out.data = <uint8_t*>malloc(ROOM)
        if self.out.data == NULL:
            raise MemoryError
        self.out.room = ROOM

    def __dealloc__(self):
        global _spare
        if self.out.room == ROOM and _spare == NULL:
            _spare = self.out.data
        else:
            free(self.out.data)
        free(self.seen.slots)
        free(self.ranks)

    cdef bytes taken(self):
        return PyBytes_FromStringAndSize(<char*>self.out.data, self.out.size)

    cdef inline int comma(self) except -1:
        if self.started:
            put(&self.out, b",", 1)
        self.started = True
        return 0

    # Appends the line of a sound record of a handled type; else False, and the buffer is as before.
    cdef bint line(
        self, RowData* row, const uint8_t* first, bytes words, bytes tail, bint with_values
    ) except -1:
        cdef size_t before = self.out.size
        cdef Text key
        cdef bint sound
        if open_text(first + row.key_at, first + row.value_at, &key) < 0:
            return False
        put(&self.out, PyBytes_AS_STRING(_SCHEMA), len(_SCHEMA))
        put_unsigned(&self.out, row.db)
        put(&self.out, b',"key":', 7)
        try:
            sound = put_text(&self.out, key.data, key.size)
        finally:
            close_text(&key)
        if sound:
            put(&self.out, PyBytes_AS_STRING(words), len(words))
            self.numbers(row, tail)
            if with_values:
                put(&self.out, b',"value":', 9)
                sound = self.value(<int>row.number, first + row.value_at, first + row.end)
        if not sound:
            self.out.size = before
            return False
        put(&self.out, b"}\n", 2)
        return True

    cdef int numbers(self, RowData* row, bytes tail) except -1:
        if row.flags & UNCOUNTED:
            put(&self.out, b"null", 4)
        else:
            put_unsigned(&self.out, row.elements)
        put(&self.out, b',"size_bytes":', 14)
        put_unsigned(&self.out, row.end - row.start)
        put(&self.out, b',"expire_at_ms":', 16)
        if row.flags & EXPIRE:
            put_number(&self.out, row.expire)
        else:
            put(&self.out, b"null", 4)
        put(&self.out, PyBytes_AS_STRING(tail), len(tail))
        put_unsigned(&self.out, row.start)
        return 0

    cdef bint value(self, int type_id, const uint8_t* at, const uint8_t* end) except -1:
        cdef bint sound
        if type_id == STRING:
            return self.text(at, end) > 0
        self.started = False
        put(&self.out, b"[", 1)
        if type_id == HASH_LISTPACK or type_id == HASH_ZIPLIST:
            sound = self.blob(at, end, AS_HASH, type_id == HASH_ZIPLIST)
        elif type_id == SET_LISTPACK:
            sound = self.blob(at, end, AS_SET, False)
        elif type_id == ZSET_LISTPACK or type_id == ZSET_ZIPLIST:
            sound = self.blob(at, end, AS_ZSET, type_id == ZSET_ZIPLIST)
        elif type_id == LIST_ZIPLIST:
            sound = self.blob(at, end, AS_LIST, True)
        elif type_id == SET_INTSET:
            sound = self.intset(at, end)
        elif type_id == LIST_QUICKLIST or type_id == LIST_QUICKLIST_2:
            sound = self.quicklist(at, end, type_id == LIST_QUICKLIST)
        elif type_id == LIST or type_id == SET or type_id == HASH:
            sound = self.plain(at, end, type_id)
        else:
            return False
        put(&self.out, b"]", 1)
        # Whether a collection may hold nothing the reference judges, by what its headers state.
        return sound and self.started

    # Appends one stored string as JSON; its bytes in the file, or 0.
    cdef Py_ssize_t text(self, const uint8_t* at, const uint8_t* end) except -1:
        cdef Text text
        cdef bint clean
        cdef Py_ssize_t taken = open_text(at, end, &text)
        if taken < 0:
            return 0
        try:
            clean = put_text(&self.out, text.data, text.size)
        finally:
            close_text(&text)
        return taken if clean else 0

    cdef bint blob(self, const uint8_t* at, const uint8_t* end, int form, bint ziplist) except -1:
        cdef Text text
        if open_text(at, end, &text) < 0:
            return False
        try:
            if form == AS_ZSET:
                return self.ranked(&text, ziplist)
            return self.entries(&text, form, ziplist)
        finally:
            close_text(&text)

    cdef bint entries(self, Text* blob, int form, bint ziplist) except -1:
        cdef const uint8_t* at = (
            ziplist_first(blob.data, blob.size) if ziplist else listpack_first(blob.data, blob.size)
        )
        cdef const uint8_t* end = blob.data + blob.size
        cdef Entry entry
        cdef int found
        if at == NULL:
            return False
        if form != AS_LIST:
            # An entry takes two bytes at least.
            if blob.size > MOST_UNIQUE:
                return False
            open_seen(&self.seen, blob.size // 2)
        while True:
            found = ziplist_next(&at, end, &entry) if ziplist else listpack_next(&at, end, &entry)
            if found <= 0:
                return found == 0
            self.comma()
            if form != AS_LIST and not entry_is_new(&self.seen, &entry):
                return False
            if form != AS_HASH:
                if not put_entry(&self.out, &entry):
                    return False
                continue
            put(&self.out, b'{"field":', 9)
            if not put_entry(&self.out, &entry):
                return False
            found = ziplist_next(&at, end, &entry) if ziplist else listpack_next(&at, end, &entry)
            put(&self.out, b',"value":', 9)
            if found <= 0 or not put_entry(&self.out, &entry):
                return False
            put(&self.out, b"}", 1)

    cdef bint ranked(self, Text* blob, bint ziplist) except -1:
        cdef const uint8_t* at = (
            ziplist_first(blob.data, blob.size) if ziplist else listpack_first(blob.data, blob.size)
        )
        cdef const uint8_t* end = blob.data + blob.size
        cdef Entry entry, score
        cdef int found
        cdef size_t count = 0
        cdef Scored* rank
        if at == NULL or blob.size > MOST_UNIQUE:
            return False
        open_seen(&self.seen, blob.size // 4)
        self.make_ranks(blob.size // 4 + 1)
        while True:
            found = ziplist_next(&at, end, &entry) if ziplist else listpack_next(&at, end, &entry)
            if found <= 0:
                break
            if count >= self.rank_room or not entry_is_new(&self.seen, &entry):
                return False
            rank = &self.ranks[count]
            if entry.text != NULL:
                rank.data = entry.text
                rank.size = entry.size
            else:
                rank.size = write_number(entry.number, <char*>rank.small)
                rank.data = NULL
            found = ziplist_next(&at, end, &score) if ziplist else listpack_next(&at, end, &score)
            if found <= 0 or not entry_score(&score, &rank.score):
                return False
            count += 1
        return found == 0 and self.put_ranks(count)

    cdef int make_ranks(self, size_t count) except -1:
        cdef Scored* grown
        if count > self.rank_room:
            grown = <Scored*>realloc(self.ranks, count * sizeof(Scored))
            if grown == NULL:
                raise MemoryError
            self.ranks = grown
            self.rank_room = count
        return 0

    cdef bint put_ranks(self, size_t count) except -1:
        cdef size_t place
        cdef Scored* rank
        cdef bint numbers = False
        for place in range(count):
            numbers |= self.ranks[place].data == NULL
        for place in range(1, count):
            # Members that are numbers stand inside the array, which sorting would move: those few go
            # to the reference when they are not in order already.
            self.settle(place - 1)
            self.settle(place)
            if by_rank(&self.ranks[place - 1], &self.ranks[place]) > 0:
                if numbers:
                    return False
                qsort(self.ranks, count, sizeof(Scored), by_rank)
                break
        for place in range(count):
            self.settle(place)
            rank = &self.ranks[place]
            self.comma()
            put(&self.out, b'{"member":', 10)
            if not put_text(&self.out, rank.data, rank.size):
                return False
            put(&self.out, b',"score":', 9)
            if not put_score(&self.out, rank.score):
                return False
            put(&self.out, b"}", 1)
        return True

    cdef inline void settle(self, size_t place) noexcept:
        if self.ranks[place].data == NULL:
            self.ranks[place].data = self.ranks[place].small

    cdef bint intset(self, const uint8_t* at, const uint8_t* end) except -1:
        cdef Text text
        cdef uint64_t width, count, place
        cdef int64_t number, last = 0
        if open_text(at, end, &text) < 0:
            return False
        try:
            if text.size < 8:
                return False
            width = little_endian(text.data, 4)
            count = little_endian(text.data + 4, 4)
            if (width != 2 and width != 4 and width != 8) or 8 + width * count != <uint64_t>text.size:
                return False
            for place in range(count):
                number = signed_little(text.data + 8 + place * width, <int>width)
                if place and number <= last:
                    return False
                last = number
                self.comma()
                put(&self.out, b'"', 1)
                put_number(&self.out, number)
                put(&self.out, b'"', 1)
            return True
        finally:
            close_text(&text)

    cdef bint quicklist(self, const uint8_t* at, const uint8_t* end, bint ziplist) except -1:
        cdef uint64_t nodes = 0, container = NODE_PACKED
        cdef Text text
        cdef Py_ssize_t taken
        cdef bint sound
        cdef int size = read_length(at, end, &nodes)
        if size <= 0:
            return False
        at += size
        while nodes:
            if not ziplist:
                size = read_length(at, end, &container)
                if size <= 0 or (container != NODE_PLAIN and container != NODE_PACKED):
                    return False
                at += size
            taken = open_text(at, end, &text)
            if taken < 0:
                return False
            at += taken
            try:
                if container == NODE_PLAIN:
                    self.comma()
                    sound = put_text(&self.out, text.data, text.size)
                else:
                    sound = self.entries(&text, AS_LIST, ziplist)
            finally:
                close_text(&text)
            if not sound:
                return False
            nodes -= 1
        return True

    cdef bint plain(self, const uint8_t* at, const uint8_t* end, int type_id) except -1:
        cdef uint64_t count = 0
        cdef Py_ssize_t taken
        cdef Text name
        cdef bint fresh
        cdef int size = read_length(at, end, &count)
        if size <= 0 or count > <uint64_t>(end - at):
            return False
        at += size
        if type_id != LIST:
            if count > MOST_UNIQUE:
                return False
            open_seen(&self.seen, count)
        while count:
            self.comma()
            if type_id == HASH:
                put(&self.out, b'{"field":', 9)
            taken = open_text(at, end, &name)
            if taken < 0:
                return False
            try:
                fresh = type_id == LIST or is_new(&self.seen, name.data, name.size)
                if not fresh or not put_text(&self.out, name.data, name.size):
                    return False
            finally:
                close_text(&name)
            at += taken
            if type_id == HASH:
                put(&self.out, b',"value":', 9)
                taken = self.text(at, end)
                if not taken:
                    return False
                at += taken
                put(&self.out, b"}", 1)
            count -= 1
        return True


cdef list _words(family):
    """Return, by type number, the JSON between the key and the number of elements; strings by form."""
    out = []
    for number in range(TYPES):
        info = type_info(family, number)
        forms = range(len(STRING_FORMS)) if number == STRING else (0,)
        out.append(
            info
            and tuple(
                b',"type":%b,"encoding":%b,"elements":'
                % (
                    json.dumps(info.type_name).encode(),
                    json.dumps(encoding_of(family, number, form)).encode(),
                )
                for form in forms
            )
        )
    return out


cdef dict _WORDS = {family: _words(family) for family in Family}


def record_lines(records, file, bint with_values):
    """Return one line of JSON for each record; see `_jsonl_py.record_lines`."""
    cdef Writer writer = Writer()
    cdef Record record
    cdef RowData* row
    cdef list words
    cdef bytes line, tail = b',"file":' + json.dumps(file).encode() + b',"offset":'
    cdef bint done
    for entry in records:
        record = entry
        row = &record.row
        done = False
        # The encoding of a module's value is a name that stands in it.
        if type(record.data) is bytes and row.number < TYPES and row.number != MODULE_TYPE:
            words = _WORDS[record.context.family]
            forms = words[row.number]
            if forms is not None:
                done = writer.line(
                    row,
                    <const uint8_t*>PyBytes_AS_STRING(record.data) - record.base,
                    forms[row.form if row.number == STRING else 0],
                    tail,
                    with_values,
                )
        if not done:
            line = _jsonl_py.record_lines((record,), file, with_values)
            put(&writer.out, PyBytes_AS_STRING(line), len(line))
    return writer.taken()
