# Decodes sound values of the common types; everything else is decode_value's business.
"""Values without detours: blobs go straight into the containers.

Each decoder returns None for what it does not handle or does not find sound. The caller then asks
`aoftool.rdb.decode.decode`, the reference, whose answer or damage counts; so both ways agree.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_SetItem
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from aoftool.rdb._rdb_blobs cimport (
    DIGITS, Entry, Span, Text, close_span, close_text, entry_bytes, entry_score, listpack_first, listpack_next,
    open_span, open_text, signed_little, write_number, ziplist_first, ziplist_next,
)
from aoftool.rdb._rdb_bytes cimport big_endian, little_endian, read_length

from aoftool.values import HashValue, ListValue, SetValue, StreamId, StreamValue, ZSetValue

__all__ = ["add_node", "decode"]

cdef enum:
    STRING = 0
    LIST = 1
    SET = 2
    HASH = 4
    ZSET_2 = 5
    LIST_ZIPLIST = 10
    SET_INTSET = 11
    ZSET_ZIPLIST = 12
    HASH_ZIPLIST = 13
    LIST_QUICKLIST = 14
    STREAM_1 = 15
    HASH_LISTPACK = 16
    ZSET_LISTPACK = 17
    LIST_QUICKLIST_2 = 18
    STREAM_2 = 19
    SET_LISTPACK = 20
    STREAM_3 = 21
    HASH_2 = 22
    NODE_PLAIN = 1
    NODE_PACKED = 2
    DELETED = 1
    SAME_FIELDS = 2

# What a blob is turned into.
cdef enum:
    INTO_LIST = 0
    INTO_SET = 1
    INTO_HASH = 2
    INTO_ZSET = 3


def decode(bint valkey, int type_id, raw):
    """Return the value, or None where the reference has to answer."""
    cdef Span span
    open_span(raw, &span)
    try:
        return decode_sound(valkey, type_id, span.first, span.end)
    finally:
        close_span(&span)


cdef object decode_sound(bint valkey, int type_id, const uint8_t* at, const uint8_t* end):
    if type_id == STRING:
        return one_string(at, end)
    if type_id == HASH_LISTPACK:
        return one_blob(at, end, new_hash(), INTO_HASH, False)
    if type_id == SET_LISTPACK:
        return one_blob(at, end, SetValue(), INTO_SET, False)
    if type_id == ZSET_LISTPACK:
        return one_blob(at, end, ZSetValue(), INTO_ZSET, False)
    if type_id == HASH_ZIPLIST:
        return one_blob(at, end, new_hash(), INTO_HASH, True)
    if type_id == ZSET_ZIPLIST:
        return one_blob(at, end, ZSetValue(), INTO_ZSET, True)
    if type_id == LIST_ZIPLIST:
        return as_list(one_blob(at, end, [], INTO_LIST, True))
    if type_id == SET_INTSET:
        return one_intset(at, end)
    if type_id == LIST_QUICKLIST or type_id == LIST_QUICKLIST_2:
        return quicklist(at, end, type_id == LIST_QUICKLIST)
    if type_id == LIST:
        return as_list(plain_list(at, end))
    if type_id == STREAM_1 or type_id == STREAM_2 or type_id == STREAM_3:
        return plain_stream(at, end, type_id == STREAM_1)
    if type_id == SET or type_id == HASH or type_id == ZSET_2 or (valkey and type_id == HASH_2):
        return plain_mapping(at, end, type_id)
    return None


cdef inline object new_hash():
    value = HashValue.__new__(HashValue)
    value.expires = {}
    return value


cdef inline object as_list(object items):
    return None if items is None else ListValue(items)


cdef inline object take_text(Text* text):
    try:
        return PyBytes_FromStringAndSize(<const char*>text.data, text.size)
    finally:
        close_text(text)


cdef object one_string(const uint8_t* at, const uint8_t* end):
    cdef Text text
    if open_text(at, end, &text) < 0:
        return None
    return take_text(&text)


cdef object one_blob(const uint8_t* at, const uint8_t* end, object into, int form, bint ziplist):
    cdef Text text
    cdef bint sound
    if open_text(at, end, &text) < 0:
        return None
    try:
        sound = fill(into, &text, form, ziplist)
    finally:
        close_text(&text)
    return into if sound else None


cdef bint fill(object into, Text* blob, int form, bint ziplist) except -1:
    """Put the entries of a blob into a container; False when the blob is not sound."""
    cdef const uint8_t* at
    cdef const uint8_t* end = blob.data + blob.size
    cdef Entry entry, second
    cdef int found
    cdef double score = 0
    at = ziplist_first(blob.data, blob.size) if ziplist else listpack_first(blob.data, blob.size)
    if at == NULL:
        return False
    while True:
        found = ziplist_next(&at, end, &entry) if ziplist else listpack_next(&at, end, &entry)
        if found <= 0:
            return found == 0
        if form == INTO_LIST:
            (<list>into).append(entry_bytes(&entry))
            continue
        if form == INTO_SET:
            PyDict_SetItem(into, entry_bytes(&entry), None)
            continue
        found = ziplist_next(&at, end, &second) if ziplist else listpack_next(&at, end, &second)
        if found <= 0:
            return False
        if form == INTO_HASH:
            PyDict_SetItem(into, entry_bytes(&entry), entry_bytes(&second))
        else:
            if not entry_score(&second, &score):
                return False
            PyDict_SetItem(into, entry_bytes(&entry), score)


cdef object one_intset(const uint8_t* at, const uint8_t* end):
    cdef Text text
    cdef uint64_t width, count, place
    cdef char digits[DIGITS]
    cdef const uint8_t* member
    if open_text(at, end, &text) < 0:
        return None
    try:
        if text.size < 8:
            return None
        width = little_endian(text.data, 4)
        count = little_endian(text.data + 4, 4)
        if (width != 2 and width != 4 and width != 8) or 8 + width * count != <uint64_t>text.size:
            return None
        into = SetValue()
        for place in range(count):
            member = text.data + 8 + place * width
            PyDict_SetItem(
                into,
                PyBytes_FromStringAndSize(
                    digits, write_number(signed_little(member, <int>width), digits)
                ),
                None,
            )
        return into
    finally:
        close_text(&text)


cdef object quicklist(const uint8_t* at, const uint8_t* end, bint ziplist):
    cdef uint64_t nodes = 0, container = NODE_PACKED
    cdef Text text
    cdef Py_ssize_t taken
    cdef bint sound
    cdef list items = []
    cdef int size = read_length(at, end, &nodes)
    if size <= 0:
        return None
    at += size
    while nodes:
        if not ziplist:
            size = read_length(at, end, &container)
            if size <= 0 or (container != NODE_PLAIN and container != NODE_PACKED):
                return None
            at += size
        taken = open_text(at, end, &text)
        if taken < 0:
            return None
        at += taken
        if container == NODE_PLAIN:
            items.append(take_text(&text))
        else:
            try:
                sound = fill(items, &text, INTO_LIST, ziplist)
            finally:
                close_text(&text)
            if not sound:
                return None
        nodes -= 1
    return ListValue(items)


cdef object plain_list(const uint8_t* at, const uint8_t* end):
    cdef uint64_t count = 0
    cdef Text text
    cdef Py_ssize_t taken
    cdef list items = []
    cdef int size = read_length(at, end, &count)
    if size <= 0:
        return None
    at += size
    while count:
        taken = open_text(at, end, &text)
        if taken < 0:
            return None
        items.append(take_text(&text))
        at += taken
        count -= 1
    return items


cdef object plain_mapping(const uint8_t* at, const uint8_t* end, int type_id):
    cdef uint64_t count = 0
    cdef Text text
    cdef Py_ssize_t taken
    cdef int64_t expire
    cdef uint64_t bits
    cdef double score
    cdef object into, name
    cdef int size = read_length(at, end, &count)
    if size <= 0:
        return None
    into = SetValue() if type_id == SET else ZSetValue() if type_id == ZSET_2 else new_hash()
    at += size
    while count:
        taken = open_text(at, end, &text)
        if taken < 0:
            return None
        name = take_text(&text)
        at += taken
        if type_id == SET:
            PyDict_SetItem(into, name, None)
        elif type_id == ZSET_2:
            if end - at < 8:
                return None
            bits = little_endian(at, 8)
            memcpy(&score, &bits, 8)
            PyDict_SetItem(into, name, score)
            at += 8
        else:
            taken = open_text(at, end, &text)
            if taken < 0:
                return None
            PyDict_SetItem(into, name, take_text(&text))
            at += taken
            if type_id == HASH_2:
                if end - at < 8:
                    return None
                expire = <int64_t>little_endian(at, 8)
                if expire != -1:
                    PyDict_SetItem(into.expires, name, expire)
                at += 8
        count -= 1
    return into


def add_node(dict entries, raw, Py_ssize_t at):
    """Add the live entries of the stream node at an offset; return the offset after it.

    Returns -1, with nothing added, when the reference has to read the node.
    """
    cdef Span span
    cdef dict found = {}
    cdef Py_ssize_t taken = -1
    open_span(raw, &span)
    try:
        if 0 <= at <= span.end - span.first:
            taken = one_node(found, span.first + at, span.end)
    finally:
        close_span(&span)
    if taken < 0:
        return -1
    entries.update(found)
    return at + taken


cdef Py_ssize_t one_node(dict entries, const uint8_t* at, const uint8_t* end) except -2:
    """Add the live entries of a node and return its bytes, -1 when something is not sound."""
    cdef Text key, blob
    cdef Py_ssize_t key_size = open_text(at, end, &key), blob_size
    cdef bint sound = False
    if key_size < 0:
        return -1
    blob_size = open_text(at + key_size, end, &blob)
    try:
        if blob_size > 0 and key.size == 16:
            sound = read_entries(entries, key.data, &blob)
    finally:
        close_text(&key)
        if blob_size > 0:
            close_text(&blob)
    return key_size + blob_size if sound else -1


cdef inline object stream_id(uint64_t ms, uint64_t seq):
    return tuple.__new__(StreamId, (ms, seq))


cdef object plain_stream(const uint8_t* at, const uint8_t* end, bint first_version):
    """Read a stream without groups; those are the reference's business."""
    cdef uint64_t numbers[9]
    cdef uint64_t nodes = 0
    cdef dict entries = {}
    cdef Py_ssize_t taken
    cdef int place, wanted = 4 if first_version else 9
    cdef int size = read_length(at, end, &nodes)
    if size <= 0:
        return None
    at += size
    while nodes:
        taken = one_node(entries, at, end)
        if taken < 0:
            return None
        at += taken
        nodes -= 1
    for place in range(wanted):
        size = read_length(at, end, &numbers[place])
        if size <= 0:
            return None
        at += size
    # The last number counts the groups.
    if numbers[wanted - 1] or at != end:
        return None
    last_id = stream_id(numbers[1], numbers[2])
    if first_version:
        return StreamValue(entries, last_id, entries_added=numbers[0])
    return StreamValue(
        entries,
        last_id,
        stream_id(numbers[5], numbers[6]),
        numbers[7],
        stream_id(numbers[3], numbers[4]),
    )


