"""Where any of some words stand in bytes, all words in one pass. Gives the answers of `_words_py`.

A window as long as the shortest word moves over the bytes; its last two bytes tell how far it may move on.
Source: Wu and Manber, A fast algorithm for multi-pattern searching, 1994. Where it moves to is known only when the
table has answered, so that a processor waits most of the time: four windows move over four parts in turns.
"""

from array import array

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp, memset

__all__ = ["find_words"]

cdef enum:
    PAIRS = 65536
    PARTS = 4


cdef struct Words:
    const uint8_t* joined
    const int64_t* starts
    int64_t count
    int64_t window
    const uint8_t* shifts

# One part: where the end of its window stands, behind which place the part ends, and what was found in it.
cdef struct Part:
    int64_t end
    int64_t last
    int64_t* found
    int64_t total
    int64_t most


cdef inline bint begins(const Words* words, const uint8_t* data, int64_t size, int64_t begin) noexcept nogil:
    """Tell whether a word begins there and fits into the bytes."""
    cdef int64_t number, length
    for number in range(words.count):
        length = words.starts[number + 1] - words.starts[number]
        if begin + length <= size and memcmp(data + begin, words.joined + words.starts[number], length) == 0:
            return True
    return False


cdef inline void step(const Words* words, const uint8_t* data, int64_t size, Part* part) noexcept nogil:
    """Move the window of a part on; it stands before `last`, and at 1 or behind as no word has fewer than 2 bytes."""
    cdef uint8_t shift = words.shifts[(data[part.end - 1] << 8) | data[part.end]]
    cdef int64_t begin
    if shift:
        part.end += shift
        return
    begin = part.end - words.window + 1
    if begins(words, data, size, begin):
        part.found[part.total] = begin
        part.total += 1
        if part.total == part.most:
            part.end = part.last
            return
    part.end += 1


cdef void search(const Words* words, const uint8_t* data, int64_t size, Part* parts) noexcept nogil:
    """Write the places of words of all parts."""
    cdef int64_t number
    while (
        parts[0].end < parts[0].last and parts[1].end < parts[1].last
        and parts[2].end < parts[2].last and parts[3].end < parts[3].last
    ):
        step(words, data, size, &parts[0])
        step(words, data, size, &parts[1])
        step(words, data, size, &parts[2])
        step(words, data, size, &parts[3])
    for number in range(PARTS):
        while parts[number].end < parts[number].last:
            step(words, data, size, &parts[number])


def find_words(const uint8_t[::1] data not None, words, int64_t most):
    """Return where words begin, ascending. See `_words_py.find_words`."""
    cdef uint8_t[PAIRS] shifts
    cdef int64_t size = data.shape[0], count = len(words), window = min(map(len, words)), at, each
    cdef Words known
    cdef Part[PARTS] parts
    cdef const uint8_t[::1] joined = b"".join(words)
    cdef int64_t[::1] starts, found
    if window < 2:
        raise ValueError("a word has at least two bytes")
    if size < window or most <= 0:
        return []
    starts = array("q", bytes(8 * (count + 1)))
    for at in range(count):
        starts[at + 1] = starts[at] + len(words[at])
    # A shift fits into a byte: a longer window than 255 would only move less far than it might.
    window = min(window, 255)
    memset(shifts, <int>(window - 1), PAIRS)
    for word in words:
        for at in range(1, window):
            pair = word[at - 1] << 8 | word[at]
            shifts[pair] = min(shifts[pair], <uint8_t>(window - 1 - at))
    most = min(most, size)
    held = array("q", bytes(8 * most * PARTS))
    found = held
    known.joined, known.starts, known.shifts = &joined[0], &starts[0], &shifts[0]
    known.count, known.window = count, window
    # Places at which a word may begin are shared out; where the last of a part ends is of no concern.
    each = (size - window + 1) // PARTS
    for at in range(PARTS):
        parts[at].end = at * each + window - 1
        parts[at].last = size if at == PARTS - 1 else (at + 1) * each + window - 1
        parts[at].found = &found[at * most]
        parts[at].total, parts[at].most = 0, most
    with nogil:
        search(&known, &data[0], size, parts)
    every = []
    for at in range(PARTS):
        every += held[at * most : at * most + parts[at].total]
    return every[:most]
