"""The forward pass over canonical commands: parse, look up the form, number the keys, add the row.

Twin of `_trace_py` together with the Python class that drives it (`trace`): commands that are rare or
not simple are handed back one at a time, so their rules are written once. Releases the GIL.
"""

from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy, memset

from aoftool.columns import zeros
from aoftool.liveness._keys_cy cimport KeyTable, aof_word
from aoftool.liveness.model import LAST, Chunk

MORE = 0
SLOW = 1
IRREGULAR = 2
FULL = 3
# Commands obeyed here.
SELECTS = 1
OPENS = 2
CLOSES = 3
# Whether a transaction is open, and on which side its start is remembered.
CLOSED = 0
OPENED_HERE = 1
OPENED_THERE = 2

cdef enum:
    R_MORE = 0
    R_SLOW = 1
    R_IRREGULAR = 2
    R_FULL = 3
    R_MEMORY = 4
    OP_NOTHING = 0
    OP_FRAMING = 1
    REF_READS = 3
    REF_LAST = 0x80
    FATE_LIVE = 0
    RULES = 3
    WORDS = 4
    WORD_SIZE = 8
    NAME_SIZE = 24
    FORMS = 8
    DO_SELECT = 1
    DO_OPEN = 2
    DO_CLOSE = 3
    NAME_SLOTS = 2048
    PENDING = 64
    REMEMBERED = 64

cdef struct Rule:
    bint counted
    int64_t first
    int64_t last
    int64_t step
    uint8_t effect

cdef struct Form:
    bint slow
    int64_t argc
    int64_t modulus
    int64_t rest
    int64_t word_at
    int word_count
    int word_sizes[WORDS]
    uint8_t words[WORDS][WORD_SIZE]
    int64_t int_at
    int64_t int_min
    int64_t int_max
    int rule_count
    Rule rules[RULES]
    uint8_t one_op
    uint8_t many_op
    int64_t trim_step

# A key that waits for its number: the cells it leads to are fetched meanwhile.
cdef struct Pending:
    uint64_t hashed
    uint64_t at
    uint64_t size
    uint32_t home
    bint is_ref
    uint64_t target

cdef struct Name:
    int size
    uint8_t text[NAME_SIZE]
    int number
    int obeyed
    int form_count
    Form forms[FORMS]


# Where a name as it stands in the log was found: its bytes as a number.
cdef struct Spelling:
    uint64_t word
    uint64_t size
    int found


cdef class Memory:
    """A piece of memory from malloc that frees itself."""

    cdef void *data
    cdef Py_ssize_t size

    def __dealloc__(self):
        free(self.data)

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.data, self.size, 0, flags)


cdef object _taken(void **place, uint64_t count, str kind, uint64_t cell):
    """Return the memory at a place as a column of so many cells, which it is cut to and belongs to."""
    cdef Memory memory = Memory()
    cdef uint64_t size = count * cell
    cdef void *moved
    memory.data = place[0]
    memory.size = size
    place[0] = NULL
    if count == 0:
        return zeros(kind, 0)
    moved = realloc(memory.data, size)
    if moved != NULL:
        memory.data = moved
    return memoryview(memory).cast(kind)


