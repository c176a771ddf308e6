# cython: language_level=3
"""Compiled twin of `_encode_py.py`, which is the specification of every function here."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from aoftool.files._buffer cimport Buffer, put, reserve

cdef enum:
    PLACES = 65536
    MAX_LITERAL = 32
    MAX_DISTANCE = 8192
    MAX_COPY = 264
    UNCHECKED = 16
    LONGEST_INTEGER = 11
    LZF_ABOVE = 20
    LZF_GAIN = 4
    HEADER_BYTES = 6
    ENTRY_OVERHEAD = 8
    MAX_COUNT = 65535

cdef uint64_t MOST_32 = 0xFFFFFFFF
cdef uint64_t TOO_LONG = 0x7FFFFFFF
cdef int64_t HIGH_32 = 0x7FFFFFFF
cdef int64_t LOW_32 = -0x80000000
cdef int64_t INT64_LOW = <int64_t> (<uint64_t> 1 << 63)


cdef int put_length(Buffer *out, uint64_t value) except -1 nogil:
    cdef uint8_t *to
    cdef int shift
    reserve(out, 9)
    to = out.data + out.size
    if value < 64:
        to[0] = <uint8_t> value
        out.size += 1
    elif value < 16384:
        to[0] = <uint8_t> (0x40 | value >> 8)
        to[1] = <uint8_t> value
        out.size += 2
    else:
        to[0] = 0x80 if value <= MOST_32 else 0x81
        to += 1
        out.size += 1
        shift = 24 if value <= MOST_32 else 56
        while shift >= 0:
            to[0] = <uint8_t> (value >> shift)
            to += 1
            out.size += 1
            shift -= 8
    return 0


cdef inline void put_little(uint8_t *to, uint64_t value, int width) noexcept nogil:
    cdef int i
    for i in range(width):
        to[i] = <uint8_t> (value >> 8 * i)


# --- LZF --------------------------------------------------------------------------------------

# The table holds positions counted from a base that grows with every call, so that entries left by
# earlier calls are below the base and need no clearing. Each thread has its own: what is found depends on
# nothing but the data.
cdef extern from *:
    """
    #include <stdint.h>
    #if defined(_MSC_VER)
    #define AOF_OF_THREAD __declspec(thread)
    #else
    #define AOF_OF_THREAD __thread
    #endif
    static AOF_OF_THREAD uint32_t aof_seen[65536];
    static AOF_OF_THREAD uint32_t aof_seen_base = 1;
    """
    uint32_t[65536] aof_seen
    uint32_t aof_seen_base


cdef inline uint32_t place_of(const uint8_t *at) noexcept nogil:
    cdef uint32_t high = (<uint32_t> at[0] << 8) | at[1]
    cdef uint32_t low = (<uint32_t> at[1] << 8) | at[2]
    return (high - 5 * low) & 0xFFFF


cdef inline size_t copy_length(const uint8_t *ref, const uint8_t *at, size_t left) noexcept nogil:
    cdef size_t limit = left - 2 if left - 2 < MAX_COPY else MAX_COPY
    cdef size_t length = 3
    if limit > UNCHECKED:
        while length < 3 + UNCHECKED:
            if ref[length] != at[length]:
                return length
            length += 1
    while length < limit and ref[length] == at[length]:
        length += 1
    return length


cdef size_t squeeze(
    const uint8_t *data, size_t size, uint8_t *out, size_t limit, uint32_t *seen, uint32_t base
) noexcept nogil:
    """Return the bytes written to `out`, 0 for no result; `base` is the table's position of byte 0."""
    cdef size_t at = 0, op = 1, literal = 0, length, ref, off
    cdef uint32_t place, found
    out[0] = 0
    while at + 2 < size:
        place = place_of(data + at)
        found = seen[place]
        seen[place] = base + <uint32_t> at
        ref = found - base if found > base else 0
        if (ref and at - ref <= MAX_DISTANCE and data[ref] == data[at]
                and data[ref + 1] == data[at + 1] and data[ref + 2] == data[at + 2]):
            if op - (literal == 0) + 4 >= limit:
                return 0
            if literal:
                out[op - literal - 1] = <uint8_t> (literal - 1)
            else:
                op -= 1
            length = copy_length(data + ref, data + at, size - at)
            off = at - ref - 1
            if length - 2 < 7:
                out[op] = <uint8_t> (off >> 8 | (length - 2) << 5)
                op += 1
            else:
                out[op] = <uint8_t> (off >> 8 | 0xE0)
                out[op + 1] = <uint8_t> (length - 9)
                op += 2
            out[op] = <uint8_t> off
            out[op + 1] = 0
            op += 2
            literal = 0
            at += length
            if at + 2 >= size:
                break
            seen[place_of(data + at - 2)] = base + <uint32_t> (at - 2)
            seen[place_of(data + at - 1)] = base + <uint32_t> (at - 1)
            continue
        if op >= limit:
            return 0
        out[op] = data[at]
        op += 1
        at += 1
        literal += 1
        if literal == MAX_LITERAL:
            out[op - literal - 1] = MAX_LITERAL - 1
            out[op] = 0
            op += 1
            literal = 0
    if op + 3 > limit:
        return 0
    while at < size:
        out[op] = data[at]
        op += 1
        at += 1
        literal += 1
        if literal == MAX_LITERAL:
            out[op - literal - 1] = MAX_LITERAL - 1
            out[op] = 0
            op += 1
            literal = 0
    if literal:
        out[op - literal - 1] = <uint8_t> (literal - 1)
    else:
        op -= 1
    return op


