"""The ends of a sorted set: a heap of the places of its entries, kept while members come and go.

It is made when it is first asked for and is gone when the table moves its entries.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy

from aoftool.replay.compiled._tables cimport Blob, Entry, Table, blob_size, free_heap


cdef inline double score_at(Entry *entry) noexcept nogil:
    cdef double score
    memcpy(&score, &entry.word, 8)
    return score


cdef inline bint is_before(Entry *one, Entry *other) noexcept nogil:
    """Tell whether an entry ranks below another: by score, then by the bytes of the members."""
    cdef double left = score_at(one), right = score_at(other)
    cdef uint64_t size, other_size
    cdef int order
    if left != right:
        return left < right
    size, other_size = blob_size(one.name), blob_size(other.name)
    order = memcmp(one.name + 4, other.name + 4, min(size, other_size))
    return order < 0 if order else size < other_size


cdef inline bint comes_first(Table *table, uint32_t one, uint32_t other) noexcept nogil:
    if table.highest:
        return is_before(&table.entries[other], &table.entries[one])
    return is_before(&table.entries[one], &table.entries[other])


cdef inline void heap_set(Table *table, uint64_t at, uint32_t place) noexcept nogil:
    table.heap[at] = place
    table.heap_places[place] = <uint32_t>at


cdef inline void heap_up(Table *table, uint64_t at) noexcept nogil:
    cdef uint32_t place = table.heap[at]
    while at and comes_first(table, place, table.heap[(at - 1) // 2]):
        heap_set(table, at, table.heap[(at - 1) // 2])
        at = (at - 1) // 2
    heap_set(table, at, place)


cdef inline void heap_down(Table *table, uint64_t at) noexcept nogil:
    cdef uint32_t place = table.heap[at]
    cdef uint64_t child
    while True:
        child = at * 2 + 1
        if child >= table.heaped:
            break
        if child + 1 < table.heaped and comes_first(table, table.heap[child + 1], table.heap[child]):
            child += 1
        if not comes_first(table, table.heap[child], place):
            break
        heap_set(table, at, table.heap[child])
        at = child
    heap_set(table, at, place)


cdef inline void heap_moved(Table *table, uint64_t place) noexcept nogil:
    """Put an entry right whose score has changed."""
    if table.heap:
        heap_up(table, table.heap_places[place])
        heap_down(table, table.heap_places[place])


cdef inline void heap_in(Table *table, uint64_t place) noexcept nogil:
    """Take in an entry that was added, with its score."""
    if table.heap:
        heap_set(table, table.heaped, <uint32_t>place)
        table.heaped += 1
        heap_up(table, table.heaped - 1)


cdef inline void heap_out(Table *table, uint64_t place) noexcept nogil:
    """Leave out an entry before it is removed."""
    cdef uint64_t at
    cdef uint32_t last
    if table.heap == NULL:
        return
    at = table.heap_places[place]
    table.heaped -= 1
    if at == table.heaped:
        return
    last = table.heap[table.heaped]
    heap_set(table, at, last)
    heap_up(table, at)
    heap_down(table, table.heap_places[last])


cdef inline bint heap_ready(Table *table, bint highest) noexcept nogil:
    """Have a heap with the lowest, or the highest, entry first; false when there is no memory."""
    cdef uint64_t place, at
    if table.heap and table.highest == highest:
        return True
    free_heap(table)
    table.heap = <uint32_t *>malloc(table.room * sizeof(uint32_t))
    table.heap_places = <uint32_t *>malloc(table.room * sizeof(uint32_t))
    if table.heap == NULL or table.heap_places == NULL:
        free_heap(table)
        return False
    table.highest = highest
    for place in range(table.used):
        if table.entries[place].name:
            heap_set(table, table.heaped, <uint32_t>place)
            table.heaped += 1
    at = table.heaped // 2
    while at:
        at -= 1
        heap_down(table, at)
    return True


cdef inline void drop_entry(Table *table, uint64_t place) noexcept nogil:
    """Remove an entry; what its word points to is the caller's."""
    heap_out(table, place)
    free(table.entries[place].name)
    table.entries[place].name = NULL
    table.live -= 1
