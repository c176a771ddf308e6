"""Header lines: canonical ones read in place, for any kernel that walks whole commands, and odd ones."""

from libc.stdint cimport INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t, uint64_t

# `Departure` by number; a test compares what both scanners make of each.
cdef enum:
    BARE_LINE_FEED, HEADER_JUNK, HEADER_NUL, PADDED_NUMBER, COUNT_WRAP, EMPTY_LENGTH, LONG_LINE
    WRONG_TERMINATOR, ZERO_TERMINATOR, LONG_ANNOTATION
    DEPARTURE_KINDS


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


cdef struct Number:
    int64_t value
    bint digits
    bint beyond  # larger than a long holds; `value` is saturated


cdef inline Number read_number(const uint8_t* line, int32_t count) noexcept nogil:
    """Read a header line as C strtol does, from its second byte on."""
    cdef Number number
    cdef int32_t i = 1
    cdef bint negative = False
    cdef uint8_t digit
    cdef uint64_t value = 0
    number.digits = number.beyond = False
    while i < count and (line[i] == 32 or line[i] == 9 or 11 <= line[i] <= 13):
        i += 1
    if i < count and (line[i] == 43 or line[i] == 45):
        negative = line[i] == 45
        i += 1
    while i < count:
        digit = <uint8_t>(line[i] - 48)
        if digit > 9:
            break
        number.digits = True
        if value > (<uint64_t>INT64_MAX - digit) // 10:
            number.beyond = True
        else:
            value = value * 10 + digit
        i += 1
    if number.beyond:
        number.value = INT64_MIN if negative else INT64_MAX
        number.beyond = not negative
    else:
        number.value = -<int64_t>value if negative else <int64_t>value
    return number


cdef inline int64_t wrap_int(int64_t value) noexcept nogil:
    return <int64_t>(<int32_t>(<uint64_t>value & <uint64_t>0xFFFFFFFF))


cdef inline int header_departure(const uint8_t* line, int32_t count, bint has_digits) noexcept nogil:
    """Return the first departure of a header line, -1 for a canonical one."""
    cdef int32_t at = 1
    cdef bint digits = False
    if count > 1 and line[1] == 48:
        if count == 2 or not 48 <= line[2] <= 57:
            digits, at = True, 2
    elif count > 1 and 49 <= line[1] <= 57:
        digits = True
        while at < count and 48 <= line[at] <= 57:
            at += 1
    if digits and count - at == 2 and line[at] == 13 and line[at + 1] == 10:
        return -1
    if at < count and line[at] == 0:
        return HEADER_NUL
    if not digits:
        return PADDED_NUMBER if has_digits else EMPTY_LENGTH
    if count - at == 1 and line[at] == 10:
        return BARE_LINE_FEED
    return HEADER_JUNK if at < count and line[count - 1] == 10 else LONG_LINE
