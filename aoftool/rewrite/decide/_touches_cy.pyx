"""Compiled twin of the functions of `_touches_py.py` that go over all rows of a chunk; releases the GIL."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

cdef enum:
    ONE_CHANGES = 3
    ONE_SETS = 6
    MANY = 7
    SORT = 9
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
        self.ops = chunk.ops
        self.fates = chunk.fates
        self.keys = chunk.keys
        self.ref_keys = chunk.ref_keys
        self.ref_effects = chunk.ref_effects

    cdef inline bint is_touching(self, int64_t row) noexcept nogil:
        return self.fates[row] <= TRIMMED and ONE_CHANGES <= self.ops[row] <= SORT


cdef inline void _count(uint8_t *count) noexcept nogil:
    if count[0] < 2:
        count[0] += 1


def count_touches(chunk, int64_t stop, uint8_t[::1] counts, uint8_t[::1] written, uint8_t[::1] sets):
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
                _count(&counts[key])
                written[key] = 1
                if op == ONE_SETS:
                    sets[key] = 1
                continue
            at = key
            while True:
                effect = columns.ref_effects[at]
                if not effect & DROPPED:
                    key = columns.ref_keys[at]
                    _count(&counts[key])
                    if effect & EFFECT_MASK != REF_READS:
                        written[key] = 1
                    if effect & EFFECT_MASK == REF_SETS:
                        sets[key] = 1
                if effect & LAST:
                    break
                at += 1


def first_rows(chunk, int64_t stop, uint8_t[::1] seen):
    """See `_touches_py.first_rows`."""
    cdef _Columns columns = _Columns(chunk)
    cdef int64_t row, count = 0
    cdef uint32_t key, at
    cdef uint8_t effect
    room = stop + len(chunk.ref_keys)
    rows, keys = np.empty(room, np.int64), np.empty(room, np.uint32)
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
    return rows[:count].copy(), keys[:count].copy()


def needed_rows(chunk, int64_t stop, const uint8_t[::1] copied, of_key, int number):
    """See `_touches_py.needed_rows`."""
    cdef _Columns columns = _Columns(chunk)
    cdef int64_t row
    cdef uint32_t key, at
    cdef uint8_t effect
    cdef bint split = of_key is not None
    cdef const uint16_t[::1] shares = of_key if split else np.zeros(0, np.uint16)
    needed = np.zeros(stop, bool)
    cdef uint8_t[::1] flags = needed.view(np.uint8)
    with nogil:
        for row in range(stop):
            if not columns.is_touching(row):
                continue
            at = columns.keys[row]
            if columns.ops[row] <= ONE_SETS:
                flags[row] = not copied[at] and (not split or shares[at] == number)
                continue
            while True:
                effect = columns.ref_effects[at]
                key = columns.ref_keys[at]
                if not effect & DROPPED and not copied[key] and (not split or shares[key] == number):
                    flags[row] = 1
                    break
                if effect & LAST:
                    break
                at += 1
    return needed


def count_rows(chunk, int64_t fates, int64_t[::1] rows, int64_t[::1] sizes, int64_t[::1] ops, int64_t[::1] live):
    """See `_touches_py.count_rows`."""
    cdef const uint16_t[::1] names = chunk.names
    cdef const uint8_t[::1] fate_of = chunk.fates
    cdef const uint8_t[::1] op_of = chunk.ops
    cdef const int64_t[::1] offsets = chunk.offsets
    cdef int64_t row, cell
    with nogil:
        for row in range(op_of.shape[0]):
            cell = names[row] * fates + fate_of[row]
            rows[cell] += 1
            sizes[cell] += offsets[row + 1] - offsets[row]
            ops[op_of[row]] += 1
            if fate_of[row] <= TRIMMED:
                live[op_of[row]] += 1
