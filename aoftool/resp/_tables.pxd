"""Bounded tables and growing columns for the native scanner, all usable without the GIL.

Hashes are seeded for each process, so that no file can be written to make every name collide.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy

cdef enum:
    TEXT_BYTES = 136  # two names of 64 bytes with a mark of 3

cdef struct Vector:
    int64_t* items
    int64_t count
    int64_t room

cdef inline int push(Vector* vector, int64_t value) noexcept nogil:
    """Append a value; return -1 without memory."""
    cdef int64_t* grown
    if vector.count == vector.room:
        vector.room = vector.room * 2 if vector.room else 1024
        grown = <int64_t*>realloc(vector.items, vector.room * sizeof(int64_t))
        if grown == NULL:
            vector.room = vector.count
            return -1
        vector.items = grown
    vector.items[vector.count] = value
    vector.count += 1
    return 0

cdef struct Heap:
    uint8_t* bytes
    int64_t count
    int64_t room

cdef inline int push_bytes(Heap* heap, const uint8_t* source, int64_t count) noexcept nogil:
    """Append bytes; return -1 without memory."""
    cdef uint8_t* grown
    cdef int64_t room = heap.room
    if count == 0:
        return 0
    if heap.count + count > room:
        room = room * 2 if room else 4096
        while room < heap.count + count:
            room *= 2
        grown = <uint8_t*>realloc(heap.bytes, room)
        if grown == NULL:
            return -1
        heap.bytes, heap.room = grown, room
    memcpy(heap.bytes + heap.count, source, count)
    heap.count += count
    return 0

# A name with its subcommand, if any. `value` is the owner's.
cdef struct NameEntry:
    uint64_t hash
    int32_t length
    int32_t sub_length  # -1 without a subcommand
    int64_t value
    uint8_t text[TEXT_BYTES]

cdef struct NameTable:
    NameEntry* entries
    int32_t* index  # entry number + 1, 0 for free
    int64_t count
    int64_t room
    uint64_t mask
    uint64_t seed

cdef inline uint64_t mix(uint64_t hash, uint64_t word) noexcept nogil:
    hash = (hash ^ word) * <uint64_t>0x9E3779B97F4A7C15
    return hash ^ (hash >> 29)

cdef inline uint64_t hash_text(uint64_t seed, const uint8_t* text, int64_t count) noexcept nogil:
    cdef uint64_t word, hash = mix(seed, <uint64_t>count)
    while count >= 8:
        memcpy(&word, text, 8)
        hash = mix(hash, word)
        text += 8
        count -= 8
    if count:
        word = 0
        memcpy(&word, text, count)
        hash = mix(hash, word)
    return mix(hash, hash >> 32)

cdef inline int open_names(NameTable* table, uint64_t seed) noexcept nogil:
    table.entries = NULL
    table.count = table.room = 0
    table.mask = 63
    table.seed = seed
    table.index = <int32_t*>calloc(table.mask + 1, sizeof(int32_t))
    return 0 if table.index != NULL else -1

cdef inline void close_names(NameTable* table) noexcept nogil:
    free(table.entries)
    free(table.index)
    table.entries = NULL
    table.index = NULL

cdef inline int64_t find_name(
    const NameTable* table, const uint8_t* text, int32_t length, int32_t sub_length
) noexcept nogil:
    """Return the number of the entry with this text (name, then subcommand), -1 without one."""
    cdef int32_t total = length + (sub_length if sub_length > 0 else 0)
    cdef uint64_t hash = hash_text(table.seed, text, total)
    cdef uint64_t at = hash & table.mask
    cdef const NameEntry* entry
    while table.index[at]:
        entry = &table.entries[table.index[at] - 1]
        if (
            entry.hash == hash
            and entry.length == length
            and entry.sub_length == sub_length
            and memcmp(entry.text, text, total) == 0
        ):
            return table.index[at] - 1
        at = (at + 1) & table.mask
    return -1

cdef inline int spread_names(NameTable* table) noexcept nogil:
    """Double the index."""
    cdef uint64_t mask = table.mask * 2 + 1, at
    cdef int64_t i
    cdef int32_t* index = <int32_t*>calloc(mask + 1, sizeof(int32_t))
    if index == NULL:
        return -1
    for i in range(table.count):
        at = table.entries[i].hash & mask
        while index[at]:
            at = (at + 1) & mask
        index[at] = <int32_t>(i + 1)
    free(table.index)
    table.index, table.mask = index, mask
    return 0

cdef inline int64_t add_name(
    NameTable* table, const uint8_t* text, int32_t length, int32_t sub_length, int64_t value
) noexcept nogil:
    """Add an entry that is not there yet; return its number, -1 without memory."""
    cdef int32_t total = length + (sub_length if sub_length > 0 else 0)
    cdef NameEntry* grown
    cdef NameEntry* entry
    cdef uint64_t at
    if <uint64_t>(table.count * 2) >= table.mask and spread_names(table) < 0:
        return -1
    if table.count == table.room:
        grown = <NameEntry*>realloc(table.entries, (table.room * 2 + 32) * sizeof(NameEntry))
        if grown == NULL:
            return -1
        table.entries = grown
        table.room = table.room * 2 + 32
    entry = &table.entries[table.count]
    entry.hash = hash_text(table.seed, text, total)
    entry.length, entry.sub_length, entry.value = length, sub_length, value
    memcpy(entry.text, text, total)
    at = entry.hash & table.mask
    while table.index[at]:
        at = (at + 1) & table.mask
    table.count += 1
    table.index[at] = <int32_t>table.count
    return table.count - 1

# Rows by (name number, database).
cdef struct Slot:
    int64_t number
    int64_t db
    int64_t commands
    int64_t bytes
    int64_t largest
    int64_t largest_offset
    int64_t least_argc
    int64_t most_argc

cdef inline void note_argc(Slot* slot, int64_t argc) noexcept nogil:
    """Take the number of arguments of one command, at least 1."""
    if argc > slot.most_argc:
        slot.most_argc = argc
    if argc < slot.least_argc or slot.least_argc == 0:
        slot.least_argc = argc

cdef struct SlotTable:
    Slot* slots
    int32_t* index
    int64_t count
    int64_t room
    uint64_t mask
    uint64_t seed

cdef inline int open_slots(SlotTable* table, uint64_t seed) noexcept nogil:
    table.slots = NULL
    table.count = table.room = 0
    table.mask = 255
    table.seed = seed
    table.index = <int32_t*>calloc(table.mask + 1, sizeof(int32_t))
    return 0 if table.index != NULL else -1

cdef inline void close_slots(SlotTable* table) noexcept nogil:
    free(table.slots)
    free(table.index)
    table.slots = NULL
    table.index = NULL

cdef inline uint64_t hash_slot(const SlotTable* table, int64_t number, int64_t db) noexcept nogil:
    return mix(mix(table.seed, <uint64_t>number), <uint64_t>db)

cdef inline int64_t find_slot(const SlotTable* table, int64_t number, int64_t db) noexcept nogil:
    cdef uint64_t at = hash_slot(table, number, db) & table.mask
    cdef const Slot* slot
    while table.index[at]:
        slot = &table.slots[table.index[at] - 1]
        if slot.number == number and slot.db == db:
            return table.index[at] - 1
        at = (at + 1) & table.mask
    return -1

cdef inline int spread_slots(SlotTable* table) noexcept nogil:
    cdef uint64_t mask = table.mask * 2 + 1, at
    cdef int64_t i
    cdef int32_t* index = <int32_t*>calloc(mask + 1, sizeof(int32_t))
    if index == NULL:
        return -1
    for i in range(table.count):
        at = hash_slot(table, table.slots[i].number, table.slots[i].db) & mask
        while index[at]:
            at = (at + 1) & mask
        index[at] = <int32_t>(i + 1)
    free(table.index)
    table.index, table.mask = index, mask
    return 0

cdef inline int64_t add_slot(SlotTable* table, int64_t number, int64_t db) noexcept nogil:
    """Add a row that is not there yet; return its number, -1 without memory."""
    cdef Slot* grown
    cdef Slot* slot
    cdef uint64_t at
    if <uint64_t>(table.count * 2) >= table.mask and spread_slots(table) < 0:
        return -1
    if table.count == table.room:
        grown = <Slot*>realloc(table.slots, (table.room * 2 + 64) * sizeof(Slot))
        if grown == NULL:
            return -1
        table.slots = grown
        table.room = table.room * 2 + 64
    slot = &table.slots[table.count]
    slot.number, slot.db = number, db
    slot.commands = slot.bytes = slot.largest = 0
    slot.least_argc = slot.most_argc = 0
    slot.largest_offset = -1
    at = hash_slot(table, number, db) & table.mask
    while table.index[at]:
        at = (at + 1) & table.mask
    table.count += 1
    table.index[at] = <int32_t>table.count
    return table.count - 1
