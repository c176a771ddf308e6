"""Canonical headers read in place, for this kernel and others that walk whole commands."""

from libc.stdint cimport int64_t, uint8_t

cdef inline const uint8_t* read_header(
    const uint8_t* at, const uint8_t* end, uint8_t prefix, int64_t* number
) noexcept nogil:
    """Read `<prefix><decimal>CRLF` of at most nine digits; return what follows it, else NULL.

    Looks at no byte at or behind `at + 16` and gives up when fewer are there: 16 bytes hold any such
    header, so one check of the bounds is enough. Callers take the general path for the last few.
    """
    cdef uint8_t digit, first
    cdef int64_t value
    cdef int digits = 3
    if end - at < 16 or at[0] != prefix:
        return NULL
    first = <uint8_t>(at[1] - 48)
    if first > 9:
        return NULL
    # One, two and three digits apart: nearly every header is one of these, and guessing where the CR
    # stands is most of the cost.
    if at[2] == 13:
        number[0] = first
        return at + 4 if at[3] == 10 else NULL
    digit = <uint8_t>(at[2] - 48)
    if digit > 9 or first == 0:
        return NULL
    value = first * 10 + digit
    if at[3] == 13:
        number[0] = value
        return at + 5 if at[4] == 10 else NULL
    digit = <uint8_t>(at[3] - 48)
    if digit > 9:
        return NULL
    value = value * 10 + digit
    at += 4
    while at[0] != 13:
        digit = <uint8_t>(at[0] - 48)
        if digit > 9 or digits == 9:
            return NULL
        value = value * 10 + digit
        digits += 1
        at += 1
    number[0] = value
    return at + 2 if at[1] == 10 else NULL

cdef inline const uint8_t* end_payload(const uint8_t* at, const uint8_t* end, int64_t length) noexcept nogil:
    """Return what follows a payload of `length` bytes and its CRLF, NULL when that is not there."""
    if end - at < length + 2:
        return NULL
    at += length
    if at[0] != 13 or at[1] != 10:
        return NULL
    return at + 2
