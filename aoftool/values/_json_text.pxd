"""JSON text for the kernels: strings, numbers and scores, as Python's json module writes them in ASCII."""

from cpython.mem cimport PyMem_Free
from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, strlen

from aoftool.files._buffer cimport Buffer, put, reserve

cdef extern from "Python.h":
    char* PyOS_double_to_string(double value, char form, int precision, int flags, int* kind) except NULL

cdef enum:
    ADD_DOT_0 = 2  # Py_DTSF_ADD_DOT_0: floats as Python's repr writes them


cdef inline void put_unit(Buffer* out, unsigned int unit) noexcept nogil:
    """Write one `\\uXXXX`; the room is there."""
    cdef const char* digits = b"0123456789abcdef"
    cdef uint8_t* at = out.data + out.size
    at[0] = 0x5C
    at[1] = 0x75
    at[2] = digits[unit >> 12 & 15]
    at[3] = digits[unit >> 8 & 15]
    at[4] = digits[unit >> 4 & 15]
    at[5] = digits[unit & 15]
    out.size += 6


# One UTF-8 character behind the ASCII range; its bytes, or 0 when it is none. Surrogates, overlong forms
# and numbers above U+10FFFF are none, as for Python.
cdef inline int one_char(const uint8_t* at, Py_ssize_t left, unsigned int* char) noexcept nogil:
    cdef uint8_t first = at[0]
    if first < 0xC2:
        return 0
    if first < 0xE0:
        if left < 2 or at[1] & 0xC0 != 0x80:
            return 0
        char[0] = <unsigned int>(first & 0x1F) << 6 | at[1] & 0x3F
        return 2
    if first < 0xF0:
        if left < 3 or at[1] & 0xC0 != 0x80 or at[2] & 0xC0 != 0x80:
            return 0
        char[0] = <unsigned int>(first & 0x0F) << 12 | <unsigned int>(at[1] & 0x3F) << 6 | at[2] & 0x3F
        return 0 if char[0] < 0x800 or 0xD800 <= char[0] < 0xE000 else 3
    if first < 0xF5:
        if left < 4 or at[1] & 0xC0 != 0x80 or at[2] & 0xC0 != 0x80 or at[3] & 0xC0 != 0x80:
            return 0
        char[0] = (
            <unsigned int>(first & 0x07) << 18
            | <unsigned int>(at[1] & 0x3F) << 12
            | <unsigned int>(at[2] & 0x3F) << 6
            | at[3] & 0x3F
        )
        return 0 if char[0] < 0x10000 or char[0] > 0x10FFFF else 4
    return 0


cdef inline uint8_t short_escape(uint8_t letter) noexcept nogil:
    if letter == 0x22 or letter == 0x5C:
        return letter
    if letter == 0x0A:
        return 0x6E
    if letter == 0x0D:
        return 0x72
    if letter == 0x09:
        return 0x74
    if letter == 0x08:
        return 0x62
    if letter == 0x0C:
        return 0x66
    return 0


cdef inline void put_escape(Buffer* out, uint8_t letter) noexcept nogil:
    """Write one letter of ASCII that does not stand for itself; the room is there."""
    cdef uint8_t escape = short_escape(letter)
    if escape:
        out.data[out.size] = 0x5C
        out.data[out.size + 1] = escape
        out.size += 2
    else:
        put_unit(out, letter)


# A word with the high bit set in bytes that equal `byte`, and zero when there is none.
cdef inline uint64_t has_byte(uint64_t word, uint64_t byte) noexcept nogil:
    cdef uint64_t each = 0x0101010101010101ULL
    word ^= byte * each
    return (word - each) & ~word & (each << 7)


# Tell whether all eight bytes stand for themselves in a JSON string: no control, quote, backslash or DEL.
cdef inline bint all_plain(uint64_t word) noexcept nogil:
    cdef uint64_t each = 0x0101010101010101ULL
    if word & (each << 7) or (word - 0x20 * each) & (each << 7):
        return False
    return not (has_byte(word, 0x22) | has_byte(word, 0x5C) | has_byte(word, 0x7F))


# Append a JSON string; False, with nothing appended, when the bytes are not clean UTF-8.
cdef inline bint put_text(Buffer* out, const uint8_t* data, Py_ssize_t size) except -1:
    cdef size_t before = out.size
    cdef const uint8_t* at = data
    cdef const uint8_t* end = data + size
    cdef unsigned int char = 0
    cdef uint64_t word
    cdef uint8_t letter
    cdef int taken
    reserve(out, 6 * <size_t>size + 2)
    out.data[out.size] = 0x22
    out.size += 1
    while at < end:
        while end - at >= 8:
            memcpy(&word, at, 8)
            if not all_plain(word):
                break
            memcpy(out.data + out.size, &word, 8)
            out.size += 8
            at += 8
        if at == end:
            break
        letter = at[0]
        if 0x20 <= letter < 0x7F and letter != 0x22 and letter != 0x5C:
            out.data[out.size] = letter
            out.size += 1
            at += 1
        elif letter < 0x80:
            put_escape(out, letter)
            at += 1
        else:
            taken = one_char(at, end - at, &char)
            if not taken:
                out.size = before
                return False
            if char >= 0x10000:
                put_unit(out, 0xD800 + ((char - 0x10000) >> 10))
                put_unit(out, 0xDC00 + (char & 0x3FF))
            else:
                put_unit(out, char)
            at += taken
    out.data[out.size] = 0x22
    out.size += 1
    return True


# Append a finite float as Python writes it; False for one that JSON has no number for.
cdef inline bint put_float(Buffer* out, double number) except -1:
    cdef char* text
    if not isfinite(number):
        return False
    text = PyOS_double_to_string(number, b"r", 0, ADD_DOT_0, NULL)
    try:
        put(out, text, strlen(text))
    finally:
        PyMem_Free(text)
    return True


# Append text that is clean UTF-8 as a JSON string: all of it stands for itself but for what has to be escaped.
cdef inline int put_clean_text(Buffer* out, const uint8_t* data, size_t size) except -1 nogil:
    cdef const uint8_t* end = data + size
    cdef uint64_t word, each = 0x0101010101010101ULL
    cdef uint8_t letter
    reserve(out, 6 * size + 2)
    out.data[out.size] = 0x22
    out.size += 1
    while data < end:
        while end - data >= 8:
            memcpy(&word, data, 8)
            # Bytes above ASCII are no controls, whatever their lower bits.
            if ((word - 0x20 * each) & ~word & (each << 7)) | has_byte(word, 0x22) | has_byte(word, 0x5C):
                break
            memcpy(out.data + out.size, &word, 8)
            out.size += 8
            data += 8
        if data == end:
            break
        letter = data[0]
        if letter >= 0x20 and letter != 0x22 and letter != 0x5C:
            out.data[out.size] = letter
            out.size += 1
        else:
            put_escape(out, letter)
        data += 1
    out.data[out.size] = 0x22
    out.size += 1
    return 0
