# Compiled twin of _walk_py: same statuses, same attributes, for every input and every split.
"""Run the layout programs over buffers, without the GIL."""

import struct
from functools import lru_cache

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from aoftool.rdb._rdb_bytes cimport little_endian, read_length
from aoftool.rdb._rdb_rows cimport RowData

from aoftool.rdb.walk.layouts import CAPTURE as _CAPTURE
from aoftool.rdb.walk.layouts import KEY_RECORD as _KEY_RECORD
from aoftool.rdb.walk.layouts import PREFIX as _PREFIX
from aoftool.rdb.walk.layouts import STOP_CODES, Op, layout_table

__all__ = ["IMPLEMENTATION", "Walker"]

IMPLEMENTATION = "cy"

cdef enum:
    GO_ON = 0
    MORE = 1
    DAMAGE = 2
    END = 3
    OPCODE = 4
    LARGE = 5
    DATABASE = 6
    MODULE = 7
    TEMPLATE = 8
    ROWS = 9

# The numbers of layouts.Op; checked when the module is imported.
cdef enum:
    OP_END_KEY = 0
    OP_END_OPCODE
    OP_SKIP
    OP_LENGTH
    OP_STRING
    OP_KEY
    OP_VALUE
    OP_LOOP
    OP_NEXT
    OP_BLOB
    OP_ELEMENTS
    OP_SCORE
    OP_READ
    OP_CASE
    OP_FAIL
    OP_JUMP
    OP_ADD
    OP_MODULE_ID
    OP_MODULE_ITEM
    OP_EXPIRE_MS
    OP_EXPIRE_S
    OP_IDLE
    OP_FREQ
    OP_SELECT
    OP_END_FILE
    OP_COUNT
    OP_COUNTED
    OP_TEMPLATE
    OP_BLOB_COUNT
    OP_RESP_COUNT
    OP_RESP_BULK
    OP_STRING_VALUE

_ORDER = (
    "END_KEY", "END_OPCODE", "SKIP", "LENGTH", "STRING", "KEY", "VALUE", "LOOP", "NEXT", "BLOB",
    "ELEMENTS", "SCORE", "READ", "CASE", "FAIL", "JUMP", "ADD", "MODULE_ID", "MODULE_ITEM", "EXPIRE_MS",
    "EXPIRE_S", "IDLE", "FREQ", "SELECT", "END_FILE", "COUNT", "COUNTED", "TEMPLATE", "BLOB_COUNT",
    "RESP_COUNT", "RESP_BULK", "STRING_VALUE",
)
if [getattr(Op, name) for name in _ORDER] != list(range(len(_ORDER))):
    # Answered like a missing kernel: the reference takes over.
    raise ImportError("the layouts have other operations than this kernel was built for")

cdef enum:
    FLAG_CAPTURE = 1
    FLAG_PREFIX = 2
    FLAG_KEY = 4
    ENTRY_UNKNOWN = -1
    ENTRY_NO_LAYOUT = -2
    STOP_OPCODE = 0
    STOP_LAYOUT = 1
    STOP_LENGTH = 2
    STOP_STRING = 3
    STOP_VARIANT = 4
    STOP_MODULE_ITEM = 5
    STOP_COMMAND = 6
    BLOB_ZIPLIST = 0
    BLOB_LISTPACK = 1
    BLOB_INTSET = 2
    BLOB_ZIPMAP = 3
    CAPTURE_LIMIT = 65536
    ROW_LIMIT = 2048
    PEEK_BYTES = 32
    LINE_BYTES = 24
    LINE_DIGITS = 18
    LOOP_DEPTH = 8
    TYPES = 64
    FORMS = 3

_STOPS = (
    "rdb-opcode", "rdb-opcode-layout", "rdb-length", "rdb-string", "rdb-variant", "rdb-module-item",
    "rdb-command",
)
if _STOPS != STOP_CODES or (_CAPTURE, _PREFIX, _KEY_RECORD) != (1, 2, 4):
    raise ImportError("the layouts have other codes than this kernel was built for")

cdef struct Counts:
    uint64_t keys
    uint64_t elements
    uint64_t size
    uint64_t uncounted


