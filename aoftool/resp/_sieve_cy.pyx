"""Pick commands out of a stream, compiled. Gives the answers of `_sieve_py` on every input and split.

Runs without the GIL over a buffer, so ranges of one file can be walked by several threads.
"""

import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy, memset

from aoftool.resp._tables cimport hash_text
from aoftool.resp.columns import RowColumns
from aoftool.resp.watch import LITERAL_REACH as _LITERAL_REACH
from aoftool.resp.watch import WORD_MOST as _WORD_MOST
from aoftool.resp.watch import SieveStatus

__all__ = ["Sieve"]

cdef enum:
    MORE, DONE, IRREGULAR
    BROKEN = 3
    NAME_MOST = 64
    LINE_MOST = 1023
    HEADER_MOST = 14
    COLUMNS = 9
    BUCKETS = 4096
    LINES = 256
    SELECTS = 1
    BEGINS = 2
    ENDS = 4
    WANTED = 8
    # The number of an area, counted from 1, stands above the flags.
    AREA_SHIFT = 8
    AREAS = 256
    WORD_ROOM = 40
    NEVER = 0
    AT_ONCE = 1
    PLAIN = 2
    ENTRY_ID = 3
    FIELDS = 4

assert _WORD_MOST < WORD_ROOM

cdef int64_t WORD_MOST = _WORD_MOST
cdef int64_t LITERAL_REACH = _LITERAL_REACH
cdef int64_t DB_MAX = 2**31 - 1
# Of this process alone, so that no log can be written to make its keys collide.
cdef uint64_t SEED = int.from_bytes(os.urandom(8), "little")

cdef struct Word:
    const uint8_t* text
    int64_t length
    int follower
    int flags

# What a spelling of a name means, found by its bytes.
cdef struct Line:
    uint8_t text[NAME_MOST]
    int length  # 0: free
    int flags

# The same for names of at most 8 bytes, which are nearly all: compared as one number.
cdef struct ShortLine:
    uint64_t text
    int64_t length
    int flags



# See `watch.Area`; its words are found by its number and their bytes.
cdef struct AreaOf:
    int64_t start, size
    int end
    bint has_words


# What of 8 bytes belongs to a name of so many bytes, on a machine of any byte order.
cdef uint64_t masks[9]
for _kept in range(9):
    _mask = b"\xff" * _kept + b"\0" * (8 - _kept)
    memcpy(&masks[_kept], <const uint8_t*><bytes>_mask, 8)


cdef inline uint32_t word_hash(const uint8_t* text, int64_t length) noexcept nogil:
    if not length:
        return 0
    return <uint32_t>(
        length * 131 + text[0] * 31 + text[length >> 1] * 257 + text[length - 1] * 4099
    ) % BUCKETS


cdef inline const uint8_t* read_header(
    const uint8_t* at, const uint8_t* end, uint8_t mark, int digits_most, int64_t* value, int* status
) noexcept nogil:
    """Read `<mark><canonical decimal>CRLF`; NULL with a status when it is not there."""
    cdef const uint8_t* p = at
    cdef int64_t number = 0
    cdef uint8_t digit
    if p < end and p[0] == mark:
        p += 1
        if p < end and p[0] == 48:
            p += 1
        else:
            while p < end and p - at <= digits_most:
                digit = <uint8_t>(p[0] - 48)
                if digit > 9:
                    break
                number = number * 10 + digit
                p += 1
        if p > at + 1 and end - p >= 2 and p[0] == 13 and p[1] == 10:
            value[0] = number
            return p + 2
    if end - at < HEADER_MOST and memchr(at, 10, end - at) == NULL:
        status[0] = MORE
    else:
        status[0] = IRREGULAR
    return NULL


cdef inline const uint8_t* read_short(const uint8_t* at, int64_t* value) noexcept nogil:
    """Read `$<one to three digits>CRLF` where 8 bytes can be read; NULL for anything else."""
    cdef uint8_t first = <uint8_t>(at[1] - 48)
    cdef uint8_t second = <uint8_t>(at[2] - 48)
    cdef uint8_t third
    if at[0] != 36 or first > 9:
        return NULL
    if second > 9:
        value[0] = first
        return at + 4 if at[2] == 13 and at[3] == 10 else NULL
    if first == 0:
        return NULL
    third = <uint8_t>(at[3] - 48)
    if third > 9:
        value[0] = first * 10 + second
        return at + 5 if at[3] == 13 and at[4] == 10 else NULL
    value[0] = first * 100 + second * 10 + third
    return at + 6 if at[4] == 13 and at[5] == 10 else NULL


