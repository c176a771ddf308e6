"""Rows on their way to a store: parsed some steps before their turn, so that memory is asked for in time.

A row of a large data set waits for its item, the body of that, a slot of a table, an entry and a name, each of which
says where the next one is. Rows that stand behind each other are looked at in turns, one of these steps at a time.
What is asked for here is a hint alone: whatever happens meanwhile, `Store.execute` looks for itself.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from aoftool.liveness._keys_cy cimport aof_hash, aof_prefetch
from aoftool.replay.compiled._plain cimport Spans
from aoftool.replay.compiled._store_cy cimport HASH, LIST, STREAM, STRING, Item, Store
from aoftool.replay.compiled._tables cimport Blob, Ring, Table

cdef enum:
    # Rows that are parsed and wait; a power of two.
    WINDOW = 8
    # Rows that wait in front of one whose entry, and whose name, is fetched.
    ENTRY_STEP = 5
    NAME_STEP = 2
    CODES_END = 40

cdef struct Ahead:
    int64_t index
    uint64_t hashed
    # False: not to be taken apart here.
    bint parsed
    bint named
    Spans spans
    # Spans of rows beside each other would all lie in the same few lines of a cache.
    uint8_t apart[192]


cdef inline int name_place(int code) noexcept nogil:
    """Return which argument of a command names a member or a field, 0 for none."""
    # SADD, SREM, HSET, HDEL, HINCRBY, ZREM, HSETNX; ZADD and ZINCRBY.
    if 5 <= code <= 8 or code == 17 or code == 18 or code == 32:
        return 2
    return 3 if code == 14 or code == 19 else 0


cdef inline void ask_for_slot(Store store, Ahead *row, int code, uint32_t key, const uint8_t *data) noexcept nogil:
    """Take the first step of a row that was parsed."""
    cdef Item *item = &store.items[key]
    cdef int place = name_place(code)
    cdef Table *table
    cdef Ring *ring
    row.named = False
    if item.kind == STRING:
        aof_prefetch(item.body)
    elif item.kind == LIST or item.kind == STREAM:
        ring = <Ring *>item.body
        aof_prefetch(&ring.items[ring.head & ring.mask])
        aof_prefetch(&ring.items[(ring.head + ring.count) & ring.mask])
    elif LIST < item.kind < STREAM and place and <uint64_t>place < row.spans.count:
        row.named = True
        row.hashed = aof_hash(data + row.spans.starts[place], row.spans.sizes[place], store.seed)
        table = <Table *>item.body
        if table.slots:
            aof_prefetch(&table.slots[row.hashed & (table.room * 2 - 1)])
        else:
            aof_prefetch(table.entries)


cdef inline void ask_for_entry(Store store, Ahead *row, uint32_t key) noexcept nogil:
    cdef Item *item = &store.items[key]
    cdef Table *table
    cdef Ring *ring
    cdef uint32_t slot
    if LIST < item.kind < STREAM:
        table = <Table *>item.body
        if row.named and table.slots:
            slot = table.slots[row.hashed & (table.room * 2 - 1)]
            aof_prefetch(&table.entries[slot - 1 if slot else table.used])
    elif item.kind == LIST:
        ring = <Ring *>item.body
        if ring.count:
            aof_prefetch(ring.items[ring.head & ring.mask])


cdef inline void ask_for_name(Store store, Ahead *row, uint32_t key) noexcept nogil:
    cdef Item *item = &store.items[key]
    cdef Table *table
    cdef uint32_t slot
    if not (LIST < item.kind < STREAM) or not row.named:
        return
    table = <Table *>item.body
    if not table.slots:
        return
    slot = table.slots[row.hashed & (table.room * 2 - 1)]
    if slot:
        aof_prefetch(table.entries[slot - 1].name)
        if item.kind == HASH and table.entries[slot - 1].name:
            aof_prefetch(<void *>table.entries[slot - 1].word)