cdef tuple row_tuple(RowData* row):
    return (
        row.start, row.type_at, row.key_at, row.value_at, row.end, row.number, row.form, row.db,
        row.expire, row.flags, row.idle, row.freq, row.elements,
    )


@lru_cache(maxsize=None)
def _packed(family):
    """Return the layouts of a family as the kernel keeps them: a search of damage makes many walkers."""
    table = layout_table(family)
    if len(table.entry) != 256 or len(table.flags) != 256:
        raise ValueError("a layout table has 256 entries")
    return (
        struct.pack(f"={len(table.steps)}i", *table.steps),
        struct.pack("=256i", *table.entry),
        bytes(table.flags),
    )


cdef class Walker:
    """See `aoftool.rdb.walk.walker.Walker`."""

    cdef public int64_t threshold
    cdef public uint64_t offset
    cdef public uint64_t good_end
    cdef public uint64_t item
    cdef public uint64_t skipping
    cdef public int stop_code
    cdef public int number
    cdef public uint64_t number_at
    cdef public uint64_t db
    cdef public uint64_t module_id
    cdef public int64_t template_count
    cdef public bint capture_cut
    cdef int32_t* _steps
    cdef int32_t _entry[256]
    cdef uint8_t _flags[256]
    cdef bint _want_rows
    cdef int _pc
    cdef uint64_t _count
    cdef uint64_t _register
    cdef uint64_t _loops[LOOP_DEPTH]
    cdef int _depth
    cdef bint _capturing
    cdef uint8_t* _captured
    cdef Py_ssize_t _captured_size
    cdef bint _has_prefix
    cdef uint64_t _prefix_at
    cdef int _pending
    cdef int64_t _expire
    cdef uint64_t _idle
    cdef uint64_t _freq
    cdef uint64_t _key_at
    cdef uint64_t _value_at
    cdef uint64_t _elements
    cdef int _uncounted
    cdef int _form
    cdef bint _module_seen
    cdef Counts _tally[TYPES][FORMS]
    cdef uint64_t _tallied
    cdef uint64_t _expires
    cdef int64_t _expire_first
    cdef int64_t _expire_last
    cdef RowData _last
    cdef RowData* _rows
    cdef Py_ssize_t _row_count
    cdef Py_ssize_t _row_room
    cdef const uint8_t* _at
    cdef const uint8_t* _end

    def __cinit__(self):
        self._steps = NULL
        self._captured = <uint8_t*>malloc(CAPTURE_LIMIT)
        self._rows = NULL
        if self._captured == NULL:
            raise MemoryError

    def __init__(self, family, offset, rows, threshold):
        cdef bytes steps, entry, flags
        steps, entry, flags = _packed(family)
        free(self._steps)
        self._steps = <int32_t*>malloc(len(steps))
        if self._steps == NULL:
            raise MemoryError
        memcpy(self._steps, <const char*>steps, len(steps))
        memcpy(self._entry, <const char*>entry, 256 * sizeof(int32_t))
        memcpy(self._flags, <const char*>flags, 256)
        self._want_rows = rows
        self.threshold = threshold
        self.offset = self.good_end = self.item = self.number_at = offset
        self._pc = -1
        self.template_count = -1

    def __dealloc__(self):
        free(self._steps)
        free(self._captured)
        free(self._rows)

    # --- what the driver calls

    def feed(self, const uint8_t[::1] buffer, Py_ssize_t start, Py_ssize_t end):
        """Go on over `buffer[start:end]`, which stands at `offset`."""
        cdef int status
        cdef const uint8_t* first
        cdef uint8_t nothing = 0
        if start < 0 or end < start or end > buffer.shape[0]:
            raise IndexError("feed beyond the buffer")
        first = &buffer[0] + start if buffer.shape[0] else &nothing
        self._at = first
        self._end = first + (end - start)
        with nogil:
            status = self._run(first)
        self._at = self._end = NULL
        if status < 0:
            raise MemoryError
        return status

    def captured(self):
        """Return the bytes kept of the last opcode or key, at most 64 KiB of them."""
        return self._captured[:self._captured_size]

    def take_rows(self):
        """Hand over the rows gathered since the last call."""
        cdef Py_ssize_t place
        rows = [row_tuple(&self._rows[place]) for place in range(self._row_count)]
        self._row_count = 0
        return rows

    def take_packed_rows(self):
        """Hand over the rows as an array of `RowData`, for the kernel that makes records of them."""
        packed = (<char*>self._rows)[:self._row_count * sizeof(RowData)] if self._row_count else b""
        self._row_count = 0
        return packed

    def take_tally(self):
        """Hand over the counts of the current database and start afresh."""
        cdef int kind, form
        cdef Counts* counts
        rows = []
        for kind in range(TYPES):
            for form in range(FORMS):
                counts = &self._tally[kind][form]
                if counts.keys:
                    rows.append(
                        (kind, form, counts.keys, counts.elements, counts.size, counts.uncounted)
                    )
        expires = (self._expires, self._expire_first, self._expire_last)
        memset(self._tally, 0, sizeof(self._tally))
        self._tallied = self._expires = 0
        self._expire_first = self._expire_last = 0
        return rows, expires

    @property
    def last_row(self):
        """Return the row of the last whole key."""
        return row_tuple(&self._last)

    @property
    def needed_from(self):
        """Return where the record in work begins; `offset` when there is none."""
        if self._has_prefix:
            return self._prefix_at
        if self._pc >= 0 and self._flags[self.number] & FLAG_KEY:
            return self.number_at
        return self.offset

    @property
    def template_id(self):
        """Return the template that a `TEMPLATE` status asks for."""
        return self._register

    # --- the machine

    cdef int _run(self, const uint8_t* first) noexcept nogil:
        cdef uint64_t base = self.offset
        cdef int status
        while True:
            if self.skipping and not self._skip_on():
                status = MORE
                break
            self.item = base + <uint64_t>(self._at - first)
            status = self._dispatch() if self._pc < 0 else self._step()
            if status:
                break
        self.offset = base + <uint64_t>(self._at - first)
        return status

    cdef inline bint _skip_on(self) noexcept nogil:
        cdef uint64_t there = <uint64_t>(self._end - self._at)
        if self.skipping < there:
            there = self.skipping
        self._take(<Py_ssize_t>there)
        self.skipping -= there
        return self.skipping == 0

    cdef inline void _take(self, Py_ssize_t size) noexcept nogil:
        cdef Py_ssize_t room
        if self._capturing:
            room = CAPTURE_LIMIT - self._captured_size
            if size > room:
                self.capture_cut = True
            else:
                room = size
            memcpy(self._captured + self._captured_size, self._at, room)
            self._captured_size += room
        self._at += size

    cdef inline int _fail(self, int code) noexcept nogil:
        self.stop_code = code
        return DAMAGE

    cdef int _dispatch(self) noexcept nogil:
        cdef int number, flags
        if self._at >= self._end:
            return MORE
        number = self._at[0]
        self.number = number
        self.number_at = self.item
        if self._entry[number] == ENTRY_UNKNOWN:
            return self._fail(STOP_OPCODE)
        if self._entry[number] == ENTRY_NO_LAYOUT:
            return self._fail(STOP_LAYOUT)
        flags = self._flags[number]
        if flags & FLAG_PREFIX:
            if not self._has_prefix:
                self._has_prefix = True
                self._prefix_at = self.item
        elif not flags & FLAG_KEY:
            self._has_prefix = False
        self._capturing = (flags & (FLAG_CAPTURE | FLAG_KEY)) != 0
        self._captured_size = 0
        self.capture_cut = False
        self._elements = 0
        self._uncounted = self._form = 0
        self._take(1)
        self._pc = self._entry[number]
        return GO_ON

    cdef int _step(self) noexcept nogil:
        cdef const int32_t* step = self._steps + self._pc * 3
        cdef int op = step[0]
        cdef int a = step[1]
        cdef int b = step[2]
        if op == OP_STRING:
            return self._string(NULL)
        if op == OP_KEY:
            self._key_at = self.item
            return self._string(NULL)
        if op == OP_VALUE:
            self._value_at = self.item
            self._capturing = False
            self._pc += 1
            return GO_ON
        if op == OP_STRING_VALUE:
            return self._string(&self._form)
        if op == OP_ADD:
            self._elements += <uint64_t>a
            self._pc += 1
            return GO_ON
        if op == OP_END_KEY:
            return self._end_key()
        if op == OP_NEXT:
            self._loops[self._depth - 1] -= 1
            if self._loops[self._depth - 1]:
                self._pc = a
            else:
                self._depth -= 1
                self._pc += 1
            return GO_ON
        if op == OP_BLOB:
            return self._blob(a, b)
        if op == OP_SKIP:
            if self._end - self._at < a:
                return MORE
            return self._over(a)
        if op == OP_CASE:
            self._pc = b if self._register == <uint64_t>a else self._pc + 1
            return GO_ON
        if op == OP_JUMP:
            self._pc = a
            return GO_ON
        if op == OP_COUNTED:
            return self._enter(self._count, a, b)
        if op == OP_END_OPCODE:
            return self._end_opcode()
        if op == OP_FAIL:
            return self._fail(a)
        if op == OP_END_FILE:
            return END
        if op == OP_EXPIRE_MS:
            return self._expire_time(8)
        if op == OP_EXPIRE_S:
            return self._expire_time(4)
        if op == OP_MODULE_ITEM:
            return self._module_item()
        if op == OP_RESP_COUNT:
            return self._resp_line(0x2A)
        if op == OP_RESP_BULK:
            return self._resp_line(0x24)
        if op == OP_BLOB_COUNT:
            return self._blob_names()
        if op == OP_SCORE:
            return self._score()
        if op == OP_FREQ:
            return self._freq_byte()
        return self._length_step(op, a, b)

    cdef inline int _over(self, Py_ssize_t size) noexcept nogil:
        self._take(size)
        self._pc += 1
        return GO_ON

    # Steps that start with one length.
    cdef int _length_step(self, int op, int a, int b) noexcept nogil:
        cdef uint64_t value = 0
        cdef int size = read_length(self._at, self._end, &value)
        if op == OP_READ or op == OP_COUNT:
            # As the reference: the register is 0 while the length is not there.
            if op == OP_READ:
                self._register = value if size > 0 else 0
            else:
                self._count = value if size > 0 else 0
        if size == 0:
            return MORE
        if size < 0:
            return self._fail(STOP_LENGTH)
        if op == OP_LOOP:
            self._take(size)
            return self._enter(value, a, b)
        if op == OP_ELEMENTS:
            self._elements += value
        elif op == OP_IDLE:
            self._idle = value
            self._pending |= 2
        elif op == OP_SELECT:
            if self._tallied:
                return DATABASE
            self.db = value
        elif op == OP_MODULE_ID:
            if value != self.module_id or not self._module_seen:
                self.module_id = value
                self._module_seen = True
                return MODULE
        elif op == OP_TEMPLATE:
            if self.template_count < 0:
                self._register = value
                return TEMPLATE
            self._count = <uint64_t>self.template_count
            self.template_count = -1
        return self._over(size)

    cdef inline int _enter(self, uint64_t rounds, int after, int elements) noexcept nogil:
        if elements:
            self._elements += rounds
        if rounds == 0:
            self._pc = after
        else:
            self._loops[self._depth] = rounds
            self._depth += 1
            self._pc += 1
        return GO_ON

    # Bytes of the frame of the string at `at`; 0 asks for more input, below 0 is a status to return.
    cdef int _frame(self, const uint8_t* at, uint64_t* payload, int* form) noexcept nogil:
        cdef int size, more
        cdef uint64_t unpacked = 0
        if at >= self._end:
            return 0
        if at[0] < 0xC0:
            form[0] = 0
            size = read_length(at, self._end, payload)
            if size < 0:
                self.stop_code = STOP_LENGTH
            return size
        if at[0] < 0xC3:
            form[0] = 1
            payload[0] = <uint64_t>1 << (at[0] & 3)
            return 1
        if at[0] > 0xC3:
            self.stop_code = STOP_STRING
            return -1
        form[0] = 2
        size = read_length(at + 1, self._end, payload)
        more = read_length(at + 1 + size, self._end, &unpacked) if size > 0 else size
        if more < 0:
            self.stop_code = STOP_LENGTH
        return more if more <= 0 else 1 + size + more

    cdef inline int _string(self, int* note) noexcept nogil:
        cdef uint64_t payload = 0
        cdef int form = 0
        cdef int size = self._frame(self._at, &payload, &form)
        if size <= 0:
            return MORE if size == 0 else DAMAGE
        if note != NULL:
            note[0] = form
        self._take(size)
        self.skipping = payload
        self._pc += 1
        return GO_ON

    cdef int _blob(self, int kind, int b) noexcept nogil:
        cdef uint64_t payload = 0
        cdef int64_t count = -1, bias = b >> 8
        cdef int header = self._blob_count(kind, &payload, &count)
        if header <= 0:
            return MORE if header == 0 else DAMAGE
        if count < 0:
            self._uncounted = 1
        elif count > bias:
            self._elements += <uint64_t>((count - bias) // (b & 0xFF))
        return self._pass(header, payload)

    cdef int _blob_names(self) noexcept nogil:
        cdef uint64_t payload = 0
        cdef int64_t count = -1
        cdef int header = self._blob_count(BLOB_LISTPACK, &payload, &count)
        if header <= 0:
            return MORE if header == 0 else DAMAGE
        if count < 0:
            return self._fail(STOP_VARIANT)
        self._count = <uint64_t>count
        return self._pass(header, payload)

    cdef inline int _pass(self, Py_ssize_t header, uint64_t payload) noexcept nogil:
        self._take(header)
        self.skipping = payload
        self._pc += 1
        return GO_ON

    # Bytes of the frame as _frame; the count stays -1 where the header does not say.
    cdef int _blob_count(self, int kind, uint64_t* payload, int64_t* count) noexcept nogil:
        cdef int form = 0
        cdef int header = self._frame(self._at, payload, &form)
        cdef const uint8_t* head
        cdef uint8_t unpacked[64]
        cdef Py_ssize_t there, needed
        if header <= 0:
            return header
        head = self._at + header
        there = PEEK_BYTES if payload[0] > PEEK_BYTES else <Py_ssize_t>payload[0]
        if self._end - head < there:
            return 0
        if form == 1:
            return header
        needed = 10
        if kind == BLOB_LISTPACK:
            needed = 6
        elif kind == BLOB_INTSET:
            needed = 8
        elif kind == BLOB_ZIPMAP:
            needed = 1
        if form == 2:
            there = unpack_head(head, there, unpacked, needed)
            head = unpacked
        if there < needed:
            return header
        if kind == BLOB_INTSET:
            count[0] = <int64_t>little_endian(head + 4, 4)
        elif kind == BLOB_ZIPMAP:
            if head[0] < 254:
                count[0] = head[0]
        else:
            count[0] = <int64_t>little_endian(head + (8 if kind == BLOB_ZIPLIST else 4), 2)
            if count[0] == 0xFFFF:
                count[0] = -1
        return header

    cdef int _score(self) noexcept nogil:
        if self._at >= self._end:
            return MORE
        return self._pass(1, self._at[0] if self._at[0] < 253 else 0)

    cdef int _freq_byte(self) noexcept nogil:
        if self._at >= self._end:
            return MORE
        self._freq = self._at[0]
        self._pending |= 4
        return self._over(1)

    cdef int _expire_time(self, int size) noexcept nogil:
        cdef uint64_t value
        if self._end - self._at < size:
            return MORE
        value = little_endian(self._at, size)
        self._expire = <int64_t>value if size == 8 else <int64_t><int32_t>value * 1000
        self._pending |= 1
        return self._over(size)

    cdef int _module_item(self) noexcept nogil:
        cdef uint64_t kind = 0, payload = 0
        cdef int size, rest = 0, form = 0
        size = read_length(self._at, self._end, &kind)
        if size <= 0:
            return MORE if size == 0 else self._fail(STOP_LENGTH)
        if kind == 0:
            return self._over(size)
        if kind <= 2:
            rest = read_length(self._at + size, self._end, &payload)
            if rest <= 0:
                return MORE if rest == 0 else self._fail(STOP_LENGTH)
            payload = 0
        elif kind <= 4:
            payload = 4 if kind == 3 else 8
        elif kind == 5:
            rest = self._frame(self._at + size, &payload, &form)
            if rest <= 0:
                return MORE if rest == 0 else DAMAGE
        else:
            return self._fail(STOP_MODULE_ITEM)
        self._take(size + rest)
        self.skipping = payload
        return GO_ON

    cdef int _resp_line(self, uint8_t mark) noexcept nogil:
        cdef Py_ssize_t there = self._end - self._at, stop = -1, place
        cdef uint64_t value = 0
        if mark == 0x2A:
            # As the reference: the register is 0 while the line is not there.
            self._count = 0
        if there > LINE_BYTES:
            there = LINE_BYTES
        if there <= 0:
            return MORE
        for place in range(there - 1):
            if self._at[place] == 0x0D and self._at[place + 1] == 0x0A:
                stop = place
                break
        if self._at[0] != mark or (stop < 0 and there == LINE_BYTES):
            return self._fail(STOP_COMMAND)
        if stop < 0:
            return MORE
        if stop < 2 or stop > LINE_DIGITS + 1:
            return self._fail(STOP_COMMAND)
        for place in range(1, stop):
            if not 0x30 <= self._at[place] <= 0x39:
                return self._fail(STOP_COMMAND)
            value = value * 10 + (self._at[place] - 0x30)
        if mark == 0x2A:
            self._count = value
            return self._over(stop + 2)
        return self._pass(stop + 2, value + 2)

    cdef int _end_opcode(self) noexcept nogil:
        cdef int flags = self._flags[self.number]
        self._pc = -1
        self._capturing = False
        if not flags & FLAG_PREFIX and not self._pending:
            self.good_end = self.item
        return OPCODE if flags & FLAG_CAPTURE else GO_ON

    cdef int _end_key(self) noexcept nogil:
        cdef RowData* row = &self._last
        self._pc = -1
        self._capturing = False
        row.start = self._prefix_at if self._has_prefix else self.number_at
        row.type_at = self.number_at
        row.key_at = self._key_at
        row.value_at = self._value_at
        row.end = self.item
        row.number = <uint64_t>self.number
        row.form = <uint64_t>self._form
        row.db = self.db
        row.expire = self._expire
        row.flags = <uint64_t>(self._pending | self._uncounted << 3)
        row.idle = self._idle
        row.freq = self._freq
        row.elements = self._elements
        self._count_key(row.end - row.start)
        self._has_prefix = False
        self._pending = 0
        self._expire = 0
        self._idle = self._freq = 0
        self.good_end = row.end
        if self._want_rows and not self._keep_row():
            return -1
        if self.threshold >= 0 and row.end - row.start > <uint64_t>self.threshold:
            return LARGE
        return ROWS if self._row_count >= ROW_LIMIT else GO_ON

    cdef inline void _count_key(self, uint64_t size) noexcept nogil:
        cdef Counts* counts = &self._tally[self.number][self._form]
        counts.keys += 1
        counts.elements += self._elements
        counts.size += size
        counts.uncounted += <uint64_t>self._uncounted
        self._tallied += 1
        if self._pending & 1:
            if not self._expires or self._expire < self._expire_first:
                self._expire_first = self._expire
            if not self._expires or self._expire > self._expire_last:
                self._expire_last = self._expire
            self._expires += 1

    cdef bint _keep_row(self) noexcept nogil:
        cdef RowData* grown
        cdef Py_ssize_t room
        if self._row_count == self._row_room:
            room = self._row_room * 2 if self._row_room else ROW_LIMIT
            grown = <RowData*>realloc(self._rows, room * sizeof(RowData))
            if grown == NULL:
                return False
            self._rows = grown
            self._row_room = room
        self._rows[self._row_count] = self._last
        self._row_count += 1
        return True


# Unpack the first bytes of an LZF stream; returns how many there are, at least `needed` if possible.
cdef Py_ssize_t unpack_head(
    const uint8_t* packed, Py_ssize_t end, uint8_t* out, Py_ssize_t needed
) noexcept nogil:
    cdef Py_ssize_t at = 0, made = 0, length, distance, place
    cdef uint8_t control
    while at < end and made < needed:
        control = packed[at]
        at += 1
        if control < 32:
            length = control + 1
            if length > end - at:
                length = end - at
            memcpy(out + made, packed + at, length)
            made += length
            at += control + 1
            continue
        length = control >> 5
        if length == 7:
            if at < end:
                length += packed[at]
            at += 1
        if at >= end:
            break
        distance = (<Py_ssize_t>(control & 31) << 8 | packed[at]) + 1
        at += 1
        if distance > made:
            break
        length += 2
        for place in range(length if length < needed else needed):
            out[made] = out[made - distance]
            made += 1
    return made