cdef bint holds(const uint8_t* text, int64_t length, const uint8_t* word, int64_t size) noexcept nogil:
    """Tell whether a text holds a word."""
    cdef const uint8_t* p = text
    cdef const uint8_t* last = text + length - size
    while p <= last:
        p = <const uint8_t*>memchr(p, word[0], last - p + 1)
        if p == NULL:
            return False
        if memcmp(p, word, size) == 0:
            return True
        p += 1
    return False


cdef class Sieve:
    """Walk one range of a stream. See `_sieve_py.Sieve`."""

    implementation = "native"

    cdef readonly object watch, state
    cdef list kept  # keeps the bytes that words point to
    cdef Word* words
    cdef int* heads  # of keys; a power of two of them, one more than the mask
    cdef uint64_t key_mask
    cdef int* name_heads
    cdef int* area_heads
    cdef AreaOf areas[AREAS]
    cdef uint8_t length_seen[256]
    cdef uint8_t last_seen[256]
    cdef uint8_t before_last_seen[256]
    cdef bint others_wanted
    cdef bint asks_of_all  # of every argument, not only of those in areas
    cdef const uint8_t* literal
    cdef int64_t literal_length, min_length
    cdef bint at_start
    cdef Line lines[LINES]
    cdef ShortLine short_lines[LINES]
    cdef int64_t* rows
    cdef int64_t row_count, row_room
    cdef int64_t db, txn, open_offset, time_s, commands, first_event_offset
    cdef int first_event
    cdef bint is_open

    def __cinit__(self, watch, state):
        self.watch = watch
        self.state = state
        self.kept = []
        self.key_mask = 15
        while self.key_mask < 2 * <uint64_t>len(watch.keys):
            self.key_mask = 2 * self.key_mask + 1
        self.heads = <int*>malloc((self.key_mask + 1) * sizeof(int))
        self.name_heads = <int*>malloc(BUCKETS * sizeof(int))
        self.area_heads = <int*>malloc(BUCKETS * sizeof(int))
        names = {b"SELECT": SELECTS, b"MULTI": BEGINS, b"EXEC": ENDS}
        for name in watch.names:
            names[name] = names.get(name, 0) | WANTED
        area_words = []
        for place, (name, area) in enumerate(watch.areas.items(), 1):
            if place >= AREAS:
                raise ValueError("too many areas")
            names[name] = names.get(name, 0) | place << AREA_SHIFT
            self.areas[place].start, self.areas[place].size = min(area.start, 1 << 40), area.size
            self.areas[place].end, self.areas[place].has_words = area.end, bool(area.words)
            area_words += [bytes([place]) + word for word in area.words]
        self.others_wanted = watch.known is not None
        if self.others_wanted:
            for name in names:
                if name not in watch.known:
                    names[name] |= WANTED
            for name in watch.known:
                names.setdefault(name, 0)
        keys = sorted(watch.keys)
        self.words = <Word*>calloc(len(names) + len(keys) + len(area_words) + 1, sizeof(Word))
        if NULL in (self.heads, self.name_heads, self.area_heads) or self.words == NULL:
            raise MemoryError
        for i in range(BUCKETS):
            self.name_heads[i] = self.area_heads[i] = -1
        # Every byte of it 255 makes a number -1.
        memset(self.heads, 0xFF, (self.key_mask + 1) * sizeof(int))
        number = 0
        for name, flags in names.items():
            self.enter(number, name, flags, &self.name_heads[word_hash(name, len(name))])
            number += 1
        for key in keys:
            self.enter(number, key, 0, &self.heads[hash_text(SEED, key, len(key)) & self.key_mask])
            self.length_seen[len(key) & 255] = 1
            # A line ending stands before it: so much of the last two bytes there always is.
            ending = b"\r\n" + key
            self.last_seen[ending[len(key) + 1]] = 1
            self.before_last_seen[ending[len(key)]] = 1
            number += 1
        for word in area_words:
            self.enter(number, word, 0, &self.area_heads[word_hash(word, len(word))])
            number += 1
        self.kept.append(watch.literal)
        self.literal = watch.literal
        self.literal_length = len(watch.literal)
        self.at_start = watch.at_start
        self.asks_of_all = bool(keys) or self.literal_length > 0
        self.min_length = watch.min_length

    cdef void enter(self, int number, bytes text, int flags, int* head):
        cdef Word* word = &self.words[number]
        self.kept.append(text)
        word.text = text
        word.length = len(text)
        word.flags = flags
        word.follower = head[0]
        head[0] = number

    def __dealloc__(self):
        free(self.heads)
        free(self.name_heads)
        free(self.area_heads)
        free(self.words)
        free(self.rows)

    cdef int find(self, const int* heads, const uint8_t* text, int64_t length) noexcept nogil:
        return self.follow(heads[word_hash(text, length)], text, length)

    cdef inline int follow(self, int number, const uint8_t* text, int64_t length) noexcept nogil:
        """Return the number of the word with this text, from one of its bucket on; -1 for none."""
        while number >= 0:
            if self.words[number].length == length and memcmp(self.words[number].text, text, length) == 0:
                return number
            number = self.words[number].follower
        return -1

    cdef int flags_of(self, const uint8_t* name, int64_t length) noexcept nogil:
        cdef Line* line
        cdef uint8_t upper[NAME_MOST]
        cdef int64_t i
        cdef int number
        if length > NAME_MOST or length == 0:
            # A name too long counts as an empty one, and no table holds that.
            number = self.find(self.name_heads, name, 0)
            return self.words[number].flags if number >= 0 else (WANTED if self.others_wanted else 0)
        line = &self.lines[(word_hash(name, length)) % LINES]
        if line.length == length and memcmp(line.text, name, length) == 0:
            return line.flags
        for i in range(length):
            upper[i] = name[i] - 32 if 97 <= name[i] <= 122 else name[i]
            line.text[i] = name[i]
        line.length = <int>length
        number = self.find(self.name_heads, upper, length)
        line.flags = self.words[number].flags if number >= 0 else (WANTED if self.others_wanted else 0)
        return line.flags

    cdef inline int flags_of_short(self, const uint8_t* name, int64_t length) noexcept nogil:
        """Give the flags of a name of 1 to 8 bytes that has 8 readable bytes."""
        cdef uint64_t text = 0
        cdef ShortLine* line
        memcpy(&text, name, 8)
        # The bytes behind the name are the same whatever their order in the number.
        text = text & masks[length]
        line = &self.short_lines[((text * <uint64_t>0x9E3779B97F4A7C15) >> 56) & (LINES - 1)]
        if line.length != length or line.text != text:
            line.text = text
            line.length = length
            line.flags = self.flags_of(name, length)
        return line.flags

    cdef inline bint wants(self, const uint8_t* text, int64_t length) noexcept nogil:
        """Tell whether an argument makes its command a hit; a line ending stands before it."""
        cdef uint8_t may_be = self.length_seen[length & 255] & self.last_seen[text[length - 1]]
        if may_be & self.before_last_seen[text[length - 2]]:
            if self.follow(self.heads[hash_text(SEED, text, length) & self.key_mask], text, length) >= 0:
                return True
        if not self.literal_length or length < self.literal_length:
            return False
        if self.at_start:
            return memcmp(text, self.literal, self.literal_length) == 0
        return holds(
            text, length if length < LITERAL_REACH else LITERAL_REACH, self.literal, self.literal_length
        )

    cdef bint look(
        self, int* place, int64_t number, const uint8_t* text, int64_t length, int64_t argc
    ) noexcept nogil:
        """Tell whether an argument in an area makes a hit; `place` becomes 0 where the area ends."""
        cdef const AreaOf* area = &self.areas[place[0]]
        cdef uint8_t word[WORD_ROOM]
        cdef int64_t i
        if area.end == AT_ONCE:
            place[0] = 0
            return area.size > 1 and (argc - number) % area.size != 0
        if not area.has_words:
            place[0] = 0
            return True
        if length and (65 <= text[0] <= 90 or 97 <= text[0] <= 122):
            if length < 2 or length > WORD_MOST:
                return False
            word[0] = <uint8_t>place[0]
            for i in range(length):
                word[i + 1] = text[i] - 32 if 97 <= text[i] <= 122 else text[i]
            if self.find(self.area_heads, word, length + 1) < 0:
                return True
            if area.end == FIELDS and length == 6 and memcmp(&word[1], b"FIELDS", 6) == 0:
                place[0] = 0
            return False
        if area.end == PLAIN:
            place[0] = 0
            return area.size > 1 and (argc - number) % area.size != 0
        if area.end == ENTRY_ID and length and 48 <= text[0] <= 57 and memchr(text, 45, length) != NULL:
            place[0] = 0
            return area.size > 1 and (argc - number - 1) % area.size != 0
        return False

    cdef int keep(self, int64_t offset, int64_t length, int64_t argc, int64_t txn, bint lenient) noexcept nogil:
        cdef int64_t* grown
        cdef int64_t* row
        if self.row_count == self.row_room:
            self.row_room = self.row_room * 2 if self.row_room else 256
            grown = <int64_t*>realloc(self.rows, self.row_room * COLUMNS * sizeof(int64_t))
            if grown == NULL:
                return -1
            self.rows = grown
        row = self.rows + self.row_count * COLUMNS
        row[0] = offset
        row[1] = length
        row[2] = argc
        row[3] = 0
        row[4] = self.db
        row[5] = txn
        row[6] = self.time_s
        row[7] = lenient
        row[8] = self.commands
        self.row_count += 1
        return 0

    cdef inline void note_event(self, int event, int64_t offset) noexcept nogil:
        if not self.first_event:
            self.first_event = event
            self.first_event_offset = offset

    cdef int count(
        self, int flags, const uint8_t* second, int64_t second_length, int64_t argc,
        int64_t offset, int64_t length, bint hit, bint lenient
    ) noexcept nogil:
        """Follow the state over one command."""
        cdef int64_t txn = self.txn if self.is_open else 0
        cdef int64_t i, number = 0
        if flags & (SELECTS | BEGINS | ENDS):
            if flags & SELECTS:
                if argc == 2 and 1 <= second_length <= 10 and (second_length == 1 or second[0] != 48):
                    for i in range(second_length):
                        if not 48 <= second[i] <= 57:
                            number = DB_MAX + 1
                            break
                        number = number * 10 + (second[i] - 48)
                    if number <= DB_MAX:
                        self.db = number
            elif flags & BEGINS:
                self.note_event(1, offset)
                if not self.is_open:
                    self.txn += 1
                    self.is_open = True
                    self.open_offset = offset
                txn = self.txn
            else:
                self.note_event(2, offset)
                txn = self.txn if self.is_open else 0
                self.is_open = False
        if hit and self.keep(offset, length, argc, txn, lenient) < 0:
            return -1
        self.commands += 1
        return 0

    cdef const uint8_t* annotation(self, const uint8_t* at, const uint8_t* end, int* status) noexcept nogil:
        cdef int64_t reach = end - at
        cdef const uint8_t* p
        cdef const uint8_t* stop
        cdef int64_t number = 0
        if reach > LINE_MOST:
            reach = LINE_MOST
        p = <const uint8_t*>memchr(at, 10, reach)
        if p == NULL:
            status[0] = MORE if end - at < LINE_MOST else IRREGULAR
            return NULL
        stop = p + 1
        if p - at >= 4 and memcmp(at, b"#TS:", 4) == 0:
            if (p - 1)[0] == 13:
                p -= 1
            at += 4
            if p - at < 1 or p - at > 18:
                status[0] = IRREGULAR
                return NULL
            while at < p:
                if not 48 <= at[0] <= 57:
                    status[0] = IRREGULAR
                    return NULL
                number = number * 10 + (at[0] - 48)
                at += 1
            self.time_s = number
        elif memchr(at, 42, p - at) != NULL:
            # A command may be glued to it; whether one is, the bytes behind it tell.
            status[0] = IRREGULAR
            return NULL
        return stop

    cdef const uint8_t* command(
        self, const uint8_t* start, const uint8_t* end, int64_t offset, int* status
    ) noexcept nogil:
        cdef const uint8_t* at
        cdef const uint8_t* after
        cdef const uint8_t* second = NULL
        cdef int64_t argc = 0, length = 0, second_length = 0, i
        cdef int flags = 0, area = 0
        cdef bint hit = False
        if end - start >= 4 and start[0] == 42 and 49 <= start[1] <= 57 and start[2] == 13 and start[3] == 10:
            argc = start[1] - 48
            at = start + 4
        else:
            at = read_header(start, end, 42, 9, &argc, status)
            if at == NULL:
                return NULL
        if argc == 0:
            status[0] = IRREGULAR
            return NULL
        for i in range(argc):
            after = read_short(at, &length) if end - at >= 8 else NULL
            if after == NULL:
                after = read_header(at, end, 36, 10, &length, status)
                if after == NULL:
                    return NULL
            at = after
            if end - at < length + 2:
                status[0] = MORE
                return NULL
            if at[length] != 13 or at[length + 1] != 10:
                status[0] = IRREGULAR
                return NULL
            if i == 0:
                if 0 < length <= 8 and end - at >= 8:
                    flags = self.flags_of_short(at, length)
                else:
                    flags = self.flags_of(at, length)
                hit = (flags & WANTED) != 0
                area = flags >> AREA_SHIFT
            else:
                if i == 1:
                    second = at
                    second_length = length
                if not hit:
                    hit = self.asks_of_all and self.wants(at, length)
                    if area and i >= self.areas[area].start and not hit:
                        hit = self.look(&area, i, at, length, argc)
            at += length + 2
        if 0 < self.min_length <= at - start:
            hit = True
        if self.count(flags, second, second_length, argc, offset, at - start, hit, False) < 0:
            status[0] = BROKEN
            return NULL
        return at

    def feed(self, const uint8_t[::1] data not None, int64_t base, int64_t stop_at):
        """Walk commands from the start of `data`. See `_sieve_py.Sieve.feed`."""
        cdef const uint8_t* first
        cdef const uint8_t* at
        cdef const uint8_t* after
        cdef const uint8_t* end
        cdef int status = DONE
        if not data.shape[0]:
            return 0, SieveStatus.MORE if base < stop_at else SieveStatus.DONE
        self.load()
        with nogil:
            first = at = &data[0]
            end = first + data.shape[0]
            while base + (at - first) < stop_at:
                if at == end:
                    status = MORE
                    break
                if at[0] == 35:
                    after = self.annotation(at, end, &status)
                else:
                    after = self.command(at, end, base + (at - first), &status)
                if after == NULL:
                    break
                at = after
        if status == BROKEN:
            raise MemoryError
        self.store()
        return at - first, SieveStatus(status)

    cdef void load(self):
        state = self.state
        self.db, self.txn, self.open_offset = state.db, state.txn, state.open_offset
        self.is_open, self.time_s, self.commands = state.is_open, state.time_s, state.commands
        self.first_event, self.first_event_offset = state.first_event, state.first_event_offset

    cdef void store(self):
        state = self.state
        state.db, state.txn, state.open_offset = self.db, self.txn, self.open_offset
        state.is_open, state.time_s, state.commands = bool(self.is_open), self.time_s, self.commands
        state.first_event, state.first_event_offset = self.first_event, self.first_event_offset

    def note(self, bytes upper, bytes second, argc, offset, length, hit, lenient):
        """Follow the state over one command. See `_sieve_py.Sieve.note`."""
        cdef int flags = {b"SELECT": SELECTS, b"MULTI": BEGINS, b"EXEC": ENDS}.get(upper, 0)
        self.load()
        if self.count(flags, second, len(second), argc, offset, length, hit, lenient) < 0:
            raise MemoryError
        self.store()

    @property
    def has_rows(self):
        """Tell whether `take_rows` would give any."""
        return self.row_count > 0

    def take_rows(self):
        """Return the rows since the last call. See `_sieve_py.Sieve.take_rows`."""
        cdef int64_t count = self.row_count, i, column
        cdef int64_t* packed
        cdef bytes raw
        columns = []
        for column in range(COLUMNS):
            # Nobody else has it yet, and every number of it is written here.
            raw = PyBytes_FromStringAndSize(NULL, count * sizeof(int64_t))
            packed = <int64_t*>PyBytes_AS_STRING(raw)
            for i in range(count):
                packed[i] = self.rows[i * COLUMNS + column]
            columns.append(raw)
        self.row_count = 0
        return RowColumns._make([*columns[:8], *([b""] * 6)]), memoryview(columns[8]).cast("q")
