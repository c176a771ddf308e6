"""Canonical headers read in place, for this kernel and others that walk whole commands."""

from libc.stdint cimport int64_t, uint8_t

cdef inline const uint8_t* read_header(
    const uint8_t* at, const uint8_t* end, uint8_t prefix, int64_t* number
) noexcept nogil:
    """Read `<prefix><decimal>CRLF` of at most nine digits; return what follows it, else NULL.

    Looks at no byte at or behind `at + 16` and gives up when fewer are there: 16 bytes hold any such
    header, so one check of the bounds is enough. Callers take the general path for the last few.
    """
    cdef uint8_t digit
    cdef int64_t value
    cdef int digits = 1
    if end - at < 16 or at[0] != prefix:
        return NULL
    digit = <uint8_t>(at[1] - 48)
    if digit > 9:
        return NULL
    value = digit
    at += 2
    while True:
        digit = <uint8_t>(at[0] - 48)
        if digit > 9:
            break
        if digits == 9 or value == 0:
            return NULL
        value = value * 10 + digit
        digits += 1
        at += 1
    if at[0] != 13 or at[1] != 10:
        return NULL
    number[0] = value
    return at + 2

cdef inline const uint8_t* end_payload(const uint8_t* at, const uint8_t* end, int64_t length) noexcept nogil:
    """Return what follows a payload of `length` bytes and its CRLF, NULL when that is not there."""
    if end - at < length + 2:
        return NULL
    at += length
    if at[0] != 13 or at[1] != 10:
        return NULL
    return at + 2