cdef size_t squeeze_safely(const uint8_t *data, size_t size, uint8_t *out, size_t limit) noexcept nogil:
    global aof_seen_base
    cdef size_t made
    if size == 0 or limit == 0:
        return 0
    if size >= TOO_LONG:
        return 0
    if aof_seen_base + <uint64_t> size >= MOST_32:
        memset(aof_seen, 0, sizeof(aof_seen))
        aof_seen_base = 1
    made = squeeze(data, size, out, limit, aof_seen, aof_seen_base)
    aof_seen_base += <uint32_t> size
    return made


def lzf_compress(bytes data not None, Py_ssize_t limit):
    """See `_encode_py.lzf_compress`."""
    cdef size_t size = PyBytes_GET_SIZE(data), made
    cdef uint8_t *out
    if size == 0 or limit <= 0:
        return None
    out = <uint8_t *> malloc(limit + 8)
    if out == NULL:
        raise MemoryError()
    try:
        made = squeeze_safely(<const uint8_t *> PyBytes_AS_STRING(data), size, out, limit)
        return None if made == 0 else PyBytes_FromStringAndSize(<char *> out, made)
    finally:
        free(out)


# --- strings ----------------------------------------------------------------------------------

cdef bint read_integer(const uint8_t *text, size_t size, int64_t *value) noexcept nogil:
    """Read canonical decimal text of a 64-bit integer; False when it is none."""
    cdef size_t at = 0
    cdef uint64_t total = 0
    cdef unsigned int digit
    cdef bint negative = False
    if size == 0 or size > 20:
        return False
    if text[0] == c'-':
        negative = True
        at = 1
        if size == 1:
            return False
    if text[at] == c'0':
        if size == 1:
            value[0] = 0
            return True
        return False
    while at < size:
        digit = text[at] - c'0'
        if digit > 9:
            return False
        if total > (0xFFFFFFFFFFFFFFFFULL - digit) // 10:
            return False
        total = total * 10 + digit
        at += 1
    if negative:
        if total > <uint64_t> 1 << 63:
            return False
        value[0] = INT64_LOW if total == <uint64_t> 1 << 63 else -<int64_t> total
    else:
        if total > 0x7FFFFFFFFFFFFFFFULL:
            return False
        value[0] = <int64_t> total
    return True


cdef int put_string(Buffer *out, const uint8_t *data, size_t size, bint compress) except -1 nogil:
    cdef int64_t value
    cdef size_t made, head
    cdef int width
    cdef uint8_t *to
    if size <= LONGEST_INTEGER and read_integer(data, size, &value):
        width = 0
        if -128 <= value <= 127:
            width = 1
        elif -32768 <= value <= 32767:
            width = 2
        elif LOW_32 <= value <= HIGH_32:
            width = 4
        if width:
            reserve(out, 5)
            to = out.data + out.size
            to[0] = 0xC0 if width == 1 else 0xC1 if width == 2 else 0xC2
            put_little(to + 1, <uint64_t> value, width)
            out.size += 1 + width
            return 0
    if compress and size > LZF_ABOVE:
        # Room for the longest head, then the stream; the head is put in front once its size is known.
        reserve(out, size + 24)
        made = squeeze_safely(data, size, out.data + out.size + 19, size - LZF_GAIN)
        if made:
            head = out.size
            out.data[out.size] = 0xC3
            out.size += 1
            put_length(out, made)
            put_length(out, size)
            # The head took at most 19 bytes, so the stream moves towards the front.
            move_left(out.data + out.size, out.data + head + 19, made)
            out.size += made
            return 0
    put_length(out, size)
    return put(out, data, size)


