from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static inline uint64_t aof_mix(uint64_t a, uint64_t b) {
        __uint128_t product = (__uint128_t)a * b;
        return (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    static inline uint64_t aof_word(const uint8_t *at) {
        uint64_t word;
        memcpy(&word, at, 8);
        return word;
    }
    /* Folded multiplication over 16 bytes a step; both operands carry the secret seed. */
    static inline uint64_t aof_hash(const uint8_t *at, uint64_t size, uint64_t seed) {
        uint64_t state = seed ^ aof_mix(size ^ 0x9E3779B97F4A7C15ULL, seed ^ 0xD1B54A32D192ED03ULL);
        uint64_t left = size, a, b;
        uint8_t tail[16];
        while (left >= 16) {
            state = aof_mix(aof_word(at) ^ state, aof_word(at + 8) ^ seed);
            at += 16;
            left -= 16;
        }
        memset(tail, 0, 16);
        memcpy(tail, at, left);
        a = aof_word(tail);
        b = aof_word(tail + 8);
        return aof_mix(a ^ state, b ^ seed ^ 0x8EBC6AF09C88C6E3ULL);
    }
    /* Names are short: no call, and words that overlap instead of single bytes at the end. */
    static inline int aof_same(const uint8_t *one, const uint8_t *other, uint64_t size) {
        uint64_t at = 0;
        uint32_t low, high, other_low, other_high;
        if (size >= 8) {
            for (; at + 8 <= size; at += 8)
                if (aof_word(one + at) != aof_word(other + at)) return 0;
            return aof_word(one + size - 8) == aof_word(other + size - 8);
        }
        if (size >= 4) {
            memcpy(&low, one, 4);
            memcpy(&other_low, other, 4);
            memcpy(&high, one + size - 4, 4);
            memcpy(&other_high, other + size - 4, 4);
            return low == other_low && high == other_high;
        }
        for (; at < size; at++)
            if (one[at] != other[at]) return 0;
        return 1;
    }
    static inline void aof_prefetch(const void *at) { __builtin_prefetch(at); }
    """
    uint64_t aof_hash(const uint8_t *at, uint64_t size, uint64_t seed) nogil
    uint64_t aof_word(const uint8_t *at) nogil
    bint aof_same(const uint8_t *one, const uint8_t *other, uint64_t size) nogil
    void aof_prefetch(const void *at) nogil


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
    cdef int bucket_bits

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
