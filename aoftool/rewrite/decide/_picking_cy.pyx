# cython: language_level=3
"""Compiled twin of `_picking_py.py`, which is the specification of every function here.

Rows that are given are held against the columns they point into. Keys need no such look: they are numbers of
the table that the other columns have a cell for each key of. Releases the GIL where it goes over columns.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, malloc, qsort

from aoftool.columns import cut, zeros

cdef enum:
    ONE_CHANGES = 3
    ONE_SETS = 6
    MANY = 7
    SORT = 9
    FLUSH_DB = 10
    FRAMING = 1
    TRIMMED = 1
    DROPPED = 0x40
    LAST = 0x80

# A key that is not cut out of a row of several, and which of them it is.
cdef struct Held:
    uint32_t key
    int64_t rank


cdef int _need(const int64_t[::1] rows, int64_t count) except -1:
    cdef int64_t place
    for place in range(rows.shape[0]):
        if not 0 <= rows[place] < count:
            raise IndexError("there is no such row")
    return 0


def spans_of(const int64_t[::1] offsets, const int64_t[::1] rows):
    """See `_picking_py.spans_of`."""
    cdef int64_t place, count = rows.shape[0]
    _need(rows, offsets.shape[0] - 1)
    start_column, end_column = zeros("q", count), zeros("q", count)
    cdef int64_t[::1] starts = start_column
    cdef int64_t[::1] ends = end_column
    with nogil:
        for place in range(count):
            starts[place] = offsets[rows[place]]
            ends[place] = offsets[rows[place] + 1]
    return start_column, end_column


def chosen_rows(const int64_t[::1] rows, const uint8_t[::1] flags):
    """See `_picking_py.chosen_rows`."""
    cdef int64_t place, count = 0
    if flags.shape[0] < rows.shape[0]:
        raise ValueError("a flag for each row")
    column = zeros("q", rows.shape[0])
    cdef int64_t[::1] found = column
    with nogil:
        for place in range(rows.shape[0]):
            if flags[place]:
                found[count] = rows[place]
                count += 1
    return cut(column, count)


def chosen_keys(const uint32_t[::1] keys, const uint8_t[::1] flags):
    """See `_picking_py.chosen_keys`."""
    cdef int64_t place, count = 0
    if flags.shape[0] < keys.shape[0]:
        raise ValueError("a flag for each key")
    column = zeros("I", keys.shape[0])
    cdef uint32_t[::1] found = column
    with nogil:
        for place in range(keys.shape[0]):
            if flags[place]:
                found[count] = keys[place]
                count += 1
    return cut(column, count)


def distinct_rows(const int64_t[::1] rows):
    """See `_picking_py.distinct_rows`."""
    cdef int64_t place, count = 0
    column = zeros("q", rows.shape[0])
    cdef int64_t[::1] found = column
    with nogil:
        for place in range(rows.shape[0]):
            if count == 0 or rows[place] != found[count - 1]:
                found[count] = rows[place]
                count += 1
    return cut(column, count)


def flags_of(const uint8_t[::1] flags, const uint32_t[::1] keys):
    """See `_picking_py.flags_of`."""
    cdef int64_t place
    column = bytearray(keys.shape[0])
    cdef uint8_t[::1] found = column
    with nogil:
        for place in range(keys.shape[0]):
            found[place] = flags[keys[place]] != 0
    return column


def are_sets(chunk, const int64_t[::1] rows):
    """See `_picking_py.are_sets`."""
    cdef const uint8_t[::1] ops = chunk.columns.ops
    cdef int64_t place
    _need(rows, ops.shape[0])
    for place in range(rows.shape[0]):
        if ops[rows[place]] != ONE_SETS:
            return False
    return True


def count_homes(const uint32_t[::1] home, const uint8_t[::1] flags, others, int64_t databases):
    """See `_picking_py.count_homes`."""
    cdef bint both = others is not None
    cdef const uint8_t[::1] second = others if both else flags
    cdef int64_t key
    if flags.shape[0] < home.shape[0] or second.shape[0] < home.shape[0]:
        raise ValueError("a flag for each key")
    column = zeros("q", databases)
    cdef int64_t[::1] counts = column
    with nogil:
        for key in range(home.shape[0]):
            # No key has its home in a database that the target has not.
            if flags[key] and second[key] and home[key] < databases:
                counts[home[key]] += 1
    return column


def in_database(
    const int64_t[::1] rows, const uint32_t[::1] keys, const uint32_t[::1] home, uint32_t physical, of_key, int number
):
    """See `_picking_py.in_database`."""
    cdef bint split = of_key is not None
    cdef const uint16_t[::1] shares = of_key if split else zeros("H", 0)
    cdef int64_t place, count = 0
    if rows.shape[0] < keys.shape[0]:
        raise ValueError("a row for each key")
    row_column, key_column = zeros("q", keys.shape[0]), zeros("I", keys.shape[0])
    cdef int64_t[::1] to_rows = row_column
    cdef uint32_t[::1] to_keys = key_column
    with nogil:
        for place in range(keys.shape[0]):
            if home[keys[place]] == physical and (not split or shares[keys[place]] == number):
                to_rows[count] = rows[place]
                to_keys[count] = keys[place]
                count += 1
    return cut(row_column, count), cut(key_column, count)


def rows_as_run(
    chunk, const int64_t[::1] rows, const uint8_t[::1] codes, const uint32_t[::1] home, const int64_t[::1] final
):
    """See `_picking_py.rows_as_run`."""
    columns = chunk.columns
    cdef const uint16_t[::1] names = columns.names
    cdef const uint8_t[::1] ops = columns.ops
    cdef const uint32_t[::1] keys = columns.keys
    cdef const uint32_t[::1] ref_keys = columns.ref_keys
    cdef int64_t place, row, db, count = rows.shape[0]
    cdef uint32_t key
    cdef uint8_t op
    start_column, _ = spans_of(columns.offsets, rows)
    code_column, key_column, number_column = bytearray(count), zeros("I", count), zeros("q", count)
    cdef uint8_t[::1] to_codes = code_column
    cdef uint32_t[::1] to_keys = key_column
    cdef int64_t[::1] numbers = number_column
    with nogil:
        for place in range(count):
            row = rows[place]
            op = ops[row]
            key = keys[row]
            db = -1
            if op <= ONE_SETS:
                to_codes[place] = codes[names[row]]
            if ONE_CHANGES <= op <= ONE_SETS:
                db = home[key]
            elif MANY <= op <= SORT:
                db = home[ref_keys[key]]
            elif op == FLUSH_DB:
                db = key
            to_keys[place] = key
            # A database that the target has not is no key's home.
            numbers[place] = final[db] if 0 <= db < final.shape[0] else -1
    return start_column, code_column, key_column, number_column


def carried_rows(chunk, int64_t start):
    """See `_picking_py.carried_rows`."""
    cdef const uint16_t[::1] names = chunk.columns.names
    cdef const uint8_t[::1] ops = chunk.columns.ops
    cdef const uint8_t[::1] fates = chunk.columns.fates
    cdef int64_t row, count = 0
    column = zeros("q", ops.shape[0])
    cdef int64_t[::1] found = column
    with nogil:
        for row in range(ops.shape[0]):
            if names[row] and (ops[row] == FRAMING or (row >= start and fates[row] <= TRIMMED)):
                found[count] = row
                count += 1
    return cut(column, count)


cdef int by_key(const void *one, const void *other) noexcept nogil:
    cdef const Held *a = <const Held *>one
    cdef const Held *b = <const Held *>other
    if a.key != b.key:
        return -1 if a.key < b.key else 1
    return -1 if a.rank < b.rank else 1


cdef int64_t rank_in(const Held *held, int64_t count, uint32_t key) noexcept nogil:
    """Return the last rank of a key, -1 when it is not held."""
    cdef int64_t low = 0, high = count, middle
    while low < high:
        middle = (low + high) // 2
        if held[middle].key <= key:
            low = middle + 1
        else:
            high = middle
    return held[low - 1].rank if low and held[low - 1].key == key else -1


cdef int64_t hold(Held *held, const uint32_t[::1] ref_keys, const uint8_t[::1] ref_effects, uint32_t first) noexcept nogil:
    """Fill in the keys of a row that are not cut out, by key and rank, and return how many there are."""
    cdef int64_t rank = 0, count = 0
    while True:
        if not ref_effects[first + rank] & DROPPED:
            held[count].key = ref_keys[first + rank]
            held[count].rank = rank
            count += 1
        if ref_effects[first + rank] & LAST:
            break
        rank += 1
    qsort(held, count, sizeof(Held), by_key)
    return count


def ranks_of(chunk, const int64_t[::1] rows, const uint32_t[::1] keys):
    """See `_picking_py.ranks_of`."""
    columns = chunk.columns
    cdef const uint8_t[::1] ops = columns.ops
    cdef const uint32_t[::1] firsts = columns.keys
    cdef const uint32_t[::1] ref_keys = columns.ref_keys
    cdef const uint8_t[::1] ref_effects = columns.ref_effects
    cdef int64_t place, row, at = -1, count = 0, rank = 0
    cdef Held *held
    _need(rows, ops.shape[0])
    if keys.shape[0] != rows.shape[0]:
        raise ValueError("a key for each row")
    column = zeros("q", rows.shape[0])
    cdef int64_t[::1] found = column
    # No row has more keys than there are refs.
    held = <Held *>malloc(max(ref_keys.shape[0], 1) * sizeof(Held))
    if not held:
        raise MemoryError
    with nogil:
        for place in range(rows.shape[0]):
            row = rows[place]
            if ops[row] < MANY:
                continue
            if row != at:
                at = row
                count = hold(held, ref_keys, ref_effects, firsts[row])
            rank = rank_in(held, count, keys[place])
            if rank < 0:
                break
            found[place] = rank
    free(held)
    if rank < 0:
        raise IndexError("the row has no such key")
    return column


def set_arguments(
    chunk, const int64_t[::1] rows, const uint32_t[::1] keys, const int64_t[::1] firsts, const int64_t[::1] steps
):
    """See `_picking_py.set_arguments`."""
    cdef const uint16_t[::1] names = chunk.columns.names
    cdef const uint8_t[::1] ops = chunk.columns.ops
    cdef int64_t place, row
    column = ranks_of(chunk, rows, keys)
    cdef int64_t[::1] found = column
    for place in range(rows.shape[0]):
        row = rows[place]
        if ops[row] == ONE_SETS:
            found[place] = 1
        elif names[row] >= firsts.shape[0] or names[row] >= steps.shape[0]:
            raise IndexError("a first argument for each name")
        else:
            found[place] = firsts[names[row]] + steps[names[row]] * found[place]
    return column


def lay_out(const uint8_t[::1] flags, int64_t at, const int64_t[::1] sizes):
    """See `_picking_py.lay_out`."""
    cdef int64_t first = at, used = 0, done = 0
    start_column, end_column = zeros("q", flags.shape[0] - at), zeros("q", flags.shape[0] - at)
    cdef int64_t[::1] starts = start_column
    cdef int64_t[::1] ends = end_column
    while used < sizes.shape[0]:
        if at >= flags.shape[0]:
            raise IndexError("a size for each key that has the flag")
        if flags[at]:
            starts[at - first] = done
            done += sizes[used]
            ends[at - first] = done
            used += 1
        at += 1
    return at, cut(start_column, at - first), cut(end_column, at - first)
