from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t


cdef class KeyTable:
    cdef uint64_t *slots
    cdef uint64_t mask
    cdef uint64_t *starts
    cdef uint32_t *homes
    cdef uint64_t count
    cdef uint64_t room
    cdef uint8_t *arena
    cdef uint64_t arena_used
    cdef uint64_t arena_room
    cdef uint64_t seed

    cdef int64_t lookup(self, uint32_t db, const uint8_t *key, uint64_t size, bint insert) noexcept nogil
    cdef uint64_t hash(self, uint32_t db, const uint8_t *key, uint64_t size) noexcept nogil
    cdef void prefetch(self, uint64_t hashed) noexcept nogil
    cdef void prefetch_entry(self, uint64_t hashed) noexcept nogil
    cdef void prefetch_name(self, uint64_t hashed) noexcept nogil
    cdef int64_t find_hashed(
        self, uint64_t hashed, uint32_t db, const uint8_t *key, uint64_t size, bint insert
    ) noexcept nogil
    cdef bint _grow(self, uint64_t size) noexcept nogil
    cdef bint _rehash(self) noexcept nogil