cdef class Rows:
    """Rows of one file under construction, in growing C arrays. Twin of `rows.Rows`."""

    cdef public int file
    cdef int64_t *offsets
    cdef uint16_t *names
    cdef uint8_t *ops
    cdef uint32_t *keys
    cdef uint64_t count
    cdef uint64_t room
    cdef uint32_t *ref_keys
    cdef uint8_t *ref_effects
    cdef uint32_t *ref_sizes
    cdef uint64_t ref_count
    cdef uint64_t ref_room
    cdef bytes start_fates

    def __cinit__(self, int file, int64_t start, bytes start_fates):
        self.file = file
        self.start_fates = start_fates
        self._renew(start)

    cdef int _renew(self, int64_t start) except -1:
        """Begin with empty columns; those there were belong to somebody else."""
        self.count = self.ref_count = 0
        self.room = self.ref_room = 4096
        self.offsets = <int64_t *>malloc((self.room + 1) * sizeof(int64_t))
        self.names = <uint16_t *>malloc(self.room * sizeof(uint16_t))
        self.ops = <uint8_t *>malloc(self.room)
        self.keys = <uint32_t *>malloc(self.room * sizeof(uint32_t))
        self.ref_keys = <uint32_t *>malloc(self.ref_room * sizeof(uint32_t))
        self.ref_effects = <uint8_t *>malloc(self.ref_room)
        self.ref_sizes = <uint32_t *>malloc(self.ref_room * sizeof(uint32_t))
        if not (self.offsets and self.names and self.ops and self.keys):
            raise MemoryError
        if not (self.ref_keys and self.ref_effects and self.ref_sizes):
            raise MemoryError
        self.offsets[0] = start
        return 0

    def __dealloc__(self):
        free(self.offsets)
        free(self.names)
        free(self.ops)
        free(self.keys)
        free(self.ref_keys)
        free(self.ref_effects)
        free(self.ref_sizes)

    def __len__(self):
        return self.count

    @property
    def end(self):
        """Offset behind the last row."""
        return self.offsets[self.count]

    cdef bint ensure(self) noexcept nogil:
        cdef void *moved
        if self.count < self.room:
            return True
        self.room *= 2
        moved = realloc(self.offsets, (self.room + 1) * sizeof(int64_t))
        if not moved:
            return False
        self.offsets = <int64_t *>moved
        moved = realloc(self.names, self.room * sizeof(uint16_t))
        if not moved:
            return False
        self.names = <uint16_t *>moved
        moved = realloc(self.ops, self.room)
        if not moved:
            return False
        self.ops = <uint8_t *>moved
        moved = realloc(self.keys, self.room * sizeof(uint32_t))
        if not moved:
            return False
        self.keys = <uint32_t *>moved
        return True

    cdef bint ensure_refs(self, uint64_t more) noexcept nogil:
        cdef void *moved
        if self.ref_count + more <= self.ref_room:
            return True
        self.ref_room = self.ref_room * 2 + more
        moved = realloc(self.ref_keys, self.ref_room * sizeof(uint32_t))
        if not moved:
            return False
        self.ref_keys = <uint32_t *>moved
        moved = realloc(self.ref_effects, self.ref_room)
        if not moved:
            return False
        self.ref_effects = <uint8_t *>moved
        moved = realloc(self.ref_sizes, self.ref_room * sizeof(uint32_t))
        if not moved:
            return False
        self.ref_sizes = <uint32_t *>moved
        return True

    cdef bint append(self, int64_t end, uint16_t name, uint8_t op, uint32_t key) noexcept nogil:
        if not self.ensure():
            return False
        self.names[self.count] = name
        self.ops[self.count] = op
        self.keys[self.count] = key
        self.count += 1
        self.offsets[self.count] = end
        return True

    def add(self, int64_t end, int name, int op, key=0, refs=()):
        """Add the row that ends at `end`; with refs, `key` is set to the first of them."""
        cdef uint32_t first = <uint32_t>(self.ref_count if refs else key)
        if refs:
            if not self.ensure_refs(len(refs)):
                raise MemoryError
            for number, effect, size in refs:
                self.ref_keys[self.ref_count] = number
                self.ref_effects[self.ref_count] = effect
                self.ref_sizes[self.ref_count] = min(size, 0xFFFFFFFF)
                self.ref_count += 1
            self.ref_effects[self.ref_count - 1] |= REF_LAST
        if not self.append(end, name, op, first):
            raise MemoryError

    def seal(self):
        """Return the rows as a chunk and start afresh where they end."""
        cdef int64_t end = self.offsets[self.count]
        cdef uint64_t row, count = self.count
        cdef const uint8_t[::1] start = self.start_fates
        cdef const uint8_t[::1] ops
        fate_column = zeros("B", count)
        cdef uint8_t[::1] fates = fate_column
        columns = [
            _taken(<void **>&self.offsets, count + 1, "q", sizeof(int64_t)),
            _taken(<void **>&self.names, count, "H", sizeof(uint16_t)),
            _taken(<void **>&self.ops, count, "B", sizeof(uint8_t)),
            _taken(<void **>&self.keys, count, "I", sizeof(uint32_t)),
            _taken(<void **>&self.ref_keys, self.ref_count, "I", sizeof(uint32_t)),
            _taken(<void **>&self.ref_effects, self.ref_count, "B", sizeof(uint8_t)),
            _taken(<void **>&self.ref_sizes, self.ref_count, "I", sizeof(uint32_t)),
        ]
        self._renew(end)
        ops = columns[2]
        with nogil:
            for row in range(count):
                fates[row] = start[ops[row]]
        return Chunk(
            file=self.file,
            offsets=columns[0],
            names=columns[1],
            ops=columns[2],
            keys=columns[3],
            fates=fate_column,
            ref_keys=columns[4],
            ref_effects=columns[5],
            ref_sizes=columns[6],
        )


