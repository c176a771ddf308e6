"""The key table: keys to numbers in an open-addressing table over one arena. Twin of `_keys_py`.

A slot is 8 bytes: the upper half of the hash and the number plus one. A key costs its bytes, 12 bytes
and at most 16 of slots. The hash is keyed with a random seed, so an input cannot aim at it. Where a slot lies
is said by the half that it holds, so that a table grows without a look at its keys.
"""

import os

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy

from aoftool.columns import array_of, zeros

cdef uint64_t FIRST_SLOTS = 1 << 12
cdef uint64_t NUMBERS_MAX = 0xFFFFFFF0
cdef uint64_t LOW_HALF = 0xFFFFFFFF
cdef uint64_t DB_SALT = 0xA24BAED4963EE407


cdef class KeyTable:
    """Number keys in order of first appearance; a key is (physical database, name)."""

    def __cinit__(self):
        self.mask = FIRST_SLOTS - 1
        self.slots = <uint64_t *>calloc(self.mask + 1, sizeof(uint64_t))
        self.room = 1024
        self.starts = <uint64_t *>calloc(self.room + 1, sizeof(uint64_t))
        self.homes = <uint32_t *>calloc(self.room, sizeof(uint32_t))
        self.arena_room = 1 << 16
        self.arena = <uint8_t *>realloc(NULL, self.arena_room)
        if not self.slots or not self.starts or not self.homes or not self.arena:
            raise MemoryError
        self.seed = int.from_bytes(os.urandom(8), "little")

    def __dealloc__(self):
        free(self.slots)
        free(self.starts)
        free(self.homes)
        free(self.arena)

    def __len__(self):
        return self.count

    cdef uint64_t hash(self, uint32_t db, const uint8_t *key, uint64_t size) noexcept nogil:
        return aof_hash(key, size, self.seed ^ (db * DB_SALT))

    cdef void prefetch(self, uint64_t hashed) noexcept nogil:
        aof_prefetch(&self.slots[(hashed >> 32) & self.mask])

    cdef void prefetch_entry(self, uint64_t hashed) noexcept nogil:
        """Fetch where the name of the key in the first slot stands; `prefetch` came before."""
        cdef uint64_t slot = self.slots[(hashed >> 32) & self.mask]
        if slot:
            aof_prefetch(&self.starts[(slot & LOW_HALF) - 1])
            aof_prefetch(&self.homes[(slot & LOW_HALF) - 1])

    cdef void prefetch_name(self, uint64_t hashed) noexcept nogil:
        """Fetch the name itself; `prefetch_entry` came before."""
        cdef uint64_t slot = self.slots[(hashed >> 32) & self.mask]
        if slot:
            aof_prefetch(self.arena + self.starts[(slot & LOW_HALF) - 1])

    cdef int64_t lookup(self, uint32_t db, const uint8_t *key, uint64_t size, bint insert) noexcept nogil:
        return self.find_hashed(self.hash(db, key, size), db, key, size, insert)

    cdef int64_t find_hashed(
        self, uint64_t hashed, uint32_t db, const uint8_t *key, uint64_t size, bint insert
    ) noexcept nogil:
        """Return the number of a key, -1 when it has none, -2 when there is no memory for one."""
        cdef uint64_t at = (hashed >> 32) & self.mask
        cdef uint64_t slot, number
        if self.bucket_bits:
            return <int64_t>((<uint64_t>db << self.bucket_bits) | (hashed >> (64 - self.bucket_bits)))
        while True:
            slot = self.slots[at]
            if slot == 0:
                break
            if (slot >> 32) == (hashed >> 32):
                number = (slot & LOW_HALF) - 1
                if (
                    self.starts[number + 1] - self.starts[number] == size
                    and self.homes[number] == db
                    and aof_same(self.arena + self.starts[number], key, size)
                ):
                    return <int64_t>number
            at = (at + 1) & self.mask
        if not insert:
            return -1
        if not self._grow(size):
            return -2
        if self.count * 2 > self.mask:
            if not self._rehash():
                return -2
            at = (hashed >> 32) & self.mask
            while self.slots[at]:
                at = (at + 1) & self.mask
        number = self.count
        memcpy(self.arena + self.arena_used, key, size)
        self.arena_used += size
        self.homes[number] = db
        self.count += 1
        self.starts[self.count] = self.arena_used
        self.slots[at] = (hashed & ~LOW_HALF) | (number + 1)
        return <int64_t>number

    cdef bint _grow(self, uint64_t size) noexcept nogil:
        cdef void *moved
        cdef uint64_t room
        if self.count >= NUMBERS_MAX:
            return False
        if self.count + 1 > self.room:
            room = self.room * 2
            moved = realloc(self.starts, (room + 1) * sizeof(uint64_t))
            if not moved:
                return False
            self.starts = <uint64_t *>moved
            moved = realloc(self.homes, room * sizeof(uint32_t))
            if not moved:
                return False
            self.homes = <uint32_t *>moved
            self.room = room
        if self.arena_used + size > self.arena_room:
            # Half as much again: a large arena must not double just before the end of a log.
            room = self.arena_room + self.arena_room // 2 + size
            moved = realloc(self.arena, room)
            if not moved:
                return False
            self.arena = <uint8_t *>moved
            self.arena_room = room
        return True

    cdef bint _rehash(self) noexcept nogil:
        """Double the slots: neighbours stay neighbours, in two walks side by side, and no key is read."""
        cdef uint64_t mask = self.mask * 2 + 1
        cdef uint64_t *slots = <uint64_t *>calloc(mask + 1, sizeof(uint64_t))
        cdef uint64_t place, slot, at
        if not slots:
            return False
        for place in range(self.mask + 1):
            slot = self.slots[place]
            if slot:
                at = (slot >> 32) & mask
                while slots[at]:
                    at = (at + 1) & mask
                slots[at] = slot
        free(self.slots)
        self.slots = slots
        self.mask = mask
        return True

    def use_buckets(self, int bits):
        """Give keys from now on the number of their bucket: the database above so many bits of hash."""
        self.bucket_bits = bits

    def intern(self, uint32_t db, bytes key not None):
        """Return the number of a key, a new one if it has none."""
        cdef int64_t number = self.lookup(db, key, len(key), True)
        if number < 0:
            raise MemoryError("no memory for another key")
        return number

    def find(self, db, bytes key not None):
        """Return the number of a key, or -1; the number of a database may be any."""
        if not 0 <= db <= LOW_HALF:
            return -1
        return self.lookup(<uint32_t>db, key, len(key), False)

    def key(self, uint64_t number):
        """Return the name of a key."""
        if number >= self.count:
            raise IndexError(number)
        cdef uint64_t start = self.starts[number]
        return <bytes>self.arena[start : self.starts[number + 1]]

    def home_column(self):
        """Return the physical database of every key."""
        found = zeros("I", self.count)
        cdef uint32_t[::1] to = found
        if self.count:
            memcpy(&to[0], self.homes, self.count * sizeof(uint32_t))
        return found

    def used(self):
        """Return the physical databases that have keys."""
        cdef set found = set()
        cdef uint64_t number
        for number in range(self.count):
            if number == 0 or self.homes[number] != self.homes[number - 1]:
                found.add(self.homes[number])
        return found

    def databases(self):
        """Return what `home_column` does, as an array."""
        return array_of(self.home_column())

    def size_bytes(self):
        """Return the memory the table takes."""
        return (self.mask + 1) * 8 + self.room * 12 + self.arena_room
