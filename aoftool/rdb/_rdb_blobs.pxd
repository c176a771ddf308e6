"""Strings and blob entries for the compiled kernels.

Everything here answers "sound" or "not": whoever meets what is not sound hands the same bytes to the
Python reference, which says what is wrong. So the kernels hold no wording and no offsets of damage.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from aoftool.files._lay cimport lay_number
from aoftool.rdb._rdb_bytes cimport big_endian, little_endian, lzf_unpack, read_length

cdef extern from "Python.h":
    double PyOS_string_to_double(const char* text, char** end, object overflow) except? -1.0

cdef enum:
    DIGITS = 24
    SCORE_TEXT = 64
    LZF_BEST_RATIO = 88

# A string: bytes that are borrowed, unpacked into `owned`, or digits written into `digits`.
cdef struct Text:
    const uint8_t* data
    Py_ssize_t size
    uint8_t* owned
    char digits[DIGITS]

# An entry of a blob: text, or a number when `text` is NULL.
cdef struct Entry:
    const uint8_t* text
    Py_ssize_t size
    int64_t number


# The bytes of an object: `bytes` directly, everything else through the buffer protocol.
cdef struct Span:
    const uint8_t* first
    const uint8_t* end
    Py_buffer view
    bint held


cdef inline int open_span(object holder, Span* span) except -1:
    span.held = type(holder) is not bytes
    if span.held:
        PyObject_GetBuffer(holder, &span.view, PyBUF_SIMPLE)
        span.first = <const uint8_t*>span.view.buf
        span.end = span.first + span.view.len
    else:
        span.first = <const uint8_t*>PyBytes_AS_STRING(holder)
        span.end = span.first + PyBytes_GET_SIZE(holder)
    return 0


cdef inline void close_span(Span* span) noexcept:
    if span.held:
        PyBuffer_Release(&span.view)


# At most DIGITS letters; how many there are.
cdef inline Py_ssize_t write_number(int64_t number, char* digits) noexcept nogil:
    return lay_number(<uint8_t*>digits, number) - <uint8_t*>digits


cdef inline int64_t signed_little(const uint8_t* at, int size) noexcept nogil:
    cdef uint64_t value = little_endian(at, size)
    cdef int shift = 64 - 8 * size
    return <int64_t>(value << shift) >> shift


# Open the string at `at`; returns the bytes it takes, -1 when it is not sound or memory is short.
# After success the caller calls close_text.
cdef inline Py_ssize_t open_text(const uint8_t* at, const uint8_t* end, Text* text) noexcept nogil:
    cdef uint64_t size = 0, unpacked = 0
    cdef int head, more
    text.owned = NULL
    if at >= end:
        return -1
    if at[0] < 0xC0:
        head = read_length(at, end, &size)
        if head <= 0 or size > <uint64_t>(end - at - head):
            return -1
        text.data = at + head
        text.size = <Py_ssize_t>size
        return head + text.size
    if at[0] < 0xC3:
        head = 1 << (at[0] & 3)
        if end - at < 1 + head:
            return -1
        text.size = write_number(signed_little(at + 1, head), text.digits)
        text.data = <const uint8_t*>text.digits
        return 1 + head
    if at[0] > 0xC3:
        return -1
    head = read_length(at + 1, end, &size)
    more = read_length(at + 1 + head, end, &unpacked) if head > 0 else 0
    head += 1 + more
    if more <= 0 or size > <uint64_t>(end - at - head) or unpacked > size * LZF_BEST_RATIO:
        return -1
    text.owned = <uint8_t*>malloc(unpacked if unpacked else 1)
    if text.owned == NULL:
        return -1
    if lzf_unpack(at + head, <Py_ssize_t>size, text.owned, <Py_ssize_t>unpacked) != -1:
        free(text.owned)
        text.owned = NULL
        return -1
    text.data = text.owned
    text.size = <Py_ssize_t>unpacked
    return head + <Py_ssize_t>size


cdef inline void close_text(Text* text) noexcept nogil:
    if text.owned != NULL:
        free(text.owned)
        text.owned = NULL


cdef inline bytes entry_bytes(Entry* entry):
    cdef char digits[DIGITS]
    if entry.text != NULL:
        return PyBytes_FromStringAndSize(<const char*>entry.text, entry.size)
    return PyBytes_FromStringAndSize(digits, write_number(entry.number, digits))


cdef inline int backlen_bytes(Py_ssize_t size) noexcept nogil:
    if size <= 127:
        return 1
    if size < 16384:
        return 2
    if size < 2097152:
        return 3
    if size < 268435456:
        return 4
    return 5


# Place after the header of a listpack whose size is right; NULL when it is not sound.
cdef inline const uint8_t* listpack_first(const uint8_t* blob, Py_ssize_t size) noexcept nogil:
    if size < 7 or little_endian(blob, 4) != <uint64_t>size:
        return NULL
    return blob + 6


cdef inline const uint8_t* ziplist_first(const uint8_t* blob, Py_ssize_t size) noexcept nogil:
    if size < 11 or little_endian(blob, 4) != <uint64_t>size:
        return NULL
    return blob + 10


# Read the entry at `at[0]` and step over it: 1 an entry, 0 the end mark, -1 not sound.
cdef inline int listpack_next(const uint8_t** at, const uint8_t* end, Entry* entry) noexcept nogil:
    cdef const uint8_t* here = at[0]
    cdef uint8_t first
    cdef Py_ssize_t head, data = 0, left = end - here
    if left <= 0:
        return -1
    first = here[0]
    if first == 0xFF:
        return 0
    entry.text = NULL
    entry.number = 0
    if first < 0x80:
        head = 1
        entry.number = first
    elif first < 0xC0:
        head = 1
        data = first & 63
        entry.text = here + 1
    elif first < 0xE0:
        head = 2
        if left < 2:
            return -1
        entry.number = <int64_t>(first & 31) << 8 | here[1]
        if entry.number >= 4096:
            entry.number -= 8192
    elif first < 0xF0:
        head = 2
        if left < 2:
            return -1
        data = <Py_ssize_t>(first & 15) << 8 | here[1]
        entry.text = here + 2
    elif first == 0xF0:
        head = 5
        if left < 5:
            return -1
        data = <Py_ssize_t>little_endian(here + 1, 4)
        entry.text = here + 5
    elif first <= 0xF4:
        head = 9 if first == 0xF4 else first - 0xF1 + 3
        if left < head:
            return -1
        entry.number = signed_little(here + 1, <int>head - 1)
    else:
        return -1
    if data > left - head:
        return -1
    entry.size = data
    at[0] = here + head + data + backlen_bytes(head + data)
    return 1


cdef inline int ziplist_next(const uint8_t** at, const uint8_t* end, Entry* entry) noexcept nogil:
    cdef const uint8_t* here = at[0]
    cdef uint8_t first
    cdef Py_ssize_t head = 1, data = 0, left = end - here
    if left <= 0:
        return -1
    if here[0] == 0xFF:
        return 0
    here += 5 if here[0] == 0xFE else 1
    left = end - here
    if left <= 0:
        return -1
    first = here[0]
    entry.text = NULL
    entry.number = 0
    if first < 0x40:
        data = first
        entry.text = here + 1
    elif first < 0x80:
        if left < 2:
            return -1
        head = 2
        data = <Py_ssize_t>(first & 63) << 8 | here[1]
        entry.text = here + 2
    elif first == 0x80:
        if left < 5:
            return -1
        head = 5
        data = <Py_ssize_t>big_endian(here + 1, 4)
        entry.text = here + 5
    elif 0xF1 <= first <= 0xFD:
        entry.number = first - 0xF1
    else:
        if first == 0xFE:
            head = 2
        elif first == 0xC0:
            head = 3
        elif first == 0xF0:
            head = 4
        elif first == 0xD0:
            head = 5
        elif first == 0xE0:
            head = 9
        else:
            return -1
        if left < head:
            return -1
        entry.number = signed_little(here + 1, <int>head - 1)
    if data > left - head:
        return -1
    entry.size = data
    at[0] = here + head + data
    return 1


cdef inline bint entry_score(Entry* entry, double* score) except -1:
    """Read a score that is a plain decimal number; False leaves it to the reference."""
    cdef char text[SCORE_TEXT]
    cdef Py_ssize_t place
    cdef uint8_t letter
    if entry.text == NULL:
        score[0] = <double>entry.number
        return True
    if entry.size == 0 or entry.size >= SCORE_TEXT:
        return False
    for place in range(entry.size):
        letter = entry.text[place]
        if not (0x30 <= letter <= 0x39 or letter == 0x2E or letter == 0x2D):
            return False
    memcpy(text, entry.text, entry.size)
    text[entry.size] = 0
    try:
        score[0] = PyOS_string_to_double(text, NULL, None)
    except ValueError:
        return False
    return True
