"""Key numbers of RDB records, looked up without an object for each."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint64_t

from aoftool.liveness._keys_cy cimport KeyTable
from aoftool.rdb._rdb_rows cimport RowData

# Answer for a record whose key is packed or lies outside of the data.
UNKNOWN = -2


def number_rows(KeyTable keys not None, const uint8_t[::1] packed, const uint8_t[::1] data, uint64_t base):
    """Return the number of the key of every row: -1 for keys not in the table, UNKNOWN for unread ones.

    Args:
        packed: rows as `Walker.take_packed_rows` gives them.
        data: bytes of the file from offset `base` on.
    """
    cdef Py_ssize_t count = packed.shape[0] // <Py_ssize_t>sizeof(RowData), index
    cdef uint64_t size = data.shape[0]
    found = np.empty(count, np.int64)
    if count == 0:
        return found
    cdef int64_t[::1] numbers = found
    cdef const RowData *rows = <const RowData *>&packed[0]
    cdef const uint8_t *bytes_ = &data[0] if size else NULL
    with nogil:
        for index in range(count):
            numbers[index] = _number(keys, &rows[index], bytes_, size, base)
    return found


cdef int64_t _number(
    KeyTable keys, const RowData *row, const uint8_t *data, uint64_t size, uint64_t base
) noexcept nogil:
    cdef uint64_t at, length
    cdef uint8_t first
    if row.start < base or row.value_at < base or row.value_at - base > size or row.key_at < base:
        return -2
    at = row.key_at - base
    if at >= size:
        return -2
    first = data[at]
    if first >> 6 == 0:
        length = first
        at += 1
    elif first >> 6 == 1 and at + 1 < size:
        length = (<uint64_t>(first & 0x3F) << 8) | data[at + 1]
        at += 2
    else:
        return -2
    # The walk has been here: anything else is not the plain form.
    if at + length != row.value_at - base:
        return -2
    return keys.lookup(<unsigned int>row.db, data + at, length, False)


def fields():
    """Return the names of the columns of a row, all 8 bytes wide."""
    assert sizeof(RowData) == 13 * 8
    return (
        "start", "type_at", "key_at", "value_at", "end", "number", "form", "db", "expire", "flags",
        "idle", "freq", "elements",
    )
