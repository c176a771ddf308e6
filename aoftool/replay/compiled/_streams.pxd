"""Streams without groups and producers: entries in order of their IDs, and the counters beside them.

An entry is one blob: its ID as two words of eight bytes, how many texts follow in four, then the size of each
text in four bytes and the text itself; fields and values take turns.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from aoftool.replay.compiled._plain cimport Spans
from aoftool.replay.compiled._tables cimport Blob, Ring, ring_drop, ring_room

cdef enum:
    # Where the number of texts stands in an entry, and the first of them.
    TEXTS_AT = 20
    FIRST_TEXT_AT = 24

cdef struct Stream:
    # First, so that whoever fetches the ends of a list fetches those of a stream.
    Ring entries
    uint64_t last_ms
    uint64_t last_seq
    uint64_t deleted_ms
    uint64_t deleted_seq
    uint64_t added


cdef inline uint64_t word_at(const uint8_t *at) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, at, 8)
    return word


cdef inline uint32_t half_at(const uint8_t *at) noexcept nogil:
    cdef uint32_t word
    memcpy(&word, at, 4)
    return word


cdef inline uint64_t entry_ms(Blob entry) noexcept nogil:
    return word_at(entry + 4)


cdef inline uint64_t entry_seq(Blob entry) noexcept nogil:
    return word_at(entry + 12)


cdef inline uint32_t entry_texts(Blob entry) noexcept nogil:
    return half_at(entry + TEXTS_AT)


cdef inline const uint8_t *next_text(const uint8_t *at, uint32_t *size) noexcept nogil:
    """Return where the text is whose size stands at a place; behind its bytes stands the next size."""
    size[0] = half_at(at)
    return at + 4


cdef inline Blob empty_entry(uint64_t ms, uint64_t seq, uint32_t texts, uint64_t text_bytes) noexcept nogil:
    """Return an entry with room for its texts, NULL when there is no memory, or when it is too large for a blob."""
    cdef uint64_t size = FIRST_TEXT_AT - 4 + 4 * <uint64_t>texts + text_bytes
    cdef uint32_t short_size = <uint32_t>size
    cdef Blob entry = <Blob>malloc(size + 4) if size == short_size else NULL
    if entry != NULL:
        memcpy(entry, &short_size, 4)
        memcpy(entry + 4, &ms, 8)
        memcpy(entry + 12, &seq, 8)
        memcpy(entry + TEXTS_AT, &texts, 4)
    return entry


cdef inline uint8_t *put_text(uint8_t *to, const uint8_t *text, uint64_t size) noexcept nogil:
    """Add a text to an entry that has room for it, and return where the next one goes."""
    cdef uint32_t short_size = <uint32_t>size
    memcpy(to, &short_size, 4)
    memcpy(to + 4, text, size)
    return to + 4 + size


cdef inline Blob new_entry(
    const uint8_t *data, Spans *spans, uint64_t first, uint64_t ms, uint64_t seq
) noexcept nogil:
    """Return an entry of the arguments from one on, NULL when there is no memory."""
    cdef uint64_t index, total = 0
    cdef Blob entry
    cdef uint8_t *to
    for index in range(first, spans.count):
        total += spans.sizes[index]
    entry = empty_entry(ms, seq, <uint32_t>(spans.count - first), total)
    if entry == NULL:
        return NULL
    to = entry + FIRST_TEXT_AT
    for index in range(first, spans.count):
        to = put_text(to, data + spans.starts[index], spans.sizes[index])
    return entry


cdef inline bint push_entry(Stream *stream, Blob entry) noexcept nogil:
    """Add an entry above all others, which is taken over; false when there is no memory."""
    if entry == NULL or not ring_room(&stream.entries):
        free(entry)
        return False
    stream.entries.items[(stream.entries.head + stream.entries.count) & stream.entries.mask] = entry
    stream.entries.count += 1
    return True


cdef inline void free_stream(Stream *stream) noexcept nogil:
    ring_drop(&stream.entries, stream.entries.count, True)
    free(stream.entries.items)
    free(stream)
