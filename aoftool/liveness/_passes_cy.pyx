"""The passes over the columns of a trace. Twin of `_backward_py`, `_needless_py`, `_components_py` and `_dead_py`.

K is kept as 4 bytes a key: a generation number of its database and a cause. Emptying or filling a
whole database is one increment of that number. Releases the GIL.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from aoftool.liveness._keys_cy cimport KeyTable

from aoftool.columns import zeros


cdef enum:
    ONE_CHANGES = 3
    ONE_REPLACES = 4
    ONE_DELETES = 5
    ONE_SETS = 6
    MANY = 7
    MANY_TRIM = 8
    SORT = 9
    FLUSH_DB = 10
    FLUSH_ALL = 11
    FUNCTIONS = 12
    SCRIPTS = 13
    OPAQUE = 14
    EVALSHA = 15
    REF_CHANGES = 2
    REF_READS = 3
    REF_DELETES = 4
    EFFECT_MASK = 0x0F
    DROPPED_FLAG = 0x40
    LAST_FLAG = 0x80
    LIVE = 0
    TRIMMED = 1
    OVERWRITTEN = 2
    DELETED = 3
    FLUSHED = 4
    NO_EFFECT = 5
    NEEDLESS = 8
    CAUSE_BITS = 3
    CAUSE_MASK = 7
    LAST_GENERATION = 0x1FFFFFFF


cdef class Covered:
    """K: the keys whose present state is certainly replaced later. Twin of `_backward_py.Covered`."""

    cdef const uint32_t[::1] home
    cdef uint32_t[::1] state
    # Per database: generation, the cause of every key that has no state of it, keys that left K.
    cdef uint32_t[::1] generation
    cdef uint8_t[::1] rest
    cdef int64_t[::1] out
    cdef bint evalsha_follows

    def __init__(self, home, int databases):
        self.home = home
        cdef int db
        self.state = zeros("I", len(home))
        self.generation = zeros("I", databases)
        self.rest = zeros("B", databases)
        self.out = zeros("q", databases)
        for db in range(databases):
            self.generation[db] = 1

    cdef inline uint8_t get(self, uint32_t key) noexcept nogil:
        cdef uint32_t db = self.home[key]
        cdef uint32_t state = self.state[key]
        if state >> CAUSE_BITS == self.generation[db]:
            return state & CAUSE_MASK
        return self.rest[db]

    cdef inline void put(self, uint32_t key, uint8_t cause) noexcept nogil:
        """Set the cause of a key; 0 takes it out of K."""
        cdef uint32_t db = self.home[key]
        if self.rest[db] and (cause == 0) != (self.get(key) == 0):
            self.out[db] += 1 if cause == 0 else -1
        self.state[key] = self.generation[db] << CAUSE_BITS | cause

    cdef inline void set_database(self, uint32_t db, uint8_t cause) noexcept nogil:
        cdef int64_t key
        if self.generation[db] == LAST_GENERATION:
            for key in range(self.state.shape[0]):
                if self.home[key] == db:
                    self.state[key] = 0
            self.generation[db] = 0
        self.generation[db] += 1
        self.rest[db] = cause
        self.out[db] = 0

    cdef inline bint whole(self, uint32_t db) noexcept nogil:
        return self.rest[db] != 0 and self.out[db] == 0

    def cause(self, uint32_t key):
        """Return why a key is in K, or 0 when it is not."""
        return self.get(key)

    def covers_unnamed(self, uint32_t db):
        """Tell whether K holds the keys of a database that no command names."""
        return self.rest[db] != 0

    def causes(self):
        """Return the cause of every key."""
        found = zeros("B", self.state.shape[0])
        cdef uint8_t[::1] view = found
        cdef int64_t key
        for key in range(self.state.shape[0]):
            view[key] = self.get(<uint32_t>key)
        return found


cdef inline uint8_t cause_of(uint8_t effect) noexcept nogil:
    """Return what a ref puts a key into K for; 0 when it does not."""
    if effect == REF_DELETES:
        return DELETED
    return 0 if effect == REF_CHANGES or effect == REF_READS else OVERWRITTEN


cdef class _Chunk:
    cdef uint64_t count
    cdef const uint8_t[::1] ops
    cdef const uint32_t[::1] keys
    cdef uint8_t[::1] fates
    cdef const uint32_t[::1] ref_keys
    cdef uint8_t[::1] ref_effects

    def __init__(self, chunk):
        columns = chunk.columns
        self.count = len(columns.ops)
        self.ops = columns.ops
        self.keys = columns.keys
        self.fates = columns.fates
        self.ref_keys = columns.ref_keys
        self.ref_effects = columns.ref_effects


cdef uint8_t _many(Covered covered, _Chunk chunk, uint64_t first, bint sort) noexcept nogil:
    cdef uint64_t at = first
    cdef uint8_t effect, cause, found = 0
    cdef bint all_covered = True
    while True:
        effect = chunk.ref_effects[at] & EFFECT_MASK
        if effect != REF_READS:
            cause = covered.get(chunk.ref_keys[at])
            if cause == 0:
                all_covered = False
                break
            if found == 0:
                found = cause
        if chunk.ref_effects[at] & LAST_FLAG:
            break
        at += 1
    if all_covered:
        return found
    at = first
    while True:
        cause = cause_of(chunk.ref_effects[at] & EFFECT_MASK)
        if cause:
            covered.put(chunk.ref_keys[at], cause)
        if chunk.ref_effects[at] & LAST_FLAG:
            break
        at += 1
    at = first
    while True:
        if not cause_of(chunk.ref_effects[at] & EFFECT_MASK):
            covered.put(chunk.ref_keys[at], 0)
        if chunk.ref_effects[at] & LAST_FLAG:
            break
        at += 1
    if sort:
        covered.set_database(covered.home[chunk.ref_keys[first]], 0)
    return LIVE


cdef uint8_t _trim(Covered covered, _Chunk chunk, uint64_t first) noexcept nogil:
    cdef uint64_t last = first
    cdef uint64_t at, kept = 0, dropped = 0
    while not chunk.ref_effects[last] & LAST_FLAG:
        last += 1
    at = last + 1
    while at > first:
        at -= 1
        if covered.get(chunk.ref_keys[at]):
            chunk.ref_effects[at] |= DROPPED_FLAG
            dropped += 1
        else:
            covered.put(chunk.ref_keys[at], cause_of(chunk.ref_effects[at] & EFFECT_MASK))
            kept += 1
    if kept:
        return TRIMMED if dropped else LIVE
    for at in range(first, last + 1):
        chunk.ref_effects[at] &= ~DROPPED_FLAG
    return covered.get(chunk.ref_keys[first])


cdef uint8_t _special(Covered covered, uint8_t op, uint32_t db) noexcept nogil:
    cdef uint32_t number
    cdef bint whole = True
    if op == FLUSH_DB:
        if covered.whole(db):
            return FLUSHED
        covered.set_database(db, FLUSHED)
    elif op == FLUSH_ALL:
        for number in range(covered.rest.shape[0]):
            whole = whole and covered.whole(number)
        if whole:
            return FLUSHED
        for number in range(covered.rest.shape[0]):
            covered.set_database(number, FLUSHED)
    elif op == SCRIPTS:
        return LIVE if covered.evalsha_follows else NO_EFFECT
    elif op >= OPAQUE:
        covered.evalsha_follows = covered.evalsha_follows or op == EVALSHA
        for number in range(covered.rest.shape[0]):
            covered.set_database(number, 0)
    return LIVE


cdef void _walk(Covered covered, _Chunk chunk) noexcept nogil:
    cdef uint64_t row = chunk.count
    cdef uint8_t op, cause
    cdef uint32_t key
    while row > 0:
        row -= 1
        op = chunk.ops[row]
        key = chunk.keys[row]
        if op < ONE_CHANGES:
            continue
        if op <= ONE_SETS:
            cause = covered.get(key)
            chunk.fates[row] = cause
            if cause == 0 and op != ONE_CHANGES:
                covered.put(key, DELETED if op == ONE_DELETES else OVERWRITTEN)
        elif op == MANY_TRIM:
            chunk.fates[row] = _trim(covered, chunk, key)
        elif op <= SORT:
            chunk.fates[row] = _many(covered, chunk, key, op == SORT)
        else:
            chunk.fates[row] = _special(covered, op, key)


def mark_dead(trace):
    """Write the fate of every row into the trace and return K at the start of the log."""
    cdef Covered covered = Covered(trace.keys.home_column(), trace.databases)
    cdef _Chunk chunk
    for each in reversed(trace.chunks):
        chunk = _Chunk(each)
        with nogil:
            _walk(covered, chunk)
    return covered


cdef class _Filled:
    cdef const uint32_t[::1] home
    cdef uint8_t[::1] held
    cdef uint8_t[::1] databases

    cdef inline void write(self, uint32_t key) noexcept nogil:
        self.held[key] = 1
        self.databases[self.home[key]] = 1


cdef bint _settle(_Filled filled, _Chunk chunk, uint64_t row) noexcept nogil:
    """Note the writes of a row with several keys; true for a deletion that finds nothing."""
    cdef uint64_t at = chunk.keys[row]
    cdef uint64_t kept = 0, trimmed = 0
    cdef uint8_t flags, effect
    while True:
        flags = chunk.ref_effects[at]
        effect = flags & EFFECT_MASK
        if not flags & DROPPED_FLAG and effect != REF_READS:
            if effect != REF_DELETES:
                filled.write(chunk.ref_keys[at])
                kept += 1
            elif filled.held[chunk.ref_keys[at]]:
                kept += 1
            else:
                chunk.ref_effects[at] |= DROPPED_FLAG
                trimmed += 1
        if flags & LAST_FLAG:
            break
        at += 1
    if trimmed and kept:
        chunk.fates[row] = TRIMMED
    return trimmed > 0 and kept == 0


cdef void _forward(_Filled filled, _Chunk chunk, uint64_t stop) noexcept nogil:
    cdef uint64_t row
    cdef uint32_t number
    cdef uint8_t op
    cdef bint any_held
    for row in range(stop):
        if chunk.fates[row] > TRIMMED:
            continue
        op = chunk.ops[row]
        if op == ONE_DELETES:
            if not filled.held[chunk.keys[row]]:
                chunk.fates[row] = NEEDLESS
        elif op <= ONE_SETS:
            filled.write(chunk.keys[row])
        elif op <= SORT:
            if _settle(filled, chunk, row):
                chunk.fates[row] = NEEDLESS
        elif op == FLUSH_DB:
            if not filled.databases[chunk.keys[row]]:
                chunk.fates[row] = NEEDLESS
        elif op == FLUSH_ALL:
            any_held = False
            for number in range(filled.databases.shape[0]):
                any_held = any_held or filled.databases[number]
            if not any_held:
                chunk.fates[row] = NEEDLESS


def drop_needless(trace, held, databases):
    """Mark live deletions and flushes that find nothing; ends at the first opaque command.

    Args:
        held: one byte a key, 1 for keys with a live base record; changed.
        databases: one byte a physical database, 1 for those with one; changed.
    """
    cdef _Filled filled = _Filled()
    cdef _Chunk chunk
    cdef uint64_t stop
    filled.home = trace.keys.home_column()
    filled.held = held
    filled.databases = databases
    for number, each in enumerate(trace.chunks):
        chunk = _Chunk(each)
        stop = chunk.count
        last = trace.first_opaque is not None and trace.first_opaque.chunk == number
        if last:
            stop = trace.first_opaque.row
        with nogil:
            _forward(filled, chunk, stop)
        if last:
            return


cdef inline uint32_t _root(uint32_t[::1] parents, uint32_t key) noexcept nogil:
    while parents[key] != key:
        parents[key] = parents[parents[key]]
        key = parents[key]
    return key


cdef inline void _unite(uint32_t[::1] parents, uint32_t one, uint32_t other) noexcept nogil:
    one = _root(parents, one)
    other = _root(parents, other)
    if one < other:
        parents[other] = one
    elif other < one:
        parents[one] = other


cdef void _tie(
    uint32_t[::1] parents, _Chunk chunk, uint64_t stop, const uint32_t[::1] home, uint8_t[::1] whole
) noexcept nogil:
    cdef uint64_t row, at
    cdef uint32_t first
    for row in range(stop):
        if chunk.fates[row] > TRIMMED or (chunk.ops[row] != MANY and chunk.ops[row] != SORT):
            continue
        at = chunk.keys[row]
        first = chunk.ref_keys[at]
        if chunk.ops[row] == SORT:
            whole[home[first]] = 1
        while not chunk.ref_effects[at] & LAST_FLAG:
            at += 1
            _unite(parents, first, chunk.ref_keys[at])


def find_components(trace):
    """Return the component of every key: the smallest key number in it."""
    # Here: most logs are replayed as a whole, and numpy takes longer to load than a small one to read.
    import numpy as np

    homes = trace.keys.databases()
    found = np.arange(len(homes), dtype=np.uint32)
    whole = np.zeros(trace.databases, np.uint8)
    cdef const uint32_t[::1] home = homes
    cdef uint32_t[::1] parents = found
    cdef uint8_t[::1] flags = whole
    cdef _Chunk chunk
    cdef uint64_t stop
    cdef int64_t key
    for number, each in enumerate(trace.chunks):
        chunk = _Chunk(each)
        stop = chunk.count
        place = trace.first_opaque
        if place is not None and place.chunk <= number:
            stop = place.row if place.chunk == number else 0
        with nogil:
            _tie(parents, chunk, stop, home, flags)
    for db in np.flatnonzero(whole).tolist():
        keys = np.flatnonzero(homes == db).tolist()
        for key in keys:
            _unite(parents, keys[0], key)
    for key in range(len(homes)):
        parents[key] = _root(parents, key)
    return found


def unite(uint32_t[::1] parents, const uint32_t[::1] ones, const uint32_t[::1] others):
    """Join the components of pairs, under the smallest of their members."""
    cdef int64_t at
    with nogil:
        for at in range(ones.shape[0]):
            _unite(parents, ones[at], others[at])
        for at in range(parents.shape[0]):
            parents[at] = _root(parents, <uint32_t>at)


cdef inline int64_t _header(KeyTable keys, uint32_t key) noexcept nogil:
    """Return the bytes of `$`, the length of a key, and the line end."""
    cdef uint64_t size = keys.starts[key + 1] - keys.starts[key]
    cdef int64_t digits = 1
    while size >= 10:
        size //= 10
        digits += 1
    return 3 + digits


cdef void _share_out(
    _Chunk chunk, const uint32_t[::1] sizes, KeyTable keys, uint64_t first, int64_t length, int64_t[::1] total
) noexcept nogil:
    """Give the bytes of a dead row to its keys."""
    cdef uint64_t at = first
    cdef int64_t count, given = 0, part, own
    while not chunk.ref_effects[at] & LAST_FLAG:
        at += 1
    count = <int64_t>(at - first) + 1
    for at in range(first, first + count):
        given += sizes[at]
    # All headers but the first are counted with the key before.
    given -= _header(keys, chunk.ref_keys[first]) if sizes[first] else 0
    for at in range(first, first + count):
        if given <= 0:
            part = length // count
        else:
            own = _header(keys, chunk.ref_keys[at]) if sizes[at] else 0
            part = <int64_t>sizes[at] - own
            if at + 1 < first + count and sizes[at + 1]:
                part += _header(keys, chunk.ref_keys[at + 1])
        if at == first:
            part += length - (given if given > 0 else length // count * count)
        total[chunk.ref_keys[at]] += part


cdef void _add_dead(
    _Chunk chunk, const int64_t[::1] offsets, const uint32_t[::1] sizes, KeyTable keys, int64_t[::1] total
) noexcept nogil:
    cdef uint64_t row, at
    cdef uint8_t op, fate
    for row in range(chunk.count):
        op, fate = chunk.ops[row], chunk.fates[row]
        if op < ONE_CHANGES or op > SORT or fate == LIVE:
            continue
        if op <= ONE_SETS:
            if fate >= OVERWRITTEN:
                total[chunk.keys[row]] += offsets[row + 1] - offsets[row]
        elif fate == TRIMMED:
            at = chunk.keys[row]
            while True:
                if chunk.ref_effects[at] & DROPPED_FLAG:
                    total[chunk.ref_keys[at]] += sizes[at]
                if chunk.ref_effects[at] & LAST_FLAG:
                    break
                at += 1
        else:
            _share_out(chunk, sizes, keys, chunk.keys[row], offsets[row + 1] - offsets[row], total)


def add_dead(chunk, KeyTable keys not None, int64_t[::1] total):
    """See `_dead_py.add_dead`."""
    cdef _Chunk rows = _Chunk(chunk)
    cdef const int64_t[::1] offsets = chunk.columns.offsets
    cdef const uint32_t[::1] sizes = chunk.columns.ref_sizes
    with nogil:
        _add_dead(rows, offsets, sizes, keys, total)
