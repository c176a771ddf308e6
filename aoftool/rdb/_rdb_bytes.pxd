"""Lengths, string frames and LZF for the compiled kernels: inline, without Python objects."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef inline uint64_t big_endian(const uint8_t* at, int size) noexcept nogil:
    cdef uint64_t value = 0
    cdef int place
    for place in range(size):
        value = value << 8 | at[place]
    return value


cdef inline uint64_t little_endian(const uint8_t* at, int size) noexcept nogil:
    cdef uint64_t value = 0
    cdef int place
    for place in range(size - 1, -1, -1):
        value = value << 8 | at[place]
    return value


# Bytes of the length at `at`; 0 asks for more input, -1 is no length.
cdef inline int read_length(const uint8_t* at, const uint8_t* end, uint64_t* value) noexcept nogil:
    cdef uint8_t first
    if at >= end:
        return 0
    first = at[0]
    if first < 0x40:
        value[0] = first
        return 1
    if first < 0x80:
        if end - at < 2:
            return 0
        value[0] = <uint64_t>(first & 63) << 8 | at[1]
        return 2
    if first == 0x80:
        if end - at < 5:
            return 0
        value[0] = big_endian(at + 1, 4)
        return 5
    if first == 0x81:
        if end - at < 9:
            return 0
        value[0] = big_endian(at + 1, 8)
        return 9
    return -1


# Walk an LZF stream without unpacking it; -1 when it gives `size` bytes, else the offset that is wrong.
cdef inline Py_ssize_t lzf_walk(const uint8_t* data, Py_ssize_t end, uint64_t size) noexcept nogil:
    cdef Py_ssize_t at = 0, start
    cdef uint64_t made = 0, length, distance
    cdef uint8_t control
    while at < end:
        start = at
        control = data[at]
        at += 1
        if control < 32:
            length = control + 1
            distance = 0
            at += control + 1
            if at > end:
                return start
        else:
            length = control >> 5
            if length == 7:
                if at < end:
                    length += data[at]
                at += 1
            if at >= end:
                return start
            distance = (<uint64_t>(control & 31) << 8 | data[at]) + 1
            length += 2
            at += 1
        if distance > made or made + length > size:
            return start
        made += length
    return -1 if made == size else end


# Unpack LZF into exactly `size` bytes; -1 when done, else the offset of the item that is wrong.
cdef inline Py_ssize_t lzf_unpack(
    const uint8_t* data, Py_ssize_t end, uint8_t* out, Py_ssize_t size
) noexcept nogil:
    cdef Py_ssize_t at = 0, made = 0, start, length, distance, place
    cdef uint8_t control
    while at < end:
        start = at
        control = data[at]
        at += 1
        if control < 32:
            length = control + 1
            if at + length > end or made + length > size:
                return start
            memcpy(out + made, data + at, length)
            at += length
            made += length
            continue
        length = control >> 5
        if length == 7:
            if at < end:
                length += data[at]
            at += 1
        if at >= end:
            return start
        distance = (<Py_ssize_t>(control & 31) << 8 | data[at]) + 1
        at += 1
        length += 2
        if distance > made or made + length > size:
            return start
        if distance >= length:
            memcpy(out + made, out + made - distance, length)
        elif distance == 1:
            memset(out + made, out[made - 1], length)
        else:
            for place in range(length):
                out[made + place] = out[made + place - distance]
        made += length
    return -1 if made == size else end