cdef inline void move_left(uint8_t *to, const uint8_t *data, size_t size) noexcept nogil:
    cdef size_t i
    if to + size <= data:
        memcpy(to, data, size)
        return
    for i in range(size):
        to[i] = data[i]


cdef object take(Buffer *out):
    return PyBytes_FromStringAndSize(<char *> out.data, out.size)


def encode_string(bytes data not None, bint compress):
    """See `_encode_py.encode_string`."""
    cdef Buffer out = Buffer(NULL, 0, 0)
    try:
        put_string(&out, <const uint8_t *> PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), compress)
        return take(&out)
    finally:
        free(out.data)


def encode_strings(items, bint compress):
    """See `_encode_py.encode_strings`."""
    cdef Buffer out = Buffer(NULL, 0, 0)
    cdef bytes item
    try:
        for item in items:
            put_string(&out, <const uint8_t *> PyBytes_AS_STRING(item), PyBytes_GET_SIZE(item), compress)
        return take(&out)
    finally:
        free(out.data)


def encode_scored(pairs, bint compress):
    """See `_encode_py.encode_scored`."""
    cdef Buffer out = Buffer(NULL, 0, 0)
    cdef bytes member
    cdef double score
    cdef uint64_t bits
    try:
        for score, member in pairs:
            put_string(&out, <const uint8_t *> PyBytes_AS_STRING(member), PyBytes_GET_SIZE(member), compress)
            memcpy(&bits, &score, 8)
            reserve(&out, 8)
            put_little(out.data + out.size, bits, 8)
            out.size += 8
        return take(&out)
    finally:
        free(out.data)


def string_records(rows, bint compress, list sizes=None):
    """See `_encode_py.string_records`."""
    cdef Buffer out = Buffer(NULL, 0, 0)
    cdef bytes key, value
    cdef int64_t at
    cdef size_t start
    try:
        for key, value, expire in rows:
            start = out.size
            reserve(&out, 10)
            if expire is not None:
                at = expire
                out.data[out.size] = 0xFC
                put_little(out.data + out.size + 1, <uint64_t> at, 8)
                out.size += 9
            out.data[out.size] = 0
            out.size += 1
            put_string(&out, <const uint8_t *> PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), compress)
            put_string(&out, <const uint8_t *> PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), compress)
            if sizes is not None:
                sizes.append(out.size - start)
        return take(&out)
    finally:
        free(out.data)


# --- listpacks --------------------------------------------------------------------------------

cdef int put_backlen(Buffer *out, size_t length) except -1:
    """Write how long the entry is that ends here; the caller has room for five bytes."""
    cdef uint8_t *to = out.data + out.size
    cdef int groups, shift
    groups = 1 if length <= 127 else 2 if length < 16384 else 3 if length < 2097152 else (
        4 if length < 268435456 else 5)
    shift = groups - 1
    while shift >= 0:
        to[0] = <uint8_t> (length >> 7 * shift & 0x7F)
        if shift != groups - 1:
            to[0] |= 0x80
        to += 1
        shift -= 1
    out.size += groups
    return 0


cdef int put_number(Buffer *out, int64_t value) except -1:
    """Write an integer entry."""
    cdef uint8_t *to
    cdef int width
    cdef size_t length
    reserve(out, 16)
    to = out.data + out.size
    if 0 <= value <= 127:
        to[0] = <uint8_t> value
        length = 1
    elif -4096 <= value <= 4095:
        to[0] = <uint8_t> (0xC0 | ((value & 0x1FFF) >> 8))
        to[1] = <uint8_t> value
        length = 2
    else:
        width = 2 if -32768 <= value <= 32767 else 3 if -8388608 <= value <= 8388607 else (
            4 if -2147483648 <= value <= 2147483647 else 8)
        to[0] = 0xF1 if width == 2 else 0xF2 if width == 3 else 0xF3 if width == 4 else 0xF4
        put_little(to + 1, <uint64_t> value, width)
        length = 1 + width
    out.size += length
    return put_backlen(out, length)


