"""Count keys, prefixes, sizes and expire times over columns of commands.

Gives the answers of `_census_py`, which says what is counted and why. Runs without the GIL but for the
question whether a new key is admitted. Keys stand in the key table of `aoftool.liveness`, counts beside
them by number.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memmove, memset

from aoftool.liveness._keys_cy cimport KeyTable
from aoftool.resp._tables cimport Vector, push

from aoftool.analysis.census import model as _model
from aoftool.analysis.census.model import KeyColumns, SliceColumns, Spike
from aoftool.analysis.census.templates import KEY_REACH as _KEY_REACH
from aoftool.analysis.census.templates import PREFIX_BYTES as _PREFIX_BYTES

__all__ = ["Census"]

cdef enum:
    KEYLESS_PREFIX, FRAMING_PREFIX, OTHER_PREFIX, FIRST_PREFIX
cdef enum:
    TOUCH, SET, EXPIRE_MS, EXPIRE_S, DELETE, PERSIST, FLUSH_DB, FLUSH_ALL, STREAM_ADD, FRAMING
    RENAME, COPY, STORE
cdef enum:
    OF_COMMAND, OF_DB, OF_PREFIX
cdef enum:
    TOP = 32
    HISTOGRAM = 65
    SPACINGS = 256
    KEY_SHOWN = 256
    DIGITS_MOST = 15
    DBS_MOST = 1024
    KIND_SHIFT = 40
    SLICE_COLUMNS = 10
    CELL_COLUMNS = 4
    AHEAD = 8
    NO_DEADLINE = 0
    DELETED = -1
    PREFIX_ROOM = 1024
    TOP_COMMANDS = 0
    TOP_TXN_BYTES = 1
    TOP_TXN_COMMANDS = 2
    TOP_GAPS = 3
    TOP_STALLS = 4
    TOPS = 5

assert (TOP, HISTOGRAM, SPACINGS) == (_model.TOP, _model.HISTOGRAM, _model.SPACINGS)
cdef int64_t KEY_REACH = _KEY_REACH
cdef int64_t PREFIX_BYTES = _PREFIX_BYTES
cdef int64_t FAR = <int64_t>1 << 62
_TOP_NAMES = ("commands", "txn_bytes", "txn_commands", "gaps", "stalls")

cdef struct Role:
    int64_t number
    int action
    int64_t extras_from
    bint admitted

cdef struct Stat:
    int64_t size_bytes
    int64_t deadline
    uint32_t writes
    uint32_t prefix
    uint32_t generation
    bint admitted

cdef struct Cell:
    int64_t commands
    int64_t size_bytes

cdef struct CommandStat:
    int64_t commands
    int64_t size_bytes
    int64_t largest
    int64_t file
    int64_t offset

cdef struct Entry:
    int64_t size
    int64_t file
    int64_t offset
    int64_t other
    int64_t time_s
    int64_t db
    int64_t command
    int key_length
    uint8_t key[KEY_SHOWN]

cdef struct Top:
    Entry entries[TOP]
    int count
    int64_t threshold  # no size up to this can enter

# A key of the command in hand: its number in the table or -1, and its counts when it has no number.
cdef struct Ref:
    int64_t number
    Stat loose
    int64_t share
    int64_t length

cdef struct Text:
    const uint8_t* at
    int64_t length


cdef extern from *:
    """
    static inline int aof_bit_length(unsigned long long value) {
        return value ? 64 - __builtin_clzll(value) : 0;
    }
    """
    int bit_length "aof_bit_length"(uint64_t value) nogil


cdef inline bint is_digit(uint8_t c) noexcept nogil:
    return 48 <= c <= 57


cdef inline bint is_alnum(uint8_t c) noexcept nogil:
    return 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122


cdef inline bint is_hex(uint8_t c) noexcept nogil:
    return 48 <= c <= 57 or 65 <= c <= 70 or 97 <= c <= 102


cdef int64_t decimal(const uint8_t* at, int64_t length) noexcept nogil:
    """Return a decimal of at most fifteen digits, 0 for anything else."""
    cdef int64_t i, value = 0
    if not 0 < length <= DIGITS_MOST:
        return 0
    for i in range(length):
        if not is_digit(at[i]):
            return 0
        value = value * 10 + (at[i] - 48)
    return value


cdef int64_t stream_ms(const uint8_t* at, int64_t length) noexcept nogil:
    """Return the time part of `<milliseconds>-<sequence>`, 0 for anything else."""
    cdef int64_t dash = 0, i
    while dash < length and at[dash] != 45:
        dash += 1
    if dash == length or not 0 < length - dash - 1 <= 20:
        return 0
    for i in range(dash + 1, length):
        if not is_digit(at[i]):
            return 0
    return decimal(at, dash)


cdef bint is_word(const Text* text, const char* word, int64_t length) noexcept nogil:
    cdef int64_t i
    cdef uint8_t c
    if text.length != length:
        return False
    for i in range(length):
        c = text.at[i]
        if 97 <= c <= 122:
            c -= 32
        if c != <uint8_t>word[i]:
            return False
    return True


cdef bint is_uuid(const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef int i
    if end - at < 36:
        return False
    for i in range(36):
        if i == 8 or i == 13 or i == 18 or i == 23:
            if at[i] != 45:
                return False
        elif not is_hex(at[i]):
            return False
    return end - at == 36 or not is_alnum(at[36])


cdef uint8_t* put_run(const uint8_t* at, const uint8_t* end, uint8_t* out) noexcept nogil:
    """Write a run of letters and digits with its variable parts replaced."""
    cdef const uint8_t* p = at
    cdef bint digits = False, hexadecimal = True
    while p < end:
        digits = digits or is_digit(p[0])
        hexadecimal = hexadecimal and is_hex(p[0])
        p += 1
    if digits and ((end - at >= 8 and hexadecimal) or end - at >= 16):
        out[0] = 42
        return out + 1
    p = at
    while p < end:
        if is_digit(p[0]):
            out[0] = 42
            while p < end and is_digit(p[0]):
                p += 1
        else:
            out[0] = p[0]
            p += 1
        out += 1
    return out


cdef uint8_t* put_segment(const uint8_t* at, const uint8_t* end, uint8_t* out) noexcept nogil:
    cdef const uint8_t* p
    while at < end:
        if not is_alnum(at[0]):
            out[0] = at[0]
            at += 1
            out += 1
            continue
        if is_uuid(at, end):
            out[0] = 42
            out += 1
            at += 36
            continue
        p = at
        while p < end and is_alnum(p[0]):
            p += 1
        out = put_run(at, p, out)
        at = p
    return out


cdef int64_t put_prefix(
    const uint8_t* key, int64_t length, uint8_t separator, int64_t depth, bint automatic, uint8_t* into
) noexcept nogil:
    """Write the prefix of a key, see `templates.prefix_of`; return its length."""
    cdef const uint8_t* at = key
    cdef const uint8_t* end = key + (length if length < KEY_REACH else KEY_REACH)
    cdef const uint8_t* stop
    cdef uint8_t* out = into
    cdef uint8_t* begin
    cdef int64_t kept = 0
    while True:
        if at > key:
            out[0] = separator
            out += 1
        if kept == depth:
            out[0] = 42
            out += 1
            break
        stop = at
        while stop < end and stop[0] != separator:
            stop += 1
        begin = out
        if automatic:
            out = put_segment(at, stop, out)
        else:
            memcpy(out, at, stop - at)
            out += stop - at
        if out - begin != 1 or begin[0] != 42:
            kept += 1
        if out - into > PREFIX_BYTES or stop == end:
            break
        at = stop + 1
    if out - into <= PREFIX_BYTES:
        return out - into
    memcpy(into + PREFIX_BYTES, b"...", 3)
    return PREFIX_BYTES + 3


cdef bint offer(Top* top, const Entry* entry) noexcept nogil:
    """Keep an entry when it is among the largest; of equals the first stay."""
    cdef int i, worst = 0
    if top.count < TOP:
        top.entries[top.count] = entry[0]
        top.count += 1
    else:
        if entry.size <= top.threshold:
            return False
        for i in range(1, TOP):
            if top.entries[i].size <= top.entries[worst].size:
                worst = i
        memmove(&top.entries[worst], &top.entries[worst + 1], (TOP - 1 - worst) * sizeof(Entry))
        top.entries[TOP - 1] = entry[0]
    if top.count == TOP:
        top.threshold = top.entries[0].size
        for i in range(1, TOP):
            if top.entries[i].size < top.threshold:
                top.threshold = top.entries[i].size
    return True


cdef object as_spike(const Entry* entry):
    return Spike(
        entry.size, entry.file, entry.offset, entry.other, entry.time_s, entry.db, entry.command,
        entry.key[: entry.key_length],
    )


cdef class Census:
    """Count what is told of commands in order. See `_census_py.Census`."""

    implementation = "native"

    cdef readonly object options
    cdef readonly int64_t shift, width_s
    cdef public int64_t overflow_writes, overflow_bytes, key_writes, flushes
    # What to count.
    cdef uint8_t separator
    cdef int64_t depth, key_most, prefix_limit, since_s, until_s
    cdef bint automatic, by_db, asks, untimed
    cdef object admit
    cdef frozenset databases
    cdef Role* roles
    cdef int64_t role_count
    # Keys.
    cdef KeyTable keys, prefix_table
    cdef Stat* stats
    cdef uint64_t stat_room
    cdef Ref* refs
    cdef int64_t ref_room
    cdef Text* extras
    cdef int64_t extra_room
    cdef uint64_t* hashes
    cdef int64_t hash_room
    # Databases.
    cdef int64_t dbs[DBS_MOST + 1]
    cdef uint32_t generations[DBS_MOST + 1]
    cdef signed char db_admitted[DBS_MOST + 1]  # -1: not asked yet
    cdef bint failed
    cdef int db_count, last_db
    # The slice in hand: dense counts, and which of them are in use.
    cdef Cell* command_cells
    cdef int64_t command_room
    cdef Cell db_cells[DBS_MOST + 1]
    cdef Cell* prefix_cells
    cdef int64_t prefix_room
    cdef Vector touched
    cdef bint has_slice
    cdef int64_t slice_file, slice_offset, slice_time, slice_commands, slice_bytes, slice_index
    cdef int64_t slice_deadline, slice_stream, slice_stream_index, place_offset, place_time
    cdef Vector slices[SLICE_COLUMNS]
    cdef Vector cells[CELL_COLUMNS]
    # The rest.
    cdef CommandStat* command_stats
    cdef int64_t histograms_[3][HISTOGRAM]
    cdef int64_t spacings[SPACINGS]
    cdef Top tops[TOPS]
    cdef Entry backwards[TOP]
    cdef int backwards_count
    cdef Entry emptied[TOP]
    cdef int emptied_count
    cdef int64_t file, index
    cdef bint has_mark, has_txn
    cdef int64_t mark_time, mark_offset, mark_index
    cdef Entry txn
    cdef int64_t txn_number, txn_bytes, txn_commands

    def __cinit__(self, options):
        self.options = options
        self.separator = options.template.separator[0]
        self.depth = options.template.depth
        self.automatic = options.template.automatic
        self.key_most = options.key_limit + options.key_limit // 4
        self.prefix_limit = options.prefix_limit
        self.untimed = options.untimed
        self.since_s = -2 if options.since_s is None else options.since_s
        self.until_s = -2 if options.until_s is None else options.until_s
        self.databases = options.databases
        self.by_db = options.databases is not None
        self.admit = options.admit
        self.asks = options.admit is not None
        self.width_s = 1
        self.keys = KeyTable()
        self.prefix_table = KeyTable()
        self.last_db = -1
        self.grow_commands(64)
        self.grow_prefixes(64)

    def __dealloc__(self):
        cdef int i
        free(self.roles)
        free(self.stats)
        free(self.refs)
        free(self.extras)
        free(self.hashes)
        free(self.command_cells)
        free(self.command_stats)
        free(self.prefix_cells)
        free(self.touched.items)
        for i in range(SLICE_COLUMNS):
            free(self.slices[i].items)
        for i in range(CELL_COLUMNS):
            free(self.cells[i].items)

    cdef int grow_commands(self, int64_t room) except -1:
        cdef Cell* cells
        cdef CommandStat* stats
        if room <= self.command_room:
            return 0
        cells = <Cell*>realloc(self.command_cells, room * sizeof(Cell))
        if cells == NULL:
            raise MemoryError
        self.command_cells = cells
        stats = <CommandStat*>realloc(self.command_stats, room * sizeof(CommandStat))
        if stats == NULL:
            raise MemoryError
        self.command_stats = stats
        memset(cells + self.command_room, 0, (room - self.command_room) * sizeof(Cell))
        memset(stats + self.command_room, 0, (room - self.command_room) * sizeof(CommandStat))
        self.command_room = room
        return 0

    cdef int grow_prefixes(self, int64_t needed) except -1 nogil:
        cdef Cell* cells
        cdef int64_t room = self.prefix_room
        if needed <= room:
            return 0
        while room < needed:
            room = room * 2 if room else 64
        cells = <Cell*>realloc(self.prefix_cells, room * sizeof(Cell))
        if cells == NULL:
            with gil:
                raise MemoryError
        self.prefix_cells = cells
        memset(cells + self.prefix_room, 0, (room - self.prefix_room) * sizeof(Cell))
        self.prefix_room = room
        return 0

    # Told from outside

    def start_file(self, int64_t file, int64_t shift, int64_t width_s=1):
        """Go on with another file, in slices of `2 ** shift` bytes and `width_s` seconds."""
        self.end_file()
        self.file = file
        self.index = 0
        self.resize(shift, width_s)

    def resize(self, int64_t shift, int64_t width_s):
        """End the slice in hand and make the next ones of another size."""
        self.end_slice()
        self.shift = shift
        self.width_s = width_s

    def map_commands(self, roles):
        """Tell the roles of command names by the number they have in the columns."""
        cdef int64_t i, count = len(roles), most = 0
        cdef Role* grown = <Role*>realloc(self.roles, (count + 1) * sizeof(Role))
        if grown == NULL:
            raise MemoryError
        self.roles = grown
        for i in range(count):
            number, action, extras_from, admitted = roles[i]
            grown[i].number = number
            grown[i].action = action
            grown[i].extras_from = extras_from if extras_from else FAR
            grown[i].admitted = admitted
            most = max(most, grown[i].number)
        self.role_count = count
        self.grow_commands(2 * most + 2)

    def end_file(self):
        """Close what is open at the end of a file."""
        self.end_slice()
        self.end_transaction()
        self.end_mark(-1)
        self.has_mark = False

    def add(self, rows):
        """Count the commands of some columns."""
        cdef bytes offset = rows.offset, length = rows.length, argc = rows.argc, command = rows.command
        cdef bytes db = rows.db, txn = rows.txn, time_s = rows.time_s, key_end = rows.key_end
        cdef bytes argument = rows.key_argument, key_offset = rows.key_offset
        cdef bytes key_length = rows.key_length, bytes_end = rows.key_bytes_end, key_bytes = rows.key_bytes
        cdef const int64_t* offsets = <const int64_t*><const char*>offset
        cdef const int64_t* lengths = <const int64_t*><const char*>length
        cdef const int64_t* argcs = <const int64_t*><const char*>argc
        cdef const int64_t* commands = <const int64_t*><const char*>command
        cdef const int64_t* dbs = <const int64_t*><const char*>db
        cdef const int64_t* txns = <const int64_t*><const char*>txn
        cdef const int64_t* times = <const int64_t*><const char*>time_s
        cdef const int64_t* key_ends = <const int64_t*><const char*>key_end
        cdef const int64_t* arguments = <const int64_t*><const char*>argument
        cdef const int64_t* key_offsets = <const int64_t*><const char*>key_offset
        cdef const int64_t* key_lengths = <const int64_t*><const char*>key_length
        cdef const int64_t* bytes_ends = <const int64_t*><const char*>bytes_end
        cdef const uint8_t* texts = <const uint8_t*><const char*>key_bytes
        cdef int64_t count = len(offset) // 8, all_refs = len(argument) // 8
        cdef int64_t row, first = 0, last, ref, named, extra_count, start, hashed = 0, until
        cdef const Role* role
        cdef int db_index
        cdef bint wanted, any_admitted
        self.ensure_refs(all_refs)
        with nogil:
            for row in range(count):
                last = key_ends[row]
                role = &self.roles[commands[row]]
                db_index = self.index_of_db(dbs[row])
                # Hashes run ahead, so that the table is in the cache when it is asked.
                until = last + AHEAD
                if until > all_refs:
                    until = all_refs
                while hashed < until:
                    start = bytes_ends[hashed - 1] if hashed else 0
                    self.hashes[hashed] = self.keys.hash(
                        <uint32_t>dbs[row], texts + start, <uint64_t>(bytes_ends[hashed] - start)
                    )
                    self.keys.prefetch(self.hashes[hashed])
                    hashed += 1
                if times[row] < 0:
                    wanted = self.untimed or (self.since_s == -2 and self.until_s == -2)
                else:
                    wanted = (self.since_s == -2 or times[row] >= self.since_s) and (
                        self.until_s == -2 or times[row] < self.until_s
                    )
                if wanted:
                    self.follow_time(times[row], offsets[row])
                    wanted = role.admitted and (not self.by_db or self.is_wanted(db_index, dbs[row]))
                named = extra_count = 0
                any_admitted = not self.asks
                if wanted:
                    for ref in range(first, last):
                        start = bytes_ends[ref - 1] if ref else 0
                        if arguments[ref] >= role.extras_from:
                            self.extras[extra_count].at = texts + start
                            self.extras[extra_count].length = bytes_ends[ref] - start
                            extra_count += 1
                            continue
                        self.take_key(
                            &self.refs[named], db_index, dbs[row], texts + start, bytes_ends[ref] - start,
                            self.hashes[ref],
                        )
                        self.refs[named].length = key_lengths[ref]
                        # The bytes up to the next key are this one's; the first one takes what is before.
                        self.refs[named].share = offsets[row] + lengths[row] - (
                            key_offsets[ref] if named else offsets[row]
                        )
                        if named:
                            self.refs[named - 1].share -= self.refs[named].share
                        any_admitted = any_admitted or self.stat_of(&self.refs[named]).admitted
                        named += 1
                    if any_admitted:
                        start = bytes_ends[first - 1] if first else 0
                        self.count_row(
                            role, offsets[row], lengths[row], argcs[row], dbs[row], db_index, txns[row],
                            times[row], named, extra_count, texts + start,
                            bytes_ends[first] - start if named else 0,
                        )
                self.index += 1
                first = last
        if self.failed:
            raise MemoryError

    cdef int ensure_refs(self, int64_t count) except -1:
        cdef void* grown
        if count < self.ref_room:
            return 0
        count = 2 * count + 64
        grown = realloc(self.refs, count * sizeof(Ref))
        if grown == NULL:
            raise MemoryError
        self.refs = <Ref*>grown
        grown = realloc(self.extras, count * sizeof(Text))
        if grown == NULL:
            raise MemoryError
        self.extras = <Text*>grown
        grown = realloc(self.hashes, count * sizeof(uint64_t))
        if grown == NULL:
            raise MemoryError
        self.hashes = <uint64_t*>grown
        self.ref_room = count
        return 0

    # Counting

    cdef inline Stat* stat_of(self, Ref* ref) noexcept nogil:
        return &self.stats[ref.number] if ref.number >= 0 else &ref.loose

    cdef int take_key(
        self, Ref* ref, int db_index, int64_t db, const uint8_t* text, int64_t length, uint64_t hashed
    ) except -1 nogil:
        """Find a key, entering it while there is room."""
        cdef uint64_t before = self.keys.count
        cdef Stat* stat
        cdef Stat fresh
        cdef bint room = <int64_t>before < self.key_most
        # It may have been made under the database of an earlier command.
        hashed = self.keys.hash(<uint32_t>db, text, <uint64_t>length) if self.db_count > 1 else hashed
        ref.number = self.keys.find_hashed(hashed, <uint32_t>db, text, <uint64_t>length, room)
        if ref.number == -2:
            with gil:
                raise MemoryError
        if ref.number >= 0 and self.keys.count == before:
            return 0
        fresh.size_bytes = fresh.writes = 0
        fresh.deadline = NO_DEADLINE
        fresh.generation = self.generations[db_index]
        fresh.admitted = True
        if self.asks:
            with gil:
                fresh.admitted = bool(self.admit(text[:length]))
        fresh.prefix = <uint32_t>(self.prefix_number(text, length) if fresh.admitted else OTHER_PREFIX)
        if ref.number < 0:
            ref.loose = fresh
            return 0
        if self.keys.count > self.stat_room:
            self.grow_stats()
        self.stats[ref.number] = fresh
        return 0

    cdef int grow_stats(self) except -1 nogil:
        cdef uint64_t room = self.stat_room + self.stat_room // 2 + 1024
        cdef Stat* grown = <Stat*>realloc(self.stats, room * sizeof(Stat))
        if grown == NULL:
            with gil:
                raise MemoryError
        self.stats = grown
        self.stat_room = room
        return 0

    cdef int64_t prefix_number(self, const uint8_t* text, int64_t length) except -1 nogil:
        cdef uint8_t prefix[PREFIX_ROOM]
        cdef int64_t size = put_prefix(text, length, self.separator, self.depth, self.automatic, prefix)
        cdef bint room = <int64_t>self.prefix_table.count < self.prefix_limit
        cdef int64_t number = self.prefix_table.lookup(0, prefix, <uint64_t>size, room)
        if number == -2:
            with gil:
                raise MemoryError
        if number < 0:
            return OTHER_PREFIX
        self.grow_prefixes(number + FIRST_PREFIX + 1)
        return number + FIRST_PREFIX

    cdef int index_of_db(self, int64_t db) noexcept nogil:
        cdef int i
        if self.last_db >= 0 and self.dbs[self.last_db] == db:
            return self.last_db
        for i in range(self.db_count):
            if self.dbs[i] == db:
                self.last_db = i
                return i
        if self.db_count > DBS_MOST:
            return DBS_MOST
        self.dbs[self.db_count] = db
        self.db_admitted[self.db_count] = -1
        self.db_count += 1
        self.last_db = self.db_count - 1
        return self.last_db

    cdef bint is_wanted(self, int index, int64_t db) noexcept nogil:
        if self.db_admitted[index] < 0 or index == DBS_MOST:
            with gil:
                self.db_admitted[index] = db in self.databases
        return self.db_admitted[index] == 1

    cdef inline void add_cell(self, Cell* cell, int64_t kind, int64_t number, int64_t size) noexcept nogil:
        if cell.commands == 0 and push(&self.touched, (kind << KIND_SHIFT) | number) < 0:
            self.failed = True
        cell.commands += 1
        cell.size_bytes += size

    cdef int count_row(
        self, const Role* role, int64_t offset, int64_t length, int64_t argc, int64_t db, int db_index,
        int64_t txn, int64_t time_s, int64_t named, int64_t extra_count, const uint8_t* key, int64_t key_length,
    ) except -1 nogil:
        cdef int64_t i, place = offset >> self.shift, when = -1
        cdef Stat* stat
        cdef CommandStat* row = &self.command_stats[role.number]
        cdef Entry entry
        if time_s >= 0:
            when = time_s // self.width_s
        if not self.has_slice or place != self.place_offset or when != self.place_time:
            self.end_slice()
            self.begin_slice(offset, time_s, place, when)
        self.slice_commands += 1
        self.slice_bytes += length
        self.add_cell(&self.command_cells[role.number], OF_COMMAND, role.number, length)
        self.add_cell(&self.db_cells[db_index], OF_DB, db_index, length)
        row.commands += 1
        row.size_bytes += length
        if length > row.largest:
            row.largest = length
            row.file = self.file
            row.offset = offset
        self.histograms_[0][bit_length(<uint64_t>length)] += 1
        self.histograms_[2][bit_length(<uint64_t>argc)] += 1
        if named == 0:
            i = FRAMING_PREFIX if role.action == FRAMING else KEYLESS_PREFIX
            self.add_cell(&self.prefix_cells[i], OF_PREFIX, i, length)
        for i in range(named):
            stat = self.stat_of(&self.refs[i])
            if not stat.admitted:
                continue
            self.histograms_[1][bit_length(<uint64_t>self.refs[i].length)] += 1
            self.key_writes += 1
            self.add_cell(&self.prefix_cells[stat.prefix], OF_PREFIX, stat.prefix, self.refs[i].share)
            if self.refs[i].number >= 0:
                stat.writes += 1
                stat.size_bytes += self.refs[i].share
            else:
                self.overflow_writes += 1
                self.overflow_bytes += self.refs[i].share
        if length > self.tops[TOP_COMMANDS].threshold or self.tops[TOP_COMMANDS].count < TOP:
            self.fill(&entry, length, offset, argc, time_s, db, role.number)
            self.set_key(&entry, key, key_length)
            offer(&self.tops[TOP_COMMANDS], &entry)
        if txn or self.txn_number:
            self.follow_transaction(txn, offset, length, time_s, db, role, named, key, key_length)
        if (role.action == FLUSH_DB or role.action == FLUSH_ALL) and self.emptied_count < TOP:
            self.fill(&self.emptied[self.emptied_count], 1, offset, argc, time_s, db, role.number)
            self.emptied_count += 1
        self.follow_expiry(role.action, db_index, named, extra_count)
        return 0

    cdef void fill(
        self, Entry* entry, int64_t size, int64_t offset, int64_t other, int64_t time_s, int64_t db,
        int64_t command,
    ) noexcept nogil:
        entry.size = size
        entry.file = self.file
        entry.offset = offset
        entry.other = other
        entry.time_s = time_s
        entry.db = db
        entry.command = command
        entry.key_length = 0

    cdef void set_key(self, Entry* entry, const uint8_t* key, int64_t length) noexcept nogil:
        entry.key_length = <int>(length if length < KEY_SHOWN else KEY_SHOWN)
        memcpy(entry.key, key, entry.key_length)

    # Slices

    cdef void begin_slice(self, int64_t offset, int64_t time_s, int64_t place, int64_t when) noexcept nogil:
        self.has_slice = True
        self.slice_file = self.file
        self.slice_offset = offset
        self.slice_time = time_s
        self.slice_index = self.index
        self.place_offset = place
        self.place_time = when
        self.slice_commands = self.slice_bytes = 0
        self.slice_deadline = self.slice_stream = self.slice_stream_index = 0

    cdef Cell* cell_of(self, int64_t kind, int64_t number) noexcept nogil:
        if kind == OF_COMMAND:
            return &self.command_cells[number]
        return &self.db_cells[number] if kind == OF_DB else &self.prefix_cells[number]

    cdef int end_slice(self) except -1 nogil:
        cdef int64_t i, kind, number
        cdef int64_t values[SLICE_COLUMNS]
        cdef Cell* cell
        cdef int failed = 0
        if not self.has_slice:
            return 0
        self.has_slice = False
        for i in range(self.touched.count):
            kind = self.touched.items[i] >> KIND_SHIFT
            number = self.touched.items[i] & ((<int64_t>1 << KIND_SHIFT) - 1)
            cell = self.cell_of(kind, number)
            failed |= push(&self.cells[0], kind)
            failed |= push(&self.cells[1], self.dbs[number] if kind == OF_DB else number)
            failed |= push(&self.cells[2], cell.commands)
            failed |= push(&self.cells[3], cell.size_bytes)
            cell.commands = cell.size_bytes = 0
        self.touched.count = 0
        values[0] = self.slice_file
        values[1] = self.slice_offset
        values[2] = self.slice_time
        values[3] = self.slice_commands
        values[4] = self.slice_bytes
        values[5] = self.slice_index
        values[6] = self.slice_deadline
        values[7] = self.slice_stream
        values[8] = self.slice_stream_index
        values[9] = self.cells[0].count
        for i in range(SLICE_COLUMNS):
            failed |= push(&self.slices[i], values[i])
        if failed:
            with gil:
                raise MemoryError
        return 0

    # Time and transactions

    cdef void follow_time(self, int64_t time_s, int64_t offset) noexcept nogil:
        cdef Entry entry
        cdef int64_t step, before = self.mark_time
        cdef bint had = self.has_mark
        if time_s < 0 or (had and before == time_s):
            return
        self.end_mark(time_s)
        self.has_mark = True
        self.mark_time = time_s
        self.mark_offset = offset
        self.mark_index = self.index
        if not had:
            return
        step = time_s - before
        self.fill(&entry, step if step > 0 else -step, offset, before, time_s, 0, -1)
        if step < 0:
            if self.backwards_count < TOP:
                self.backwards[self.backwards_count] = entry
                self.backwards_count += 1
            return
        self.spacings[step if step < SPACINGS else SPACINGS - 1] += 1
        offer(&self.tops[TOP_GAPS], &entry)

    cdef void end_mark(self, int64_t following) noexcept nogil:
        cdef Entry entry
        if not self.has_mark:
            return
        self.fill(
            &entry, self.index - self.mark_index, self.mark_offset, following, self.mark_time, 0, -1
        )
        offer(&self.tops[TOP_STALLS], &entry)

    cdef void follow_transaction(
        self, int64_t txn, int64_t offset, int64_t length, int64_t time_s, int64_t db, const Role* role,
        int64_t named, const uint8_t* key, int64_t key_length,
    ) noexcept nogil:
        if txn != self.txn_number:
            self.end_transaction()
            self.txn_number = txn
            if txn:
                self.has_txn = True
                self.fill(&self.txn, 0, offset, 0, time_s, db, role.number)
                self.txn_bytes = self.txn_commands = 0
        if not self.has_txn:
            return
        self.txn_commands += 1
        self.txn_bytes += length
        if not self.txn.key_length and named and key_length:
            self.set_key(&self.txn, key, key_length)
            self.txn.db = db
            self.txn.command = role.number

    cdef void end_transaction(self) noexcept nogil:
        if self.has_txn:
            self.txn.size = self.txn_bytes
            self.txn.other = self.txn_commands
            offer(&self.tops[TOP_TXN_BYTES], &self.txn)
            self.txn.size = self.txn_commands
            self.txn.other = self.txn_bytes
            offer(&self.tops[TOP_TXN_COMMANDS], &self.txn)
        self.has_txn = False
        self.txn_number = 0

    # Expire times

    cdef void follow_expiry(self, int action, int db_index, int64_t named, int64_t extra_count) noexcept nogil:
        cdef int64_t i, given, carried
        cdef uint32_t generation
        cdef Stat* stat
        if action == FLUSH_DB or action == FLUSH_ALL:
            self.flushes += 1
            if action == FLUSH_DB:
                self.generations[db_index] += 1
            else:
                for i in range(self.db_count):
                    self.generations[i] += 1
            return
        generation = self.generations[db_index]
        for i in range(named):
            stat = self.stat_of(&self.refs[i])
            if stat.generation != generation:
                stat.generation = generation
                stat.deadline = DELETED
        if not named:
            return
        if action == STREAM_ADD and not self.slice_stream:
            for i in range(extra_count):
                given = stream_ms(self.extras[i].at, self.extras[i].length)
                if given:
                    self.slice_stream = given
                    self.slice_stream_index = self.index
                    break
        if action == RENAME or action == COPY:
            if named < 2:
                return
            stat = self.stat_of(&self.refs[0])
            carried = NO_DEADLINE if stat.deadline == DELETED else stat.deadline
            if action == RENAME:
                stat.deadline = DELETED
            self.stat_of(&self.refs[1]).deadline = carried
            return
        given = self.deadline_of(action, extra_count)
        if given > 0 and (self.slice_deadline == 0 or given < self.slice_deadline):
            self.slice_deadline = given
        for i in range(1 if action == STORE else named):
            stat = self.stat_of(&self.refs[i])
            if action == DELETE:
                stat.deadline = DELETED
            elif action == TOUCH or action == STREAM_ADD or action == FRAMING or given < 0:
                if stat.deadline == DELETED:
                    stat.deadline = NO_DEADLINE
            else:
                stat.deadline = given

    cdef int64_t deadline_of(self, int action, int64_t extra_count) noexcept nogil:
        """Return the expire time a command gives, 0 for none, -1 when it leaves the old one."""
        cdef int64_t i, value
        if action == EXPIRE_MS or action == EXPIRE_S:
            value = decimal(self.extras[0].at, self.extras[0].length) if extra_count else 0
            if action == EXPIRE_S:
                value *= 1000
            return value if value else -1
        if action != SET:
            return NO_DEADLINE
        for i in range(extra_count):
            if is_word(&self.extras[i], b"KEEPTTL", 7):
                return -1
            if i + 1 < extra_count:
                if is_word(&self.extras[i], b"PXAT", 4):
                    return decimal(self.extras[i + 1].at, self.extras[i + 1].length)
                if is_word(&self.extras[i], b"EXAT", 4):
                    return decimal(self.extras[i + 1].at, self.extras[i + 1].length) * 1000
        return NO_DEADLINE

    # Results

    @property
    def key_count(self):
        """Return how many keys stand in the table."""
        return self.keys.count

    @property
    def full(self):
        """Tell whether the keys should be taken out."""
        return self.keys.count >= <uint64_t>self.options.key_limit

    def take_slices(self):
        """Return the finished slices and forget them."""
        cdef int i
        taken = []
        for i in range(SLICE_COLUMNS):
            taken.append((<char*>self.slices[i].items)[: self.slices[i].count * 8] if self.slices[i].count else b"")
            self.slices[i].count = 0
        for i in range(CELL_COLUMNS):
            taken.append((<char*>self.cells[i].items)[: self.cells[i].count * 8] if self.cells[i].count else b"")
            self.cells[i].count = 0
        return SliceColumns._make(taken)

    def take_keys(self):
        """Return all keys of the table and empty it."""
        cdef int64_t count = <int64_t>self.keys.count, i
        cdef int64_t* columns[6]
        cdef int c
        cdef int index
        taken = []
        for c in range(6):
            # Filled below, before anybody else sees it.
            raw = PyBytes_FromStringAndSize(NULL, count * 8)
            taken.append(raw)
            columns[c] = <int64_t*><char*><bytes>raw
        for i in range(count):
            index = self.index_of_db(<int32_t>self.keys.homes[i])
            columns[0][i] = <int32_t>self.keys.homes[i]
            columns[1][i] = self.stats[i].prefix
            columns[2][i] = self.stats[i].writes
            columns[3][i] = self.stats[i].size_bytes
            columns[4][i] = self.stats[i].deadline
            if self.stats[i].generation != self.generations[index]:
                columns[4][i] = DELETED
            columns[5][i] = <int64_t>self.keys.starts[i + 1]
        names = (<char*>self.keys.arena)[: self.keys.arena_used] if count else b""
        self.keys = KeyTable()
        return KeyColumns._make([*taken, names])

    def prefixes(self):
        """Return the prefixes by number, from FIRST_PREFIX on."""
        return [self.prefix_table.key(number) for number in range(self.prefix_table.count)]

    def commands(self):
        """Return (commands, bytes, largest bytes, its file, its offset) by number of the name."""
        cdef int64_t i
        found = {}
        for i in range(self.command_room):
            if self.command_stats[i].commands:
                row = self.command_stats[i]
                found[i] = (row.commands, row.size_bytes, row.largest, row.file, row.offset)
        return found

    def histograms(self):
        """Return those of command bytes, key bytes and arguments, and the seconds between `#TS` lines."""
        cdef int i, j
        found = [[self.histograms_[i][j] for j in range(HISTOGRAM)] for i in range(3)]
        return (*found, [self.spacings[j] for j in range(SPACINGS)])

    def spikes(self):
        """Return the largest commands, transactions, gaps and stalls, and the first flushes and steps back."""
        cdef int i, t
        found = {}
        for t in range(TOPS):
            entries = [as_spike(&self.tops[t].entries[i]) for i in range(self.tops[t].count)]
            found[_TOP_NAMES[t]] = sorted(entries, key=lambda spike: (-spike.size, spike.file, spike.offset))
        found["flushes"] = [as_spike(&self.emptied[i]) for i in range(self.emptied_count)]
        found["backwards"] = [as_spike(&self.backwards[i]) for i in range(self.backwards_count)]
        return found
