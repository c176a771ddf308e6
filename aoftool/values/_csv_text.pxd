"""CSV cells for the kernels, as `aoftool.report.csvout` writes them: a spreadsheet shows and does not run them."""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from aoftool.files._buffer cimport Buffer, reserve


# Tell whether a spreadsheet might take text that begins so for a formula, or for one that was disarmed.
cdef inline bint begins_formula(uint8_t letter) noexcept nogil:
    return letter == 0x3D or letter == 0x2B or letter == 0x2D or letter == 0x40 or letter == 0x27


# Append text as a cell; `quoted` where it holds a comma, a quote or a line end.
cdef inline int put_cell(Buffer* out, const uint8_t* data, size_t size, bint quoted) except -1 nogil:
    cdef uint8_t* at
    cdef size_t i
    # An apostrophe, two quotes, and twice every byte.
    reserve(out, 2 * size + 3)
    at = out.data + out.size
    if quoted:
        at[0] = 0x22
        at += 1
    if size and begins_formula(data[0]):
        at[0] = 0x27
        at += 1
    if not quoted:
        if size:
            memcpy(at, data, size)
        at += size
    else:
        for i in range(size):
            if data[i] == 0x22:
                at[0] = 0x22
                at += 1
            at[0] = data[i]
            at += 1
        at[0] = 0x22
        at += 1
    out.size = at - out.data
    return 0