cdef int put_entry(Buffer *out, const uint8_t *data, size_t size) except -1:
    """Write text as an entry; canonical integers become integer entries."""
    cdef int64_t value
    cdef size_t length
    cdef uint8_t *to
    if read_integer(data, size, &value):
        return put_number(out, value)
    reserve(out, size + 16)
    to = out.data + out.size
    if size < 64:
        to[0] = <uint8_t> (0x80 | size)
        memcpy(to + 1, data, size)
        length = 1 + size
    elif size < 4096:
        to[0] = <uint8_t> (0xE0 | size >> 8)
        to[1] = <uint8_t> size
        memcpy(to + 2, data, size)
        length = 2 + size
    else:
        if size > 0xFFFFFFFF:
            raise OverflowError("int too big to convert")
        to[0] = 0xF0
        put_little(to + 1, size, 4)
        memcpy(to + 5, data, size)
        length = 5 + size
    out.size += length
    return put_backlen(out, length)


def integers(items):
    """See `_encode_py.integers`."""
    cdef bytes item
    cdef int64_t value
    out = []
    for item in items:
        if not read_integer(<const uint8_t *> PyBytes_AS_STRING(item), PyBytes_GET_SIZE(item), &value):
            return None
        out.append(value)
    return out


def listpack_entries(items):
    """See `_encode_py.listpack_entries`."""
    cdef Buffer out = Buffer(NULL, 0, 0)
    cdef bytes item
    try:
        for item in items:
            put_entry(&out, <const uint8_t *> PyBytes_AS_STRING(item), PyBytes_GET_SIZE(item))
        return take(&out)
    finally:
        free(out.data)


def score_entries(ranked, int64_t whole, text):
    """See `_encode_py.score_entries`."""
    cdef Buffer out = Buffer(NULL, 0, 0)
    cdef bytes member, other
    cdef double score
    try:
        for score, member in ranked:
            put_entry(&out, <const uint8_t *> PyBytes_AS_STRING(member), PyBytes_GET_SIZE(member))
            if score != 0 and -whole <= score <= whole and score == <double> <int64_t> score:
                put_number(&out, <int64_t> score)
                continue
            other = text(score)
            put_entry(&out, <const uint8_t *> PyBytes_AS_STRING(other), PyBytes_GET_SIZE(other))
        return take(&out)
    finally:
        free(out.data)


def stream_entries(rows, Py_ssize_t at, uint64_t node_bytes, uint64_t node_entries):
    """See `_encode_py.stream_entries`."""
    cdef Buffer out = Buffer(NULL, 0, 0)
    cdef uint64_t first_ms, first_seq, ms, seq, size, text_bytes, used = 0, elements = 0
    cdef Py_ssize_t count = len(rows), names_count, head, i
    cdef int64_t items
    cdef bytes name, text
    cdef bint same
    (first_ms, first_seq), pairs = rows[at]
    names = [pair[0] for pair in pairs]
    names_count = len(names)
    try:
        put_number(&out, names_count)
        for name in names:
            put_entry(&out, <const uint8_t *> PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))
        put_number(&out, 0)
        head = out.size
        out.size = 0
        while at < count:
            (ms, seq), pairs = rows[at]
            at += 1
            size = HEADER_BYTES + 1 + 2 + (2 if used < 128 else 3) + head + out.size
            text_bytes = 0
            same = len(pairs) == names_count
            i = 0
            for name, text in pairs:
                text_bytes += PyBytes_GET_SIZE(name) + PyBytes_GET_SIZE(text)
                if same and name != <bytes> names[i]:
                    same = False
                i += 1
            if used and (size + text_bytes >= node_bytes or (node_entries and used >= node_entries)):
                break
            put_number(&out, 2 if same else 0)
            put_number(&out, <int64_t> (ms - first_ms))
            put_number(&out, <int64_t> (seq - first_seq))
            items = 3
            if not same:
                put_number(&out, <int64_t> i)
                items += 1
            for name, text in pairs:
                if not same:
                    put_entry(&out, <const uint8_t *> PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))
                    items += 1
                put_entry(&out, <const uint8_t *> PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))
                items += 1
            put_number(&out, items)
            elements += items + 1
            used += 1
        return used, elements, take(&out)
    finally:
        free(out.data)


