"""Canonical commands and plain numbers, read straight from the bytes of a log."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef enum:
    # Commands of more arguments are not taken apart here.
    ARGUMENTS = 64
    # No sum of two such numbers overflows, and none loses a digit as a score.
    WHOLE_DIGITS = 15

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