cdef class Feeder:
    """Run over buffers of a log and fill rows, until a command needs the Python side.

    Args:
        keys: the key table to number keys in.
        specs: upper-case name to forms, as `compiled_forms` gives them.
        obeyed: names that are obeyed here, as SELECTS, OPENS or CLOSES.
        databases: databases of the target.
        chunk_rows: rows after which a chunk is full.
    """

    cdef KeyTable keys
    cdef Name *names
    cdef int name_count
    cdef int *name_slots
    cdef int64_t databases
    cdef uint64_t chunk_rows
    cdef uint64_t *starts
    cdef uint64_t *sizes
    cdef uint64_t span_room
    cdef uint64_t argc
    cdef readonly int64_t selected
    cdef public int transaction
    cdef readonly uint64_t transaction_row
    cdef readonly int64_t transaction_selected
    cdef bint all_slow
    cdef uint32_t *physical
    cdef uint64_t command_end
    cdef Pending pending[PENDING]
    cdef int pending_count
    cdef Spelling spellings[REMEMBERED]

    def __cinit__(self, KeyTable keys, dict specs, dict obeyed, int64_t databases, uint64_t chunk_rows):
        self.keys = keys
        self.databases = databases
        self.chunk_rows = chunk_rows
        self.span_room = 1024
        self.starts = <uint64_t *>malloc(self.span_room * sizeof(uint64_t))
        self.sizes = <uint64_t *>malloc(self.span_room * sizeof(uint64_t))
        self.names = <Name *>calloc(len(specs) + len(obeyed), sizeof(Name))
        self.name_slots = <int *>calloc(NAME_SLOTS, sizeof(int))
        self.physical = <uint32_t *>malloc(databases * sizeof(uint32_t))
        if not (self.starts and self.sizes and self.names and self.name_slots and self.physical):
            raise MemoryError
        for name, forms in specs.items():
            self._load(name, forms)
        for name, role in obeyed.items():
            self._load(name, [])
            self.names[self.name_count - 1].obeyed = role
        self.sync(0, {}, False)

    def __dealloc__(self):
        free(self.starts)
        free(self.sizes)
        free(self.names)
        free(self.name_slots)
        free(self.physical)

    def _load(self, bytes name, list specs):
        cdef Name *entry = &self.names[self.name_count]
        cdef uint32_t at = _name_hash(name, len(name))
        if len(name) > NAME_SIZE or len(specs) > FORMS or self.name_count >= NAME_SLOTS // 2:
            raise ValueError("the effect table outgrew the compiled pass")
        entry.size = len(name)
        memcpy(entry.text, <const char *>name, len(name))
        entry.number = -1
        entry.form_count = len(specs)
        for index, spec in enumerate(specs):
            _load_form(&entry.forms[index], spec)
        while self.name_slots[at % NAME_SLOTS]:
            at += 1
        self.name_count += 1
        self.name_slots[at % NAME_SLOTS] = self.name_count

    def number_name(self, bytes name, int number):
        """Tell the number a name has in the trace; until then its commands are handed back."""
        cdef int found = self._find(name, len(name))
        if found >= 0:
            self.names[found].number = number

    def sync(self, int64_t selected, dict numbering, bint all_slow):
        """Take over the state of the Python side.

        Args:
            selected: selected database number.
            numbering: database numbers that stand for another physical database.
            all_slow: hand back every command.
        """
        cdef int64_t number
        self.selected = selected
        self.all_slow = all_slow
        for number in range(self.databases):
            self.physical[number] = <uint32_t>number
        for at, physical in numbering.items():
            self.physical[at] = physical

    def select(self, int64_t selected, bint all_slow):
        """Take over the selected database when the numbering did not change."""
        self.selected = selected
        self.all_slow = all_slow

    def argv(self, const uint8_t[::1] data):
        """Return the arguments of the command that was handed back, and where it ends."""
        cdef uint64_t index
        return [
            bytes(data[self.starts[index] : self.starts[index] + self.sizes[index]])
            for index in range(self.argc)
        ], self.command_end

    def run(self, Rows rows, const uint8_t[::1] data, uint64_t start, int64_t base):
        """Read commands of `data` from `start` on, `data` starting at offset `base` of the file.

        Returns:
            (reason, position): MORE when the data ends inside a command, SLOW for a command to be
            handed to the reference, IRREGULAR for one that is not canonical, FULL for a full chunk.
        """
        cdef uint64_t position = start
        cdef int reason
        cdef const uint8_t *bytes_ = &data[0] if data.shape[0] else NULL
        with nogil:
            reason = self._run(rows, bytes_, data.shape[0], &position, base)
            if not self._settle(rows, bytes_):
                reason = R_MEMORY
        if reason == R_MEMORY:
            raise MemoryError("no memory for the trace")
        return reason, position

    cdef int _run(
        self, Rows rows, const uint8_t *data, uint64_t size, uint64_t *position, int64_t base
    ) noexcept nogil:
        cdef uint64_t at = position[0]
        cdef const void *line
        cdef int reason
        while True:
            position[0] = at
            if at >= size:
                return R_MORE
            if data[at] == c'#':
                line = memchr(data + at, c'\n', size - at)
                if line == NULL:
                    return R_MORE
                at = <uint64_t>(<const uint8_t *>line - data) + 1
                continue
            if rows.count >= self.chunk_rows:
                return R_FULL
            if base + <int64_t>at > rows.offsets[rows.count]:
                if not rows.append(base + <int64_t>at, 0, OP_FRAMING, 0):
                    return R_MEMORY
                continue
            reason = self._parse(data, size, at)
            if reason != R_FULL:
                return reason
            if self.all_slow:
                return R_SLOW
            reason = self._classify(rows, data, base + <int64_t>self.command_end)
            if reason != R_FULL:
                return reason
            at = self.command_end

    cdef int _parse(self, const uint8_t *data, uint64_t size, uint64_t at) noexcept nogil:
        """Find the spans of one canonical command; R_FULL when it is whole."""
        cdef uint64_t count, length, index
        cdef int reason
        if data[at] != c'*':
            return R_IRREGULAR
        reason = _number(data, size, &at, &count)
        if reason != R_FULL:
            return reason
        if count == 0:
            return R_IRREGULAR
        for index in range(count):
            if at >= size:
                return R_MORE
            if data[at] != c'$':
                return R_IRREGULAR
            reason = _number(data, size, &at, &length)
            if reason != R_FULL:
                return reason
            if length > size or at + length + 2 > size:
                return R_MORE
            if data[at + length] != c'\r' or data[at + length + 1] != c'\n':
                return R_IRREGULAR
            if index >= self.span_room and not self._more_spans():
                return R_MEMORY
            self.starts[index] = at
            self.sizes[index] = length
            at += length + 2
        self.argc = count
        self.command_end = at
        return R_FULL

    cdef bint _more_spans(self) noexcept nogil:
        cdef void *moved
        self.span_room *= 2
        moved = realloc(self.starts, self.span_room * sizeof(uint64_t))
        if not moved:
            return False
        self.starts = <uint64_t *>moved
        moved = realloc(self.sizes, self.span_room * sizeof(uint64_t))
        if not moved:
            return False
        self.sizes = <uint64_t *>moved
        return True

    cdef int _find(self, const uint8_t *text, uint64_t size) noexcept nogil:
        cdef uint8_t upper[NAME_SIZE]
        cdef uint64_t index
        cdef uint32_t at
        cdef int found
        if size > NAME_SIZE:
            return -1
        for index in range(size):
            upper[index] = text[index] - 32 if c'a' <= text[index] <= c'z' else text[index]
        at = _name_hash(upper, size)
        while True:
            found = self.name_slots[at % NAME_SLOTS]
            if found == 0:
                return -1
            if self.names[found - 1].size == <int>size and memcmp(self.names[found - 1].text, upper, size) == 0:
                return found - 1
            at += 1

    cdef inline int _find_again(self, const uint8_t *data) noexcept nogil:
        """Find the name of the parsed command; short ones are remembered as they are spelled."""
        cdef uint64_t size = self.sizes[0]
        cdef uint64_t word
        cdef Spelling *spelling
        if size == 0 or size > 8 or self.starts[0] + 8 > self.command_end:
            return self._find(data + self.starts[0], size)
        word = aof_word(data + self.starts[0]) << (64 - 8 * size)
        spelling = &self.spellings[(word * <uint64_t>0x9E3779B97F4A7C15) >> 58]
        if spelling.word != word or spelling.size != size:
            spelling.found = self._find(data + self.starts[0], size)
            spelling.word = word
            spelling.size = size
        return spelling.found

    cdef int _classify(self, Rows rows, const uint8_t *data, int64_t end) noexcept nogil:
        """Add the row of the parsed command; R_FULL when it is done, R_SLOW when it is not simple."""
        cdef int found = self._find_again(data)
        cdef Name *name
        cdef Form *form
        cdef int index
        if found < 0:
            return R_SLOW
        name = &self.names[found]
        if name.number < 0:
            return R_SLOW
        if name.obeyed == DO_SELECT:
            return self._select(rows, name, data, end)
        if name.obeyed:
            return self._mark(rows, name, end)
        for index in range(name.form_count):
            form = &name.forms[index]
            if form.slow:
                return R_SLOW
            if self._holds(form, data):
                return self._add(rows, name, form, data, end)
        return R_SLOW

    cdef int _select(
        self, Rows rows, Name *name, const uint8_t *data, int64_t end
    ) noexcept nogil:
        cdef int64_t number
        if self.argc != 2:
            return R_SLOW
        if not _canonical(data + self.starts[1], self.sizes[1], &number):
            return R_SLOW
        if not 0 <= number < self.databases:
            return R_SLOW
        self.selected = number
        return self._row(rows, name.number, OP_FRAMING, 0, end)

    cdef int _mark(self, Rows rows, Name *name, int64_t end) noexcept nogil:
        """Obey a transaction marker; a nested MULTI and a lone EXEC change nothing."""
        if name.obeyed == DO_CLOSE:
            self.transaction = 0
        elif self.transaction == 0:
            self.transaction = 1
            self.transaction_row = rows.count
            self.transaction_selected = self.selected
        return self._row(rows, name.number, OP_FRAMING, 0, end)

    cdef bint _holds(self, Form *form, const uint8_t *data) noexcept nogil:
        cdef int64_t number
        cdef int index
        cdef bint same
        if form.argc >= 0 and <int64_t>self.argc != form.argc:
            return False
        if form.modulus > 0 and (
            <int64_t>self.argc % form.modulus != form.rest or <int64_t>self.argc <= form.modulus
        ):
            return False
        if form.word_at >= 0:
            if form.word_at >= <int64_t>self.argc:
                return False
            same = False
            for index in range(form.word_count):
                if _same_word(
                    data + self.starts[form.word_at],
                    self.sizes[form.word_at],
                    form.words[index],
                    form.word_sizes[index],
                ):
                    same = True
            if not same:
                return False
        if form.int_at >= 0:
            if form.int_at >= <int64_t>self.argc:
                return False
            if not _canonical(data + self.starts[form.int_at], self.sizes[form.int_at], &number):
                return False
            if not form.int_min <= number <= form.int_max:
                return False
        return True

    cdef int _row(self, Rows rows, int name, uint8_t op, uint32_t key, int64_t end) noexcept nogil:
        return R_FULL if rows.append(end, <uint16_t>name, op, key) else R_MEMORY

    cdef int _add(
        self, Rows rows, Name *name, Form *form, const uint8_t *data, int64_t end
    ) noexcept nogil:
        cdef uint64_t total = 0
        cdef bint writes = False
        cdef int index
        cdef int64_t first, last, at, step
        cdef int64_t number
        cdef uint32_t home
        cdef uint64_t ref
        cdef int64_t one = 0
        for index in range(form.rule_count):
            self._range(&form.rules[index], data, &first, &last)
            if last >= first:
                step = form.rules[index].step
                total += (last - first) // step + 1
                one = first
                if form.rules[index].effect != REF_READS:
                    writes = True
        if not writes:
            return self._row(rows, name.number, OP_NOTHING, 0, end)
        home = self.physical[self.selected]
        if total == 1:
            if self.pending_count == PENDING and not self._settle(rows, data):
                return R_MEMORY
            self._await(data, one, home, False, rows.count)
            return self._row(rows, name.number, form.one_op, 0, end)
        if not rows.ensure_refs(total):
            return R_MEMORY
        ref = rows.ref_count
        for index in range(form.rule_count):
            self._range(&form.rules[index], data, &first, &last)
            at = first
            while at <= last:
                if self.pending_count == PENDING and not self._settle(rows, data):
                    return R_MEMORY
                self._await(data, at, home, True, ref)
                rows.ref_effects[ref] = form.rules[index].effect
                rows.ref_sizes[ref] = self._size_of(at, form.trim_step)
                ref += 1
                at += form.rules[index].step
        rows.ref_effects[ref - 1] |= REF_LAST
        number = <int64_t>rows.ref_count
        rows.ref_count = ref
        return self._row(rows, name.number, form.many_op, <uint32_t>number, end)

    cdef inline void _await(
        self, const uint8_t *data, uint64_t argument, uint32_t home, bint is_ref, uint64_t target
    ) noexcept nogil:
        """Put a key in the queue for a number that goes to a row, or to a ref."""
        cdef Pending *entry = &self.pending[self.pending_count]
        entry.at = self.starts[argument]
        entry.size = self.sizes[argument]
        entry.home = home
        entry.is_ref = is_ref
        entry.target = target
        entry.hashed = self.keys.hash(home, data + entry.at, entry.size)
        self.keys.prefetch(entry.hashed)
        self.pending_count += 1

    cdef bint _settle(self, Rows rows, const uint8_t *data) noexcept nogil:
        """Number the keys in the queue, in order; false when there is no memory."""
        cdef int index
        cdef int64_t number
        cdef Pending *entry
        for index in range(self.pending_count):
            self.keys.prefetch_entry(self.pending[index].hashed)
        for index in range(self.pending_count):
            self.keys.prefetch_name(self.pending[index].hashed)
        for index in range(self.pending_count):
            entry = &self.pending[index]
            number = self.keys.find_hashed(entry.hashed, entry.home, data + entry.at, entry.size, True)
            if number < 0:
                return False
            if entry.is_ref:
                rows.ref_keys[entry.target] = <uint32_t>number
            else:
                rows.keys[entry.target] = <uint32_t>number
        self.pending_count = 0
        return True

    cdef uint32_t _size_of(self, uint64_t at, int64_t step) noexcept nogil:
        """Bytes of a key and what goes with it, in canonical form."""
        cdef uint64_t total = 0, index
        for index in range(at, min(at + <uint64_t>step, self.argc)):
            total += self.sizes[index] + 5 + _digits(self.sizes[index])
        return <uint32_t>min(total, <uint64_t>0xFFFFFFFF)

    cdef void _range(
        self, Rule *rule, const uint8_t *data, int64_t *first, int64_t *last
    ) noexcept nogil:
        """Key positions of a rule, never beyond the arguments that are there."""
        cdef int64_t argc = <int64_t>self.argc
        cdef int64_t count = 0
        if not rule.counted:
            first[0] = rule.first
            last[0] = rule.last if rule.last >= 0 else argc + rule.last
            if last[0] > argc - 1:
                last[0] = argc - 1
            return
        first[0] = rule.first + 1
        last[0] = 0
        if rule.first >= argc or not _canonical(
            data + self.starts[rule.first], self.sizes[rule.first], &count
        ):
            return
        if count > argc:
            count = argc
        if count > 0:
            last[0] = min(rule.first + count * rule.step, argc - 1)


