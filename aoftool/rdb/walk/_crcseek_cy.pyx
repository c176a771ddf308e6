# Compiled twin of _crcseek_py: same answers for every input.
"""Search the place where a running CRC64 becomes zero."""

from libc.stdint cimport uint8_t, uint64_t

__all__ = ["IMPLEMENTATION", "zero_at"]

IMPLEMENTATION = "cy"

cdef uint64_t POLYNOMIAL = <uint64_t>0x95AC9329AC4BC9B5
cdef uint64_t TABLE[256]


cdef void fill_table() noexcept nogil:
    cdef int number, bit
    cdef uint64_t value
    for number in range(256):
        value = number
        for bit in range(8):
            value = (value >> 1) ^ (POLYNOMIAL if value & 1 else 0)
        TABLE[number] = value


fill_table()


def zero_at(const uint8_t[::1] data not None, uint64_t state, Py_ssize_t start):
    """See `aoftool.rdb.walk._crcseek_py.zero_at`."""
    cdef Py_ssize_t at = start
    cdef Py_ssize_t size = data.shape[0]
    with nogil:
        while at < size:
            state = TABLE[(state ^ data[at]) & 0xFF] ^ (state >> 8)
            at += 1
            if state == 0:
                break
        else:
            at = -1
    return at, state
