"""Compiled twin of the functions of `_touches_py.py` that go over all rows of a chunk; releases the GIL."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from aoftool.columns import cut, zeros

cdef enum:
    ONE_CHANGES = 3
    ONE_SETS = 6
    MANY = 7
    SORT = 9
    FLUSH_DB = 10
    FLUSH_ALL = 11
    FUNCTIONS = 12
    REF_READS = 3
    REF_SETS = 5
    EFFECT_MASK = 0x0F
    DROPPED = 0x40
    LAST = 0x80
    TRIMMED = 1


cdef class _Columns:
    """The columns of a chunk that touches are read from."""

    cdef const uint8_t[::1] ops
    cdef const uint8_t[::1] fates
    cdef const uint32_t[::1] keys
    cdef const uint32_t[::1] ref_keys
    cdef const uint8_t[::1] ref_effects

    def __init__(self, chunk):
        columns = chunk.columns
        self.ops = columns.ops
        self.fates = columns.fates
        self.keys = columns.keys
        self.ref_keys = columns.ref_keys
        self.ref_effects = columns.ref_effects

    cdef inline bint is_touching(self, int64_t row) noexcept nogil:
        return self.fates[row] <= TRIMMED and ONE_CHANGES <= self.ops[row] <= SORT


cdef inline void _count(uint8_t *count, uint8_t *copied, bint sets) noexcept nogil:
    copied[0] = sets and count[0] == 0
    if count[0] < 2:
        count[0] += 1


def count_touches(chunk, int64_t stop, uint8_t[::1] counts, uint8_t[::1] written, uint8_t[::1] copied):
    """See `_touches_py.count_touches`."""
    cdef _Columns columns = _Columns(chunk)
    cdef int64_t row
    cdef uint32_t key, at
    cdef uint8_t effect, op
    with nogil:
        for row in range(stop):
            if not columns.is_touching(row):
                continue
            op = columns.ops[row]
            key = columns.keys[row]
            if op <= ONE_SETS:
                _count(&counts[key], &copied[key], op == ONE_SETS)
                written[key] = 1
                continue
            at = key
            while True:
                effect = columns.ref_effects[at]
                if not effect & DROPPED:
                    key = columns.ref_keys[at]
                    _count(&counts[key], &copied[key], effect & EFFECT_MASK == REF_SETS)
                    if effect & EFFECT_MASK != REF_READS:
                        written[key] = 1
                if effect & LAST:
                    break
                at += 1


def first_rows(chunk, int64_t stop, uint8_t[::1] seen):
    """See `_touches_py.first_rows`."""
    cdef _Columns columns = _Columns(chunk)
    cdef int64_t row, count = 0
    cdef uint32_t key, at
    cdef uint8_t effect
    room = stop + columns.ref_keys.shape[0]
    rows, keys = zeros("q", room), zeros("I", room)
    cdef int64_t[::1] to_rows = rows
    cdef uint32_t[::1] to_keys = keys
    with nogil:
        for row in range(stop):
            if not columns.is_touching(row):
                continue
            at = columns.keys[row]
            if columns.ops[row] <= ONE_SETS:
                if not seen[at]:
                    seen[at] = 1
                    to_rows[count] = row
                    to_keys[count] = at
                    count += 1
                continue
            while True:
                effect = columns.ref_effects[at]
                key = columns.ref_keys[at]
                if not effect & DROPPED and effect & EFFECT_MASK != REF_READS and not seen[key]:
                    seen[key] = 1
                    to_rows[count] = row
                    to_keys[count] = key
                    count += 1
                if effect & LAST:
                    break
                at += 1
    return cut(rows, count), cut(keys, count)


def needed_rows(chunk, int64_t stop, const uint8_t[::1] copied, of_key, int number, bint special):
    """See `_touches_py.needed_rows`."""
    cdef _Columns columns = _Columns(chunk)
    cdef int64_t row, count = 0
    cdef uint32_t key, at
    cdef uint8_t effect, op
    cdef bint split = of_key is not None
    cdef const uint16_t[::1] shares = of_key if split else zeros("H", 0)
    rows = zeros("q", stop)
    cdef int64_t[::1] found = rows
    with nogil:
        for row in range(stop):
            if columns.fates[row] > TRIMMED:
                continue
            op = columns.ops[row]
            at = columns.keys[row]
            if op < ONE_CHANGES or op > SORT:
                if special and (op == FLUSH_DB or op == FLUSH_ALL or (op == FUNCTIONS and number == 0)):
                    found[count] = row
                    count += 1
                continue
            if op <= ONE_SETS:
                if not copied[at] and (not split or shares[at] == number):
                    found[count] = row
                    count += 1
                continue
            while True:
                effect = columns.ref_effects[at]
                key = columns.ref_keys[at]
                if not effect & DROPPED and not copied[key] and (not split or shares[key] == number):
                    found[count] = row
                    count += 1
                    break
                if effect & LAST:
                    break
                at += 1
    return cut(rows, count)


def count_rows(chunk, int64_t fates, int64_t[::1] rows, int64_t[::1] sizes, int64_t[::1] ops, int64_t[::1] cut_of):
    """See `_touches_py.count_rows`."""
    cdef const uint16_t[::1] names = chunk.columns.names
    cdef const uint8_t[::1] fate_of = chunk.columns.fates
    cdef const uint8_t[::1] op_of = chunk.columns.ops
    cdef const int64_t[::1] offsets = chunk.columns.offsets
    cdef const uint32_t[::1] keys = chunk.columns.keys
    cdef const uint8_t[::1] ref_effects = chunk.columns.ref_effects
    cdef const uint32_t[::1] ref_sizes = chunk.columns.ref_sizes
    cdef int64_t row, cell
    cdef uint32_t at
    with nogil:
        for row in range(op_of.shape[0]):
            cell = names[row] * fates + fate_of[row]
            rows[cell] += 1
            sizes[cell] += offsets[row + 1] - offsets[row]
            ops[op_of[row]] += 1
            if fate_of[row] != TRIMMED:
                continue
            at = keys[row]
            while True:
                if ref_effects[at] & DROPPED:
                    cut_of[names[row]] += ref_sizes[at]
                if ref_effects[at] & LAST:
                    break
                at += 1
