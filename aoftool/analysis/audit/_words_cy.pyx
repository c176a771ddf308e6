"""Where any of some words stand in bytes, all words in one pass. Gives the answers of `_words_py`.

A window as long as the shortest word moves over the bytes; its last two bytes tell how far it may move on.
Source: Wu and Manber, A fast algorithm for multi-pattern searching, 1994.
"""

from array import array

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp, memset

__all__ = ["find_words"]

cdef enum:
    PAIRS = 65536


cdef int64_t search(
    const uint8_t* data, int64_t size, const uint8_t* joined, const int64_t* starts, int64_t count,
    int64_t window, const uint8_t* shifts, int64_t* found, int64_t most,
) noexcept nogil:
    """Write the places of words and return how many there are."""
    cdef int64_t end = window - 1, total = 0, begin, length, number
    cdef uint8_t shift
    # `end` is below `size`, and at least 1 as no word is shorter than two bytes.
    while end < size and total < most:
        shift = shifts[(data[end - 1] << 8) | data[end]]
        if shift:
            end += shift
            continue
        begin = end - window + 1
        for number in range(count):
            length = starts[number + 1] - starts[number]
            if begin + length <= size and memcmp(data + begin, joined + starts[number], length) == 0:
                found[total] = begin
                total += 1
                break
        end += 1
    return total


def find_words(const uint8_t[::1] data not None, words, int64_t most):
    """Return where words begin, ascending. See `_words_py.find_words`."""
    cdef uint8_t[PAIRS] shifts
    cdef int64_t size = data.shape[0], count = len(words), window = min(map(len, words)), at, total
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
    held = array("q", bytes(8 * min(most, size)))
    found = held
    with nogil:
        total = search(
            &data[0], size, &joined[0], &starts[0], count, window, shifts, &found[0], min(most, size)
        )
    return held[:total].tolist()
