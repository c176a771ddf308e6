# cython: language_level=3
"""Compiled twin of `_tables_py.py`, which is the specification of every function here."""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc, qsort

from aoftool.columns import cut, zeros

cdef enum:
    # Columns of a slice, and of a cell; see `series.py`.
    FILE = 0
    OFFSET = 1
    TIME = 2
    COMMANDS = 3
    BYTES = 4
    DEADLINE = 5
    STREAM = 6
    STREAM_AFTER = 7
    SLICE_SIZE = 8
    CELL_SIZE = 5
    DELETED = -1

cdef struct Ranked:
    int64_t first
    int64_t second
    int64_t number

cdef struct Cell:
    int64_t slice
    int64_t kind
    int64_t name
    int64_t commands
    int64_t size_bytes


cdef inline bint before(const Ranked *one, const Ranked *other) noexcept nogil:
    if one.first != other.first:
        return one.first > other.first
    if one.second != other.second:
        return one.second > other.second
    return one.number < other.number


cdef int by_rank(const void *one, const void *other) noexcept nogil:
    return -1 if before(<const Ranked *>one, <const Ranked *>other) else 1


cdef void sink(Ranked *heap, int64_t count) noexcept nogil:
    """Put the first of a heap whose first is the last in rank where it belongs."""
    cdef int64_t at = 0, child
    cdef Ranked moved = heap[0]
    while True:
        child = 2 * at + 1
        if child >= count:
            break
        if child + 1 < count and before(&heap[child], &heap[child + 1]):
            child += 1
        if not before(&moved, &heap[child]):
            break
        heap[at] = heap[child]
        at = child
    heap[at] = moved


cdef void rise(Ranked *heap, int64_t at) noexcept nogil:
    cdef Ranked moved = heap[at]
    cdef int64_t parent
    while at:
        parent = (at - 1) // 2
        if not before(&heap[parent], &moved):
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = moved


def ranked(const int64_t[::1] first, const int64_t[::1] second, int64_t limit):
    """See `_tables_py.ranked`."""
    cdef int64_t number, count = 0, most = min(limit, first.shape[0])
    cdef Ranked one
    cdef Ranked *heap
    if second.shape[0] < first.shape[0]:
        raise ValueError("columns of different length")
    if most <= 0:
        return zeros("q", 0)
    column = zeros("q", most)
    cdef int64_t[::1] found = column
    heap = <Ranked *>malloc(most * sizeof(Ranked))
    if not heap:
        raise MemoryError
    with nogil:
        for number in range(first.shape[0]):
            one.first, one.second, one.number = first[number], second[number], number
            if count < most:
                heap[count] = one
                rise(heap, count)
                count += 1
            elif before(&one, &heap[0]):
                heap[0] = one
                sink(heap, count)
        qsort(heap, count, sizeof(Ranked), by_rank)
        for number in range(count):
            found[number] = heap[number].number
    free(heap)
    return column


def count_prefixes(const int64_t[::1] prefix, const int64_t[::1] deadline_ms, int64_t size):
    """See `_tables_py.count_prefixes`."""
    cdef int64_t key, number
    if deadline_ms.shape[0] != prefix.shape[0]:
        raise ValueError("columns of different length")
    columns = zeros("q", size), zeros("q", size), zeros("q", size)
    cdef int64_t[::1] keys = columns[0]
    cdef int64_t[::1] expiring = columns[1]
    cdef int64_t[::1] deleted = columns[2]
    for key in range(prefix.shape[0]):
        number = prefix[key]
        if not 0 <= number < size:
            raise IndexError(number)
        keys[number] += 1
        expiring[number] += deadline_ms[key] > 0
        deleted[number] += deadline_ms[key] == DELETED
    return columns


def seconds_of(const int64_t[::1] deadline_ms):
    """See `_tables_py.seconds_of`."""
    cdef int64_t key, count = 0
    column = zeros("q", deadline_ms.shape[0])
    cdef int64_t[::1] found = column
    with nogil:
        for key in range(deadline_ms.shape[0]):
            if deadline_ms[key] > 0:
                found[count] = deadline_ms[key] // 1000
                count += 1
    return cut(column, count)


