"""Kernel of `_hll_py`, which is its specification."""

from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    #define AOFTOOL_M UINT64_C(0xc6a4a7935bd1e995)
    static inline int aof_low_zeros(unsigned long long value) {
        return __builtin_ctzll(value);
    }
    """
    const uint64_t M "AOFTOOL_M"
    int low_zeros "aof_low_zeros"(uint64_t value) nogil  # of a number that is not 0

cdef enum:
    REGISTERS = 1 << 14
    INDEX_BITS = 14
    RANK_BITS = 50

cdef uint64_t SEED = 0xADC83B19


cdef inline uint64_t load(const unsigned char* data, Py_ssize_t count) noexcept nogil:
    """Read up to eight bytes as a little-endian number, on machines of either kind."""
    cdef uint64_t word = 0
    cdef Py_ssize_t at
    for at in range(count):
        word |= <uint64_t>data[at] << (8 * at)
    return word


def hash_element(bytes element not None):
    """As `_hll_py.hash_element`."""
    return hashed(element, len(element))


cdef uint64_t hashed(const unsigned char* data, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t whole = size & ~7
    cdef Py_ssize_t at = 0
    cdef uint64_t h = SEED ^ (<uint64_t>size * M)
    cdef uint64_t k
    while at < whole:
        k = load(data + at, 8) * M
        k ^= k >> 47
        h = (h ^ (k * M)) * M
        at += 8
    if size & 7:
        h = (h ^ load(data + whole, size & 7)) * M
    h = (h ^ (h >> 47)) * M
    return h ^ (h >> 47)


def add_elements(
    unsigned char[::1] registers not None,
    const unsigned char[::1] texts not None,
    const int64_t[::1] ends not None,
    const int64_t[::1] homes not None,
):
    """As `_hll_py.add_elements`."""
    cdef Py_ssize_t i, count = ends.shape[0]
    cdef int64_t start = 0, room = texts.shape[0]
    cdef const unsigned char* first = &texts[0] if room else NULL
    cdef uint64_t h
    cdef int rank
    cdef bint outside = False
    if count != homes.shape[0] or registers.shape[0] != REGISTERS:
        raise ValueError("registers and columns that do not fit")
    with nogil:
        for i in range(count):
            # So that every element lies in the texts. An index has as many bits as there are registers.
            if not start <= ends[i] <= room:
                outside = True
                break
            h = hashed(first + start, ends[i] - start)
            if homes[i]:
                h = (h ^ (<uint64_t>homes[i] * M)) * M
                h = (h ^ (h >> 47)) * M
                h ^= h >> 47
            rank = low_zeros((h >> INDEX_BITS) | <uint64_t>1 << RANK_BITS) + 1
            if registers[h & (REGISTERS - 1)] < rank:
                registers[h & (REGISTERS - 1)] = rank
            start = ends[i]
    if outside:
        raise ValueError("an element outside of the texts")


def find_run(value, Py_ssize_t start, Py_ssize_t index):
    """As `_hll_py.find_run`."""
    cdef const unsigned char[::1] view = value
    cdef Py_ssize_t end = view.shape[0]
    cdef Py_ssize_t at = start
    cdef Py_ssize_t previous = start
    cdef Py_ssize_t first = 0
    cdef Py_ssize_t span, size
    cdef unsigned int opcode
    while at < end:
        opcode = view[at]
        size = 1
        if opcode & 0x80:
            span = (opcode & 3) + 1
        elif opcode & 0x40:
            span = ((opcode & 0x3F) << 8) + 1
            if at + 1 < end:
                span += view[at + 1]
            size = 2
        else:
            span = opcode + 1
        if index < first + span:
            return at, previous, first, span
        previous = at
        at += size
        first += span
    return -1, previous, first, 0