cdef bint read_entries(dict found, const uint8_t* key, Text* blob) except -1:
    """Read the master entry of a node, then its entries; False when something is not sound."""
    cdef const uint8_t* at = listpack_first(blob.data, blob.size)
    cdef const uint8_t* end = blob.data + blob.size
    cdef Entry entry
    cdef int64_t count = 0
    cdef list names = []
    if at == NULL or not next_number(&at, end, &count) or not next_number(&at, end, &count):
        return False
    if not next_number(&at, end, &count) or count < 0:
        return False
    while count:
        if listpack_next(&at, end, &entry) != 1:
            return False
        names.append(entry_bytes(&entry))
        count -= 1
    if not next_number(&at, end, &count) or count != 0:
        return False
    return walk_entries(found, at, end, big_endian(key, 8), big_endian(key + 8, 8), names)


cdef inline bint next_number(const uint8_t** at, const uint8_t* end, int64_t* number) noexcept:
    cdef Entry entry
    if listpack_next(at, end, &entry) != 1 or entry.text != NULL:
        return False
    number[0] = entry.number
    return True


cdef bint walk_entries(
    dict found, const uint8_t* at, const uint8_t* end, uint64_t ms, uint64_t seq, list names
) except -1:
    cdef Entry entry
    cdef int64_t flags = 0, ms_step = 0, seq_step = 0, count = 0
    cdef Py_ssize_t place
    cdef int status
    cdef bint kept
    cdef list pairs
    while True:
        status = listpack_next(&at, end, &entry)
        if status <= 0:
            return status == 0
        if entry.text != NULL:
            return False
        flags = entry.number
        if not next_number(&at, end, &ms_step) or not next_number(&at, end, &seq_step):
            return False
        kept = not flags & DELETED
        pairs = []
        if flags & SAME_FIELDS:
            count = len(names)
        elif not next_number(&at, end, &count) or count < 0:
            return False
        for place in range(count):
            if flags & SAME_FIELDS:
                name = names[place]
            else:
                if listpack_next(&at, end, &entry) != 1:
                    return False
                name = entry_bytes(&entry)
            if listpack_next(&at, end, &entry) != 1:
                return False
            if kept:
                pairs.append((name, entry_bytes(&entry)))
        # The entry's own count of elements: looked at by the checks only.
        if not next_number(&at, end, &count):
            return False
        if kept:
            found[stream_id(ms + <uint64_t>ms_step, seq + <uint64_t>seq_step)] = tuple(pairs)