cdef void _load_form(Form *form, spec) except *:
    form.slow = spec.slow
    form.argc = spec.argc
    form.modulus = spec.modulus
    form.rest = spec.rest
    form.word_at = spec.word_at
    form.word_count = len(spec.words)
    for index, word in enumerate(spec.words):
        form.word_sizes[index] = len(word)
        memcpy(form.words[index], <const char *><bytes>word, len(word))
    form.int_at = spec.int_at
    form.int_min = spec.int_min
    form.int_max = spec.int_max
    form.rule_count = len(spec.rules)
    for index, rule in enumerate(spec.rules):
        form.rules[index].counted = rule.counted
        form.rules[index].first = rule.first
        form.rules[index].last = rule.last
        form.rules[index].step = rule.step
        form.rules[index].effect = rule.effect
    form.one_op = spec.one_op
    form.many_op = spec.many_op
    form.trim_step = spec.trim_step


cdef inline uint32_t _name_hash(const uint8_t *text, uint64_t size) noexcept nogil:
    cdef uint32_t state = 2166136261
    cdef uint64_t index
    for index in range(size):
        state = (state ^ text[index]) * 16777619
    return state ^ (state >> 15)


cdef inline int _digits(uint64_t number) noexcept nogil:
    cdef int count = 1
    while number >= 10:
        number //= 10
        count += 1
    return count


