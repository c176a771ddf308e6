"""Containers of byte strings without Python objects: an ordered table and a double-ended list.

The table keeps the order of a dict: a new name goes to the end, another value keeps the place, a name
that was removed and comes again goes to the end.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy

from aoftool.liveness._keys_cy cimport aof_same

cdef enum:
    # Tables up to here have no slots: a look through all of them is as fast.
    SLOTLESS = 8

# Size in four bytes, then the bytes themselves.
ctypedef uint8_t *Blob

cdef struct Entry:
    uint64_t hashed
    # NULL: removed.
    Blob name
    # A value (a Blob), or the bits of a score.
    uint64_t word

cdef struct Table:
    Entry *entries
    uint32_t *slots
    uint64_t used
    uint64_t live
    uint64_t room
    bint large
    # A sorted set asked for its ends has its live entries in a heap: see `_heap.pxd`. NULL: it was not.
    uint32_t *heap
    uint32_t *heap_places
    uint64_t heaped
    bint highest

cdef struct Ring:
    Blob *items
    uint64_t head
    uint64_t count
    uint64_t mask


cdef inline Blob new_blob(const uint8_t *text, uint64_t size) noexcept nogil:
    cdef Blob blob = <Blob>malloc(size + 4)
    cdef uint32_t short_size = <uint32_t>size
    if blob:
        memcpy(blob, &short_size, 4)
        memcpy(blob + 4, text, size)
    return blob


cdef inline Blob resized_blob(Blob blob, uint64_t size) noexcept nogil:
    """Return a blob of another size, a new one for NULL; what is added is not set."""
    cdef Blob moved = <Blob>realloc(blob, size + 4)
    cdef uint32_t short_size = <uint32_t>size
    if moved:
        memcpy(moved, &short_size, 4)
    return moved


cdef inline uint64_t blob_size(Blob blob) noexcept nogil:
    cdef uint32_t size
    memcpy(&size, blob, 4)
    return size


cdef inline int64_t find_entry(Table *table, uint64_t hashed, const uint8_t *text, uint64_t size) noexcept nogil:
    """Return the place of a name, -1 when it is not there."""
    cdef uint64_t at, mask
    cdef uint32_t slot
    cdef Entry *entry
    if table.slots == NULL:
        for at in range(table.used):
            entry = &table.entries[at]
            if entry.hashed == hashed and entry.name and blob_size(entry.name) == size:
                if aof_same(entry.name + 4, text, size):
                    return <int64_t>at
        return -1
    mask = table.room * 2 - 1
    at = hashed & mask
    while True:
        slot = table.slots[at]
        if slot == 0:
            return -1
        entry = &table.entries[slot - 1]
        if entry.hashed == hashed and entry.name and blob_size(entry.name) == size:
            if aof_same(entry.name + 4, text, size):
                return <int64_t>(slot - 1)
        at = (at + 1) & mask


cdef inline void free_heap(Table *table) noexcept nogil:
    free(table.heap)
    free(table.heap_places)
    table.heap = NULL
    table.heap_places = NULL
    table.heaped = 0


cdef inline bint settle_table(Table *table, uint64_t room) noexcept nogil:
    """Close the gaps of removed entries and give the table room for `room` of them."""
    cdef uint64_t at, to = 0, place, mask
    cdef void *moved
    cdef uint32_t *slots = NULL
    if room > 0x40000000:
        return False
    if room > SLOTLESS:
        slots = <uint32_t *>calloc(room * 2, sizeof(uint32_t))
        if slots == NULL:
            return False
    if room > table.room:
        moved = realloc(table.entries, room * sizeof(Entry))
        if moved == NULL:
            free(slots)
            return False
        table.entries = <Entry *>moved
    for at in range(table.used):
        if table.entries[at].name:
            table.entries[to] = table.entries[at]
            to += 1
    free_heap(table)
    free(table.slots)
    table.slots = slots
    table.used = to
    table.room = room
    if slots:
        mask = room * 2 - 1
        for at in range(to):
            place = table.entries[at].hashed & mask
            while slots[place]:
                place = (place + 1) & mask
            slots[place] = <uint32_t>(at + 1)
    return True


cdef inline Entry *append_entry(
    Table *table, uint64_t hashed, const uint8_t *text, uint64_t size
) noexcept nogil:
    """Add a name that is not there and return its entry, NULL when there is no memory."""
    cdef uint64_t place, mask, room
    cdef Entry *entry
    cdef Blob name
    if table.used == table.room:
        room = table.room if table.live * 4 < table.used * 3 else table.room * 2
        if not settle_table(table, room if room else 4):
            return NULL
    name = new_blob(text, size)
    if name == NULL:
        return NULL
    entry = &table.entries[table.used]
    entry.hashed = hashed
    entry.name = name
    entry.word = 0
    table.used += 1
    table.live += 1
    if table.slots:
        mask = table.room * 2 - 1
        place = hashed & mask
        while table.slots[place]:
            place = (place + 1) & mask
        table.slots[place] = <uint32_t>table.used
    return entry


cdef inline void free_table(Table *table, bint values) noexcept nogil:
    cdef uint64_t at
    for at in range(table.used):
        if table.entries[at].name:
            free(table.entries[at].name)
            if values:
                free(<void *>table.entries[at].word)
    free_heap(table)
    free(table.entries)
    free(table.slots)
    free(table)


cdef inline bint ring_room(Ring *ring) noexcept nogil:
    """Make room for one more."""
    cdef uint64_t room, at
    cdef Blob *items
    if ring.items and ring.count <= ring.mask:
        return True
    room = (ring.mask + 1) * 2 if ring.items else 8
    items = <Blob *>malloc(room * sizeof(Blob))
    if items == NULL:
        return False
    for at in range(ring.count):
        items[at] = ring.items[(ring.head + at) & ring.mask]
    free(ring.items)
    ring.items = items
    ring.head = 0
    ring.mask = room - 1
    return True


cdef inline bint ring_push(Ring *ring, const uint8_t *text, uint64_t size, bint left) noexcept nogil:
    cdef Blob item
    if not ring_room(ring):
        return False
    item = new_blob(text, size)
    if item == NULL:
        return False
    if left:
        ring.head = (ring.head - 1) & ring.mask
        ring.items[ring.head] = item
    else:
        ring.items[(ring.head + ring.count) & ring.mask] = item
    ring.count += 1
    return True


cdef inline void ring_drop(Ring *ring, uint64_t count, bint left) noexcept nogil:
    """Remove elements from one end."""
    cdef uint64_t at
    for at in range(count):
        if left:
            free(ring.items[ring.head & ring.mask])
            ring.head = (ring.head + 1) & ring.mask
        else:
            free(ring.items[(ring.head + ring.count - 1) & ring.mask])
        ring.count -= 1


cdef inline void ring_remove(
    Ring *ring, const uint8_t *text, uint64_t size, uint64_t limit, bint from_tail
) noexcept nogil:
    """Remove up to so many elements equal to a text, seen from one end."""
    cdef uint64_t index, at, to, kept = 0
    cdef Blob item
    for index in range(ring.count):
        at = (ring.head + (ring.count - 1 - index if from_tail else index)) & ring.mask
        item = ring.items[at]
        if limit and blob_size(item) == size and aof_same(item + 4, text, size):
            free(item)
            limit -= 1
            continue
        to = (ring.head + (ring.count - 1 - kept if from_tail else kept)) & ring.mask
        ring.items[to] = item
        kept += 1
    if from_tail:
        # What is left ends where the list ended.
        ring.head = (ring.head + ring.count - kept) & ring.mask
    ring.count = kept


cdef inline void free_ring(Ring *ring) noexcept nogil:
    ring_drop(ring, ring.count, True)
    free(ring.items)
    free(ring)
