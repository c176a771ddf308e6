"""Canonical commands and plain numbers, read straight from the bytes of a log."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport strtod
from libc.string cimport memcpy

cdef enum:
    # Commands of more arguments are not taken apart here.
    ARGUMENTS = 512
    # No sum of two such numbers overflows, and none loses a digit as a score.
    WHOLE_DIGITS = 15
    # Longer scores are left to the reference.
    SCORE_BYTES = 40

cdef extern from "math.h" nogil:
    const double INFINITE "HUGE_VAL"

cdef struct Spans:
    uint64_t count
    uint64_t starts[ARGUMENTS]
    uint64_t sizes[ARGUMENTS]


cdef inline bint whole(const uint8_t *text, uint64_t size, int64_t *value) noexcept nogil:
    """Read a canonical number so short that no sum of two overflows and no score is rounded."""
    cdef uint64_t index = 0
    cdef int64_t number = 0
    cdef bint negative = size > 1 and text[0] == c'-'
    if negative:
        index = 1
    if size - index > WHOLE_DIGITS or size == 0:
        return False
    if text[index] == c'0' and (size - index > 1 or negative):
        return False
    while index < size:
        if not c'0' <= text[index] <= c'9':
            return False
        number = number * 10 + (text[index] - c'0')
        index += 1
    value[0] = -number if negative else number
    return True


cdef inline bint integer(const uint8_t *text, uint64_t size, int64_t *value) noexcept nogil:
    """Read canonical decimal text of any 64-bit integer."""
    cdef uint64_t index = 0, number = 0, digit
    cdef bint negative = size > 1 and text[0] == c'-'
    if negative:
        index = 1
    # 19 digits are below 2**64.
    if size == 0 or size - index > 19 or (text[index] == c'0' and (size - index > 1 or negative)):
        return False
    while index < size:
        digit = <uint64_t>text[index] - c'0'
        if digit > 9:
            return False
        number = number * 10 + digit
        index += 1
    if number > (<uint64_t>1 << 63) - (not negative):
        return False
    value[0] = <int64_t>(0 - number if negative else number)
    return True


cdef inline bint added(int64_t one, int64_t other, int64_t *total) noexcept nogil:
    """Add two integers; false when that overflows."""
    cdef uint64_t wrapped = <uint64_t>one + <uint64_t>other
    cdef int64_t result = <int64_t>wrapped
    if (one < 0) == (other < 0) and (result < 0) != (one < 0):
        return False
    total[0] = result
    return True


cdef inline bint score_of(const uint8_t *text, uint64_t size, double *value) noexcept nogil:
    """Read a score that every release reads alike and keeps in every encoding: no zero with a minus sign.

    Decimal as far as the digits go, `inf`, `+inf` and `-inf`. What overflows, or underflows to nothing, is
    refused by servers and is no score here.
    """
    cdef char copy[SCORE_BYTES + 1]
    cdef char *end = NULL
    cdef uint64_t index = 0, digits = 0, number = 0
    cdef bint negative, nonzero = False
    if size == 0 or size > SCORE_BYTES:
        return False
    negative = text[0] == c'-'
    if negative or text[0] == c'+':
        index = 1
    if size - index == 3 and text[index] == c'i' and text[index + 1] == c'n' and text[index + 2] == c'f':
        value[0] = -INFINITE if negative else INFINITE
        return True
    while index < size and c'0' <= text[index] <= c'9':
        number = number * 10 + (text[index] - c'0')
        index += 1
        digits += 1
    if index == size and 0 < digits <= WHOLE_DIGITS:
        if negative and number == 0:
            return False
        value[0] = -<double>number if negative else <double>number
        return True
    nonzero = number != 0 or digits > WHOLE_DIGITS
    if index < size and text[index] == c'.':
        index += 1
        while index < size and c'0' <= text[index] <= c'9':
            nonzero = nonzero or text[index] != c'0'
            index += 1
            digits += 1
    if digits == 0:
        return False
    if index < size:
        if text[index] != c'e' and text[index] != c'E':
            return False
        index += 1
        if index < size and (text[index] == c'-' or text[index] == c'+'):
            index += 1
        if index == size:
            return False
        while index < size:
            if not c'0' <= text[index] <= c'9':
                return False
            index += 1
    memcpy(copy, text, size)
    copy[size] = 0
    # In a locale with another decimal point it stops there, and the reference reads on.
    value[0] = strtod(copy, &end)
    if end != copy + size or value[0] - value[0] != 0:
        return False
    return value[0] != 0 or not (nonzero or negative)


cdef inline bint is_word(const uint8_t *text, uint64_t size, const char *word, uint64_t length) noexcept nogil:
    """Tell whether a text is a word given in capitals, whatever its case."""
    cdef uint64_t index
    if size != length:
        return False
    for index in range(length):
        if (text[index] & 0xDF) != <uint8_t>word[index]:
            return False
    return True


cdef inline uint64_t header(
    const uint8_t *data, uint64_t size, uint64_t at, uint8_t mark, uint64_t *value
) noexcept nogil:
    """Return the index behind a canonical header line, 0 when it is none."""
    cdef uint64_t number = 0
    cdef uint64_t first = at + 1
    if at >= size or data[at] != mark:
        return 0
    at = first
    while at < size and c'0' <= data[at] <= c'9' and at - first < 18:
        number = number * 10 + (data[at] - c'0')
        at += 1
    if at == first or (data[first] == c'0' and at - first > 1) or at + 1 >= size:
        return 0
    if data[at] != c'\r' or data[at + 1] != c'\n':
        return 0
    value[0] = number
    return at + 2


cdef inline bint parse(const uint8_t *data, uint64_t size, uint64_t at, Spans *spans) noexcept nogil:
    """Find the arguments of a command; false when they are many or not canonical."""
    cdef uint64_t index, length = 0
    at = header(data, size, at, c'*', &spans.count)
    if at == 0 or spans.count > ARGUMENTS:
        return False
    for index in range(spans.count):
        at = header(data, size, at, c'$', &length)
        if at == 0 or length > size or at + length + 2 > size:
            return False
        if data[at + length] != c'\r' or data[at + length + 1] != c'\n':
            return False
        spans.starts[index] = at
        spans.sizes[index] = length
        at += length + 2
    return True


cdef inline bint whole_id(const uint8_t *text, uint64_t size, int64_t *ms, int64_t *seq) noexcept nogil:
    """Read an entry ID of two short canonical numbers."""
    cdef uint64_t dash = 1
    while dash < size and text[dash] != c'-':
        dash += 1
    if dash + 1 >= size or text[0] == c'-' or text[dash + 1] == c'-':
        return False
    return whole(text, dash, ms) and whole(text + dash + 1, size - dash - 1, seq)