cdef inline bint _same_word(const uint8_t *text, uint64_t size, uint8_t *word, int word_size) noexcept nogil:
    cdef uint64_t index
    cdef uint8_t byte
    if size != <uint64_t>word_size:
        return False
    for index in range(size):
        byte = text[index]
        if c'a' <= byte <= c'z':
            byte -= 32
        if byte != word[index]:
            return False
    return True


cdef inline int _number(const uint8_t *data, uint64_t size, uint64_t *at, uint64_t *value) noexcept nogil:
    """Read `*` or `$`, a plain decimal without leading zeros and CRLF; R_FULL when it is whole."""
    cdef uint64_t number = 0
    cdef uint64_t index = at[0] + 1
    cdef uint64_t first = index
    while index < size and c'0' <= data[index] <= c'9':
        if index - first >= 18:
            return R_IRREGULAR
        number = number * 10 + (data[index] - c'0')
        index += 1
    if index >= size:
        return R_MORE
    if index == first or (data[first] == c'0' and index - first > 1) or data[index] != c'\r':
        return R_IRREGULAR
    if index + 1 >= size:
        return R_MORE
    if data[index + 1] != c'\n':
        return R_IRREGULAR
    at[0] = index + 2
    value[0] = number
    return R_FULL


cdef inline bint _canonical(const uint8_t *text, uint64_t size, int64_t *value) noexcept nogil:
    """Read a signed 64-bit number written the one way servers accept."""
    cdef uint64_t number = 0
    cdef uint64_t index = 0
    cdef bint negative = False
    cdef uint64_t limit = <uint64_t>1 << 63
    if size == 0 or size > 20:
        return False
    if text[0] == c'-':
        negative = True
        index = 1
        if size == 1 or text[1] == c'0':
            return False
    elif text[0] == c'0' and size > 1:
        return False
    if size - index > 19:
        return False
    while index < size:
        if not c'0' <= text[index] <= c'9':
            return False
        number = number * 10 + (text[index] - c'0')
        index += 1
    if number > limit or (number == limit and not negative):
        return False
    value[0] = -<int64_t>number if number < limit else -<int64_t>(limit - 1) - 1
    if not negative:
        value[0] = <int64_t>number
    return True
