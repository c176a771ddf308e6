# cython: language_level=3
"""Every command of a stream in its order, executed straight from the bytes of the log where that is plain.

The reference is `aoftool.keyspace` with one command after the other. Whatever is not plain is handed back where
it stands, and its keys are let go of before the keyspace executes it. Nothing is kept of a command, so memory is
that of the data. Transactions may be run as if their commands were bare: nothing comes between them.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy, memset

from aoftool.liveness._keys_cy cimport KeyTable
from aoftool.replay.compiled._plain cimport ARGUMENTS, Spans, parse, whole
from aoftool.replay.compiled._replay_cy cimport Runner
from aoftool.replay.compiled._store_cy cimport ABSENT, ELSEWHERE

from aoftool.replay.compiled._store_cy import CODES

__all__ = ["Follower"]

_FRAMING = {b"SELECT": SELECT, b"MULTI": MULTI, b"EXEC": EXEC}

cdef enum:
    DEL = 16
    SELECT = 101
    MULTI = 102
    EXEC = 103
    MSET = 104
    NAME_BYTES = 24
    NAME_SLOTS = 256
    # What `step` stops for: the end of the data or something only Python reads, a row for the long way, no memory.
    HANDED_BACK = 0
    NOT_PLAIN = 1
    NO_MEMORY = 2
    # As a store says it.
    DONE = 1
    IDLE = 2
    PIECE_MAX = 0x7FFFFFFF

cdef struct Name:
    uint8_t text[NAME_BYTES]
    uint8_t size
    int code
    # Commands of this name outside of transactions that had nothing to do, and where the first one is.
    int64_t idle
    int64_t first_idle
    int64_t run


cdef inline uint64_t slot_of(const uint8_t *text, uint64_t size) noexcept nogil:
    """Return where a name is looked for first; letters count whatever their case."""
    return (size * 37 + (text[0] & 0xDF) * 11 + (text[size - 1] & 0xDF) * 5 + (text[size // 2] & 0xDF)) % NAME_SLOTS


cdef inline bint is_name(const uint8_t *text, uint64_t size, Name *name) noexcept nogil:
    cdef uint64_t at
    cdef uint8_t letter
    if name.size != size:
        return False
    for at in range(size):
        letter = text[at]
        if c'a' <= letter <= c'z':
            letter -= 32
        if letter != name.text[at]:
            return False
    return True


cdef class Follower(Runner):
    """Follow the commands of a stream.

    Args:
        keyspace: nobody may observe what is done here; what it executes itself may be observed.
        known: upper-case names of the commands that its server has.
        empty: the keyspace holds nothing yet.

    Attributes:
        db: number of the selected database.
        inside: the next command stands in a transaction that is run as if it were none.
        transactions: how many of those were entered.
    """

    cdef KeyTable table
    cdef Name slots[NAME_SLOTS]
    cdef Spans spans
    cdef uint32_t numbers[ARGUMENTS]
    cdef uint8_t fresh
    cdef uint32_t number
    cdef int code
    cdef uint64_t next
    cdef Name *name_at
    cdef public int64_t db
    cdef public bint inside
    cdef public int64_t transactions

    def __init__(self, keyspace, known, bint empty):
        Runner.__init__(self, keyspace, 0, None)
        self.table = KeyTable()
        self.fresh = ABSENT if empty else ELSEWHERE
        self.place = self._place
        memset(self.slots, 0, sizeof(self.slots))
        for name, code in (*CODES.items(), *_FRAMING.items(), (b"MSET", MSET)):
            if name in known:
                self._enter(name, code)

    def _enter(self, bytes name, int code):
        cdef const uint8_t *text = name
        cdef uint64_t size = len(name), at = slot_of(text, size)
        while self.slots[at].size:
            at = (at + 1) % NAME_SLOTS
        memcpy(self.slots[at].text, text, size)
        self.slots[at].size = <uint8_t>size
        self.slots[at].code = code

    def _place(self, number):
        return int(self.table.homes[<uint32_t>number]), self.table.key(number)

    def feed(self, const uint8_t[::1] data, int64_t base, bint bare):
        """Execute commands from the start of the data and return the index behind the last one.

        There stands a command that is for the keyspace, or not all of one.

        Args:
            base: offset of the data, for places.
            bare: run transactions as if their commands were bare; otherwise they are handed back.
        """
        cdef uint64_t at = 0, size = data.shape[0]
        cdef int state, done
        if size == 0 or size > PIECE_MAX:
            return 0
        self.data = &data[0]
        while True:
            with nogil:
                state = self.step(&at, size, base, bare)
            if state == NO_MEMORY:
                raise MemoryError("no memory for values under replay")
            if state == HANDED_BACK:
                return at
            done = self.slow(self.code, self.number, self.db, &self.spans)
            if not done:
                return at
            self.note(done, base + <int64_t>at)
            at = self.next

    cdef void note(self, int done, int64_t offset) noexcept nogil:
        """Count a command that was done."""
        self.name_at.run += 1
        if done == IDLE and not self.inside:
            if not self.name_at.idle:
                self.name_at.first_idle = offset
            self.name_at.idle += 1

    cdef int step(self, uint64_t *place, uint64_t size, int64_t base, bint bare) noexcept nogil:
        """Execute commands in the store until one is not plain there."""
        cdef uint64_t at = place[0], behind
        cdef int64_t number = 0
        cdef int done
        cdef Name *name
        cdef const uint8_t *line
        while at < size:
            place[0] = at
            if self.data[at] == c'#':
                line = <const uint8_t *>memchr(self.data + at, c'\n', size - at)
                if line == NULL:
                    return HANDED_BACK
                at = <uint64_t>(line - self.data) + 1
                continue
            if not parse(self.data, size, at, &self.spans) or self.spans.count == 0:
                return HANDED_BACK
            behind = self.behind(at)
            name = self.name_of()
            if name == NULL:
                return HANDED_BACK
            self.name_at = name
            if name.code == MSET or (name.code == DEL and self.spans.count > 2):
                done = self.many(name.code == MSET)
                if done < 0:
                    return NO_MEMORY
                if not done:
                    return HANDED_BACK
                self.note(done, base + <int64_t>at)
                at = behind
                continue
            if name.code >= SELECT:
                if not self.frame(name.code, bare):
                    return HANDED_BACK
                at = behind
                continue
            if self.spans.count < 2:
                return HANDED_BACK
            number = self.table.lookup(
                <uint32_t>self.db, self.data + self.spans.starts[1], self.spans.sizes[1], True
            )
            if number < 0 or not self.store.make_room(<uint64_t>number + 1, self.fresh):
                return NO_MEMORY
            done = self.store.execute(name.code, <uint32_t>number, self.db, self.data, &self.spans)
            if done < 0:
                return NO_MEMORY
            if not done:
                self.number = <uint32_t>number
                self.code = name.code
                self.next = behind
                return NOT_PLAIN
            self.note(done, base + <int64_t>at)
            at = behind
        place[0] = at
        return HANDED_BACK

    cdef int many(self, bint sets) noexcept nogil:
        """Set or delete many keys, as a store says it; nothing where one of them is elsewhere."""
        cdef uint64_t index, step = 2 if sets else 1
        cdef int64_t number
        cdef bint found = False
        if self.spans.count < 3 or (sets and self.spans.count % 2 == 0):
            return 0
        index = 1
        while index < self.spans.count:
            number = self.table.lookup(
                <uint32_t>self.db, self.data + self.spans.starts[index], self.spans.sizes[index], True
            )
            if number < 0 or not self.store.make_room(<uint64_t>number + 1, self.fresh):
                return -1
            if self.store.items[number].kind == ELSEWHERE:
                return 0
            self.numbers[index] = <uint32_t>number
            index += step
        index = 1
        while index < self.spans.count:
            number = self.numbers[index]
            if sets:
                if not self.store.put_string(
                    <uint32_t>number, self.db, self.data + self.spans.starts[index + 1], self.spans.sizes[index + 1]
                ):
                    return -1
            elif self.store.items[number].kind:
                self.store.drop(<uint32_t>number)
                found = True
            index += step
        return DONE if sets or found else IDLE

    cdef uint64_t behind(self, uint64_t at) noexcept nogil:
        """Return the index behind a command that was parsed, which has at least its name."""
        cdef uint64_t last = self.spans.count - 1
        return self.spans.starts[last] + self.spans.sizes[last] + 2

    cdef Name *name_of(self) noexcept nogil:
        """Return what is known of the name of the command that was parsed, NULL where nothing is."""
        cdef const uint8_t *text = self.data + self.spans.starts[0]
        cdef uint64_t size = self.spans.sizes[0], at
        if size == 0 or size > NAME_BYTES:
            return NULL
        at = slot_of(text, size)
        while self.slots[at].size:
            if is_name(text, size, &self.slots[at]):
                return &self.slots[at]
            at = (at + 1) % NAME_SLOTS
        return NULL

    cdef bint frame(self, int code, bint bare) noexcept nogil:
        """Follow SELECT, MULTI and EXEC; false for what the keyspace has to see."""
        cdef int64_t number = 0
        if code == SELECT:
            if self.spans.count != 2 or not whole(self.data + self.spans.starts[1], self.spans.sizes[1], &number):
                return False
            if not 0 <= number < self.store.databases:
                return False
            self.db = number
            return True
        if not bare or self.spans.count != 1 or self.inside == (code == MULTI):
            return False
        self.inside = code == MULTI
        self.transactions += self.inside
        return True

    def let_go_of(self, int64_t db, bytes key not None):
        """Have a key in the keyspace, there or not, before something is executed there that names it."""
        cdef int64_t number = self.table.lookup(<uint32_t>db, key, len(key), True)
        if number < 0 or not self.store.make_room(<uint64_t>number + 1, self.fresh):
            raise MemoryError("no memory for keys under replay")
        self.let_go(<uint32_t>number)

    def let_go_of_all(self):
        """Have every key in the keyspace, those that come up later too."""
        cdef uint64_t number
        self.export()
        for number in range(self.table.count):
            if self.store.items[number].kind == ABSENT:
                self.store.items[number].kind = ELSEWHERE
        for number in range(self.table.count, self.store.keys):
            self.store.items[number].kind = ELSEWHERE
        self.fresh = ELSEWHERE

    def count(self, int64_t now_ms):
        """Return how many keys are held here, and of how many the expire time has come."""
        cdef uint64_t keys = 0, passed = 0
        self.store.count(now_ms, &keys, &passed)
        return keys, passed

    def take_idle(self):
        """Return (name, how many, offset of the first) of commands that had nothing to do, since the last call."""
        found = []
        cdef int at
        for at in range(NAME_SLOTS):
            if self.slots[at].idle:
                name = bytes(self.slots[at].text[: self.slots[at].size])
                found.append((name, self.slots[at].idle, self.slots[at].first_idle))
                self.slots[at].idle = 0
        return found

    def names_run(self):
        """Return the names of commands that were executed here."""
        cdef int at
        return {
            bytes(self.slots[at].text[: self.slots[at].size]) for at in range(NAME_SLOTS) if self.slots[at].run
        }
