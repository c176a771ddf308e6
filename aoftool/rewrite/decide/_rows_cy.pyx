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
    if row.db > <uint64_t>0xFFFFFFFF:
        return -1
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


cdef enum:
    # Flags of a row.
    HAS_EXPIRE = 1
    HAS_TIME = 7
    CAUSES = 16


cdef class Decider:
    """Decide the rows of an RDB part, window by window; the specification is `BaseKeys._read_records`.

    Args:
        causes, touched, written: one byte a key: why it is replaced later, whether a live command touches
            it, and may write it.
        held: one byte a key, set to 1 for keys with a live record.
        unnamed: one byte a database: why keys that no command names are gone.
        reads: one byte a type byte: its records can be copied.

    Attributes:
        keys, size_bytes, touched_keys, touched_bytes: of all rows so far.
        beyond: database above the last one that a row stood in, -1 for none; nothing counts behind it.
        copyable: whether all records to be copied can be.
        runs: (start, end, database, keys, keys with an expire time) of records side by side that are
            copied; complete after `close`.
    """

    cdef readonly int64_t keys, size_bytes, touched_keys, touched_bytes, beyond
    cdef readonly bint copyable
    cdef readonly list runs
    cdef const uint8_t[::1] causes, touched, written, unnamed, reads
    cdef uint8_t[::1] held
    cdef int64_t[::1] live, expiring
    cdef int64_t[CAUSES] dead_keys
    cdef int64_t[CAUSES] dead_bytes
    cdef int64_t run_start, run_end, run_db, run_keys, run_expires

    def __init__(self, causes, touched, written, held, unnamed, reads):
        self.causes, self.touched, self.written = causes, touched, written
        self.held, self.unnamed, self.reads = held, unnamed, reads
        self.live = np.zeros(len(unnamed), np.int64)
        self.expiring = np.zeros(len(unnamed), np.int64)
        self.beyond = -1
        self.copyable = True
        self.runs = []
        self.run_start = self.run_end = self.run_db = -1

    def add(self, const uint8_t[::1] packed, const int64_t[::1] numbers):
        """Decide rows with their key numbers; return one byte a row, 1 where a live command touches it."""
        cdef Py_ssize_t count = numbers.shape[0], index
        found = np.zeros(count, np.uint8)
        if count == 0:
            return found
        cdef uint8_t[::1] hits = found
        cdef const RowData *rows = <const RowData *>&packed[0]
        for index in range(count):
            if not self._row(&rows[index], numbers[index], &hits[index]):
                self._finish()
                self.run_start, self.run_db = rows[index].start, rows[index].db
                self._join(&rows[index])
            if self.beyond >= 0:
                break
        return found

    cdef bint _row(self, const RowData *row, int64_t number, uint8_t *hit) noexcept:
        """Decide a row; false when it begins a new run."""
        cdef int64_t size = row.end - row.start
        cdef uint8_t cause
        self.keys += 1
        self.size_bytes += size
        if row.db >= <uint64_t>self.unnamed.shape[0]:
            self.beyond = <int64_t>min(row.db, <uint64_t>0x7FFFFFFFFFFFFFFF)
            return True
        cause = self.causes[number] if number >= 0 else self.unnamed[row.db]
        if cause:
            self.dead_keys[cause % CAUSES] += 1
            self.dead_bytes[cause % CAUSES] += size
            return True
        self.live[row.db] += 1
        if number >= 0:
            self.held[number] = 1
            if self.touched[number]:
                hit[0] = 1
                self.touched_keys += 1
                self.touched_bytes += size
            if self.written[number]:
                return True
        if row.flags & HAS_EXPIRE:
            self.expiring[row.db] += 1
        if not self.reads[row.number & 0xFF] or (row.start == row.type_at and row.flags & HAS_TIME):
            self.copyable = False
        if <int64_t>row.start != self.run_end or <int64_t>row.db != self.run_db:
            return False
        self._join(row)
        return True

    cdef inline void _join(self, const RowData *row) noexcept:
        self.run_end = row.end
        self.run_keys += 1
        if row.flags & HAS_EXPIRE:
            self.run_expires += 1

    cdef int _finish(self) except -1:
        if self.run_keys and self.copyable:
            self.runs.append((self.run_start, self.run_end, self.run_db, self.run_keys, self.run_expires))
        self.run_keys = self.run_expires = 0
        return 0

    def close(self):
        """End the last run."""
        self._finish()
        self.run_end = -1

    def databases(self):
        """Return (live records, those to be copied that have an expire time) of each database."""
        return np.asarray(self.live), np.asarray(self.expiring)

    def dead(self):
        """Return (cause, records, bytes) of dead records."""
        return [(cause, self.dead_keys[cause], self.dead_bytes[cause]) for cause in range(CAUSES)
                if self.dead_keys[cause]]


def fields():
    """Return the names of the columns of a row, all 8 bytes wide."""
    assert sizeof(RowData) == 13 * 8
    return (
        "start", "type_at", "key_at", "value_at", "end", "number", "form", "db", "expire", "flags",
        "idle", "freq", "elements",
    )