cdef int put_ziplist_body(Buffer *out, const uint8_t *data, size_t size) except -1:
    """Write encoding and data of a ziplist entry."""
    cdef int64_t value
    cdef uint8_t *to
    cdef int width
    reserve(out, size + 16)
    to = out.data + out.size
    if read_integer(data, size, &value):
        if 0 <= value <= 12:
            to[0] = <uint8_t> (0xF1 + value)
            out.size += 1
            return 0
        width = 1 if -128 <= value <= 127 else 2 if -32768 <= value <= 32767 else (
            3 if -8388608 <= value <= 8388607 else 4 if -2147483648 <= value <= 2147483647 else 8)
        to[0] = 0xFE if width == 1 else 0xC0 if width == 2 else 0xF0 if width == 3 else (
            0xD0 if width == 4 else 0xE0)
        put_little(to + 1, <uint64_t> value, width)
        out.size += 1 + width
        return 0
    if size < 64:
        to[0] = <uint8_t> size
        out.size += 1
    elif size < 16384:
        to[0] = <uint8_t> (0x40 | size >> 8)
        to[1] = <uint8_t> size
        out.size += 2
    else:
        if size > 0xFFFFFFFF:
            raise OverflowError("int too big to convert")
        to[0] = 0x80
        to[1] = <uint8_t> (size >> 24)
        to[2] = <uint8_t> (size >> 16)
        to[3] = <uint8_t> (size >> 8)
        to[4] = <uint8_t> size
        out.size += 5
    return put(out, data, size)


def encode_ziplist(items):
    """See `_encode_py.encode_ziplist`."""
    cdef Buffer out = Buffer(NULL, 0, 0)
    cdef bytes item
    cdef size_t last = 10, before = 0, count = 0
    try:
        reserve(&out, 16)
        out.size = 10
        for item in items:
            last = out.size
            reserve(&out, 5)
            if before < 254:
                out.data[out.size] = <uint8_t> before
                out.size += 1
            else:
                out.data[out.size] = 0xFE
                put_little(out.data + out.size + 1, before, 4)
                out.size += 5
            put_ziplist_body(&out, <const uint8_t *> PyBytes_AS_STRING(item), PyBytes_GET_SIZE(item))
            before = out.size - last
            count += 1
        reserve(&out, 1)
        out.data[out.size] = 0xFF
        out.size += 1
        if out.size > 0xFFFFFFFF:
            raise OverflowError("int too big to convert")
        put_little(out.data, out.size, 4)
        put_little(out.data + 4, last, 4)
        put_little(out.data + 8, count if count < MAX_COUNT else MAX_COUNT, 2)
        return take(&out)
    finally:
        free(out.data)


cdef int start_node(Buffer *node) except -1:
    node.size = 0
    reserve(node, HEADER_BYTES)
    node.size = HEADER_BYTES
    return 0


cdef int end_node(Buffer *out, Buffer *node, uint16_t count, bint compress) except -1:
    cdef uint8_t packed = 2
    reserve(node, 1)
    node.data[node.size] = 0xFF
    node.size += 1
    put_little(node.data, node.size, 4)
    put_little(node.data + 4, count, 2)
    put(out, &packed, 1)
    put_string(out, node.data, node.size, compress)
    return start_node(node)


def pack_list(items, Py_ssize_t node_bytes, Py_ssize_t plain_above, bint compress):
    """See `_encode_py.pack_list`."""
    cdef Buffer out = Buffer(NULL, 0, 0)
    cdef Buffer node = Buffer(NULL, 0, 0)
    cdef bytes item
    cdef size_t size, nodes = 0, count = 0
    cdef bint plain, full
    cdef uint8_t container = 1
    try:
        start_node(&node)
        for item in items:
            size = PyBytes_GET_SIZE(item)
            plain = <Py_ssize_t> size > plain_above
            full = <Py_ssize_t> (node.size + 1 + size + ENTRY_OVERHEAD) > node_bytes
            if count and (plain or full or count == MAX_COUNT - 1):
                end_node(&out, &node, <uint16_t> count, compress)
                nodes += 1
                count = 0
            if plain:
                put(&out, &container, 1)
                put_string(&out, <const uint8_t *> PyBytes_AS_STRING(item), size, compress)
                nodes += 1
                continue
            put_entry(&node, <const uint8_t *> PyBytes_AS_STRING(item), size)
            count += 1
        if count:
            end_node(&out, &node, <uint16_t> count, compress)
            nodes += 1
        return nodes, take(&out)
    finally:
        free(out.data)
        free(node.data)