cdef int by_place(const void *one, const void *other) noexcept nogil:
    cdef const Cell *a = <const Cell *>one
    cdef const Cell *b = <const Cell *>other
    if a.slice != b.slice:
        return -1 if a.slice < b.slice else 1
    if a.kind != b.kind:
        return -1 if a.kind < b.kind else 1
    if a.name != b.name:
        return -1 if a.name < b.name else 1
    return 0


cdef int64_t join(const int64_t[::1] slices, int64_t[::1] rows, int64_t[::1] owner, int64_t shift, int64_t width_s) noexcept nogil:
    """Join slices into rows, say to which each belongs, and return how many there are."""
    cdef int64_t number, count = 0
    cdef int64_t stretch, step, last_file = 0, last_stretch = 0, last_step = 0
    cdef const int64_t *old
    cdef int64_t *row = NULL
    for number in range(owner.shape[0]):
        old = &slices[number * SLICE_SIZE]
        stretch = old[OFFSET] >> shift
        step = old[TIME] // width_s if old[TIME] >= 0 else -1
        if count == 0 or old[FILE] != last_file or stretch != last_stretch or step != last_step:
            row = &rows[count * SLICE_SIZE]
            row[FILE], row[OFFSET], row[TIME] = old[FILE], old[OFFSET], old[TIME]
            last_file, last_stretch, last_step = old[FILE], stretch, step
            count += 1
        if old[STREAM] > 0 and row[STREAM] == 0:
            row[STREAM] = old[STREAM]
            row[STREAM_AFTER] = old[STREAM_AFTER] + row[COMMANDS]
        row[COMMANDS] += old[COMMANDS]
        row[BYTES] += old[BYTES]
        if old[DEADLINE] > 0 and (row[DEADLINE] == 0 or old[DEADLINE] < row[DEADLINE]):
            row[DEADLINE] = old[DEADLINE]
        owner[number] = count - 1
    return count


def coarsened(const int64_t[::1] slices, const int64_t[::1] cells, int64_t shift, int64_t width_s):
    """See `_tables_py.coarsened`."""
    cdef int64_t number, joined = 0, count = cells.shape[0] // CELL_SIZE, old = slices.shape[0] // SLICE_SIZE
    cdef Cell *sums
    cdef Cell *one
    if width_s <= 0 or not 0 <= shift < 64:
        raise ValueError("no such step")
    row_column, owner_column = zeros("q", old * SLICE_SIZE), zeros("q", old)
    cell_column = zeros("q", count * CELL_SIZE)
    cdef int64_t[::1] rows = row_column
    cdef int64_t[::1] owner = owner_column
    cdef int64_t[::1] added = cell_column
    cdef int64_t kept = join(slices, rows, owner, shift, width_s)
    for number in range(count):
        if not 0 <= cells[number * CELL_SIZE] < old:
            raise IndexError("a cell of no slice")
    sums = <Cell *>malloc(max(count, 1) * sizeof(Cell))
    if not sums:
        raise MemoryError
    with nogil:
        for number in range(count):
            one = &sums[number]
            one.slice = owner[cells[number * CELL_SIZE]]
            one.kind, one.name = cells[number * CELL_SIZE + 1], cells[number * CELL_SIZE + 2]
            one.commands, one.size_bytes = cells[number * CELL_SIZE + 3], cells[number * CELL_SIZE + 4]
        qsort(sums, count, sizeof(Cell), by_place)
        for number in range(count):
            one = &sums[number]
            if number == 0 or by_place(one, &sums[number - 1]) != 0:
                added[joined * CELL_SIZE] = one.slice
                added[joined * CELL_SIZE + 1] = one.kind
                added[joined * CELL_SIZE + 2] = one.name
                joined += 1
            added[joined * CELL_SIZE - 2] += one.commands
            added[joined * CELL_SIZE - 1] += one.size_bytes
    free(sums)
    return cut(row_column, kept * SLICE_SIZE), cut(cell_column, joined * CELL_SIZE)
