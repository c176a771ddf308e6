"""Text laid where there is room for it: the caller has reserved that, and gets the place behind the text."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    /* Two digits for each number below a hundred. */
    static const char aoftool_pairs[] =
        "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
        "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    """
    const char aoftool_pairs[]

cdef enum:
    NUMBER_MOST = 20  # letters of a number of 64 bits with its sign


cdef inline uint8_t* lay(uint8_t* at, const void* text, size_t size) noexcept nogil:
    memcpy(at, text, size)
    return at + size


cdef inline int digits_of(uint64_t number) noexcept nogil:
    cdef int count = 1
    while number >= 10000:
        number //= 10000
        count += 4
    return count + (number >= 10) + (number >= 100) + (number >= 1000)


# At most NUMBER_MOST letters.
cdef inline uint8_t* lay_unsigned(uint8_t* at, uint64_t number) noexcept nogil:
    cdef uint8_t* end = at + digits_of(number)
    cdef uint8_t* place = end
    while number >= 100:
        place -= 2
        memcpy(place, &aoftool_pairs[2 * (number % 100)], 2)
        number //= 100
    if number >= 10:
        memcpy(at, &aoftool_pairs[2 * number], 2)
    else:
        at[0] = <uint8_t>(0x30 + number)
    return end


cdef inline uint8_t* lay_number(uint8_t* at, int64_t number) noexcept nogil:
    if number < 0:
        at[0] = 0x2D
        return lay_unsigned(at + 1, <uint64_t>0 - <uint64_t>number)
    return lay_unsigned(at, <uint64_t>number)


# Two digits of a number below a hundred.
cdef inline uint8_t* lay_pair(uint8_t* at, unsigned int number) noexcept nogil:
    memcpy(at, &aoftool_pairs[2 * number], 2)
    return at + 2
