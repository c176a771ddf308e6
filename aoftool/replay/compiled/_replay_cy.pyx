"""The commands that logs are full of, executed straight from the bytes of the log.

The reference is `aoftool.keyspace`: a row is taken here only while its handler there would do the plain
thing (the key is missing or of the right type, no field has an expire time, no number is odd). All
other rows go to `execute`, so refusals, rare forms and odd numbers are known in one place.

A key has its value in one of two places. It begins in a `Store`, without Python objects; once a row
needs the long way, its keys move to the dicts of the keyspace, and back with the next row that does not;
large values come back a few times only. Streams with groups stay in the dicts. Nobody may observe the keyspace.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem, PyDict_Size
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr

from aoftool.liveness._keys_cy cimport aof_prefetch
from aoftool.replay.compiled._ahead cimport (
    ENTRY_STEP,
    NAME_STEP,
    WINDOW,
    Ahead,
    ask_for_entry,
    ask_for_name,
    ask_for_slot,
)
from aoftool.replay.compiled._plain cimport Spans, parse, whole, whole_id
from aoftool.replay.compiled._store_cy cimport ABSENT, ELSEWHERE, LANES, STREAM, Item, Store
from aoftool.replay.compiled._streams cimport Stream

from aoftool.replay.compiled._store_cy import CODES
from aoftool.values import HashValue, ListValue, SetValue, StreamId, StreamValue, ZSetValue

__all__ = ["CODES", "Runner"]

cdef enum:
    XADD = 22
    # Rows between the last one that was taken in and the one whose item, or whose value, is fetched meanwhile.
    AHEAD_ITEM = 16
    AHEAD_BODY = 8
    # Not one lane, but all keys.
    EVERY = -1
    # Values of so many elements may always come back from the dicts, and larger ones so often.
    CHEAP_ELEMENTS = 64
    BROUGHT_MOST = 8
    ELEMENT_BYTES = 64
    # Larger pieces hold arguments whose size does not fit a store.
    PIECE_MAX = 0x7FFFFFFF

# Half the time of StreamId(ms, seq), whose constructor is Python code.
cdef object new_tuple = tuple.__new__


cdef bint fill(Piece *piece, tuple views) except -1:
    """Point to rows as `Runner.run` is given them, which the caller keeps; false when there are none."""
    cdef const uint8_t[::1] data = views[0]
    cdef const int64_t[::1] starts = views[2]
    cdef const uint8_t[::1] codes = views[3]
    cdef const uint32_t[::1] keys = views[4]
    cdef const int64_t[::1] numbers = views[5]
    piece.count = starts.shape[0]
    if piece.count == 0:
        return False
    # A row for a row, or what stands behind the end would be read.
    if codes.shape[0] < piece.count or keys.shape[0] < piece.count or numbers.shape[0] < piece.count:
        raise ValueError("columns of different length")
    piece.data = &data[0]
    piece.size = data.shape[0]
    piece.base = views[1]
    piece.starts = &starts[0]
    piece.codes = &codes[0]
    piece.keys = &keys[0]
    piece.numbers = &numbers[0]
    return True


cdef class Runner:
    """Execute rows of a trace.

    Args:
        keyspace: nobody may observe it.
        keys: number of keys in the trace's table.
        place: gives (database, name) of a key number.
    """

    def __init__(self, keyspace, Py_ssize_t keys, place):
        self.databases = keyspace.databases
        self.stands_alone = keyspace.stands_alone
        self.names = {}
        self.store = Store(keys, len(self.databases))
        self.place = place

    def run(self, data, int64_t base, starts, codes, keys, numbers, execute, helper=None, int64_t worth=0, int64_t seldom=0):
        """Execute rows in order.

        Args:
            data: bytes that hold all of them; the first is at offset `base`.
            codes: codes of `CODES`, 0 for all other commands.
            keys: key number of each row; only that of rows with a code is looked at.
            numbers: database of each row.
            execute: takes the index of every row that is not plain, when its turn comes; it lets go
                of the row's keys first.
            helper: an executor with a thread that does a part of the plain rows; None for none.
            worth: so many rows are worth asking it.
            seldom: it is asked as long as no more than one row in so many was not plain; 0 for always.
        """
        cdef int64_t index = 0, stop
        cdef Piece piece
        cdef const void *found
        cdef tuple views = (data, base, starts, codes, keys, numbers)
        if not fill(&piece, views):
            return
        self.data = piece.data
        while index < piece.count:
            found = memchr(piece.codes + index, 0, piece.count - index)
            stop = piece.count if found == NULL else <const uint8_t *>found - piece.codes
            if stop > index and piece.size <= PIECE_MAX:
                if helper is not None and stop - index >= worth and self.odd_rows * seldom <= self.shared:
                    index = self.by_lanes(index, stop, &piece, views, helper, execute)
                else:
                    self.shared -= index
                    with nogil:
                        index = self.quick(EVERY, index, stop, &piece)
                    self.shared += index
                if index < 0:
                    raise MemoryError("no memory for values under replay")
                if index == piece.count:
                    return
            if index < piece.count:
                self.odd(index, &piece, execute)
                index += 1

    cdef int odd(self, int64_t index, Piece *piece, execute) except -1:
        """Execute a row that is not plain in the store."""
        cdef Spans spans
        cdef int code = piece.codes[index]
        if not code or not parse(piece.data, piece.size, <uint64_t>(piece.starts[index] - piece.base), &spans):
            execute(index)
        elif not self.slow(code, piece.keys[index], piece.numbers[index], &spans):
            execute(index)
        return 0

    cdef int64_t by_lanes(self, int64_t start, int64_t stop, Piece *piece, views, helper, execute) except -1:
        """Execute rows with a code, those of each lane by a thread, and return where they end.

        A row is the business of one key, and a key of one lane, so lanes need not wait for each other. Rows that
        are not plain have their turn in the order of the log, while no other thread works.
        """
        cdef int64_t first, second, at
        waiting = helper.submit(self.lane, 1, start, stop, views)
        try:
            with nogil:
                first = self.quick(0, start, stop, piece)
        finally:
            second = waiting.result()
        self.shared += stop - start
        while first >= 0 and second >= 0:
            at = min(first, second)
            if at == stop:
                return stop
            self.odd_rows += 1
            self.odd(at, piece, execute)
            with nogil:
                if at == first:
                    first = self.quick(0, at + 1, stop, piece)
                else:
                    second = self.quick(1, at + 1, stop, piece)
        raise MemoryError("no memory for values under replay")

    def lane(self, int lane, int64_t start, int64_t stop, tuple views not None):
        """Execute the rows of a lane in the store and return the first one that is not plain there."""
        cdef Piece piece
        fill(&piece, views)
        with nogil:
            start = self.quick(lane, start, stop, &piece)
        return start

    cdef int64_t quick(self, int lane, int64_t index, int64_t stop, Piece *piece) noexcept nogil:
        """Execute rows in the store and return the first one that is not plain there; -1 without memory.

        Args:
            lane: of the keys whose rows are executed; EVERY for all of them.
            stop: index behind the last row; all of them have a code.
        """
        cdef Ahead window[WINDOW]
        cdef Ahead *row
        cdef uint64_t taken = 0, executed = 0
        cdef int done
        while True:
            while taken - executed < WINDOW and index < stop:
                self.fetch(index, stop, piece)
                if lane == EVERY or piece.keys[index] & (LANES - 1) == <uint32_t>lane:
                    self.take_in(&window[taken % WINDOW], index, piece)
                    taken += 1
                index += 1
            if taken == executed:
                return stop
            if executed + ENTRY_STEP < taken:
                row = &window[(executed + ENTRY_STEP) % WINDOW]
                ask_for_entry(self.store, row, piece.keys[row.index])
            if executed + NAME_STEP < taken:
                row = &window[(executed + NAME_STEP) % WINDOW]
                ask_for_name(self.store, row, piece.keys[row.index])
            row = &window[executed % WINDOW]
            if not row.parsed:
                return row.index
            done = self.store.execute(
                piece.codes[row.index], piece.keys[row.index], piece.numbers[row.index], piece.data, &row.spans
            )
            if done < 0:
                return -1
            if not done:
                return row.index
            executed += 1

    cdef bint take_in(self, Ahead *row, int64_t index, Piece *piece) noexcept nogil:
        """Parse a row that will be executed soon; false where it is not to be taken apart here."""
        row.index = index
        row.named = False
        row.parsed = parse(piece.data, piece.size, <uint64_t>(piece.starts[index] - piece.base), &row.spans)
        if row.parsed:
            ask_for_slot(self.store, row, piece.codes[index], piece.keys[index], piece.data)
        return row.parsed

    cdef void fetch(self, int64_t index, int64_t stop, Piece *piece) noexcept nogil:
        """Ask for the items of rows further on, and for what hangs on them."""
        cdef Item *item
        if index + AHEAD_ITEM < stop:
            aof_prefetch(&self.store.items[piece.keys[index + AHEAD_ITEM]])
        if index + AHEAD_BODY < stop:
            item = &self.store.items[piece.keys[index + AHEAD_BODY]]
            if item.body:
                aof_prefetch(item.body)

    cdef int slow(self, int code, uint32_t number, int64_t db, Spans *spans) except -1:
        """Do the plain thing where the key has to be fetched first, or is a stream; return as a store does."""
        cdef Item *item = &self.store.items[number]
        cdef PyObject *found
        cdef int done
        if spans.count < 2:
            return 0
        if item.kind == ELSEWHERE:
            found = PyDict_GetItem(<dict>self.databases[db].values, self.name(number, spans))
            if found == NULL:
                # A key that is gone may come back to the store.
                item.kind = ABSENT
            if found == NULL or self.fetch_back(number, db, self.name(number, spans), <object>found):
                done = self.store.execute(code, number, db, self.data, spans)
                if done < 0:
                    raise MemoryError("no memory for values under replay")
                if done:
                    return done
        self.let_go(number)
        return code == XADD and self.plain(number, db, spans)

    cdef bint fetch_back(self, uint32_t number, int64_t db, object key, object value) except -1:
        """Move a key from the dicts into the store, unless that was done often with a value that is large."""
        cdef Item *item = &self.store.items[number]
        cdef Py_ssize_t size
        kind = type(value)
        if kind is bytes:
            size = PyBytes_GET_SIZE(value) // ELEMENT_BYTES
        elif kind is ListValue or kind is SetValue or kind is ZSetValue or (kind is HashValue and not value.expires):
            size = len(value)
        elif kind is StreamValue and not value.groups:
            size = len(value.entries)
        else:
            return False
        if size > CHEAP_ELEMENTS:
            if item.brought >= BROUGHT_MOST:
                return False
            item.brought += 1
        if not self.stands_alone(value) or not self.store.bring(number, db, value):
            return False
        database = self.databases[db]
        del database.values[key]
        expire_at_ms = database.expires.pop(key, None)
        item.expires = expire_at_ms is not None
        item.expire_at_ms = expire_at_ms or 0
        return True

    def let_go(self, uint32_t number):
        """Move a key to the dicts of the keyspace, for whoever needs it there."""
        cdef Item *item = &self.store.items[number]
        cdef int64_t expire_at_ms = item.expire_at_ms
        cdef bint expires = item.expires
        if item.kind > ELSEWHERE:
            db, name = self.place(number)
            value = self.store.value(number)
            self.store.drop(number)
            database = self.databases[db]
            database.values[name] = value
            if expires:
                database.expires[name] = expire_at_ms
        item.kind = ELSEWHERE

    def forget(self, int64_t db):
        """Drop every key of a database that is flushed."""
        self.store.clear(db)

    def held(self, int64_t db):
        """Return how many keys of a database are here, and how many of them have an expire time."""
        cdef uint64_t keys = 0, expiring = 0, at
        cdef Item *item
        cdef int64_t lane
        if 0 <= db < self.store.databases:
            for lane in range(db * LANES, (db + 1) * LANES):
                for at in range(self.store.born[lane].count):
                    item = &self.store.items[self.store.born[lane].numbers[at]]
                    if item.kind > ELSEWHERE:
                        keys += 1
                        expiring += item.expires
        return keys, expiring

    def streams_count_entries(self):
        """Tell whether the counters of every stream here say nothing but what its entries say."""
        cdef int64_t lane
        cdef uint64_t at
        cdef Item *item
        cdef Stream *stream
        for lane in range(self.store.databases * LANES):
            for at in range(self.store.born[lane].count):
                item = &self.store.items[self.store.born[lane].numbers[at]]
                if item.kind == STREAM:
                    stream = <Stream *>item.body
                    if stream.added != stream.entries.count or stream.deleted_ms or stream.deleted_seq:
                        return False
        return True

    def export(self):
        """Move every key to the dicts of the keyspace."""
        cdef int64_t lane
        cdef uint64_t at
        for lane in range(self.store.databases * LANES):
            for at in range(self.store.born[lane].count):
                if self.store.items[self.store.born[lane].numbers[at]].kind > ELSEWHERE:
                    self.let_go(self.store.born[lane].numbers[at])

    cdef object argument(self, Spans *spans, uint64_t index):
        return PyBytes_FromStringAndSize(<const char *>self.data + spans.starts[index], spans.sizes[index])

    cdef object name(self, uint32_t number, Spans *spans):
        """Return the key, one object for all its uses: its hash is reckoned once."""
        cdef PyObject *found = PyDict_GetItem(self.names, number)
        if found != NULL:
            return <object>found
        name = self.argument(spans, 1)
        self.names[number] = name
        return name

    cdef bint plain(self, uint32_t number, int64_t db, Spans *spans) except -1:
        """Add to a stream and return True, or change nothing and return False."""
        # Asked for each time: a flush gives a database new dicts.
        cdef dict values = <dict>self.databases[db].values
        cdef object key = self.name(number, spans)
        return self.xadd(values, key, PyDict_GetItem(values, key), spans)

    cdef bint xadd(self, dict values, object key, PyObject *found, Spans *spans) except -1:
        """Add an entry with a whole ID above all others, with a MAXLEN that is not approximate or none."""
        cdef uint64_t at = 2, index
        cdef int64_t most = -1, ms = 0, seq = 0
        cdef Py_ssize_t excess
        if spans.count > 4 and self.argument(spans, 2) == b"MAXLEN":
            at = 4 if self.argument(spans, 3) == b"=" else 3
            if not whole(self.data + spans.starts[at], spans.sizes[at], &most) or most < 0:
                return False
            at += 1
        if at + 2 >= spans.count or (spans.count - at) % 2 == 0:
            return False
        if not whole_id(self.data + spans.starts[at], spans.sizes[at], &ms, &seq) or (ms == 0 and seq == 0):
            return False
        entry_id = new_tuple(StreamId, (ms, seq))
        if found == NULL:
            value = StreamValue()
            values[key] = value
        else:
            value = <object>found
            if type(value) is not StreamValue or not entry_id > value.last_id:
                return False
        pairs = tuple(
            [(self.argument(spans, index), self.argument(spans, index + 1)) for index in range(at + 1, spans.count, 2)]
        )
        value.append(entry_id, pairs)
        value.last_id = entry_id
        value.entries_added = value.entries_added + 1
        if most >= 0:
            excess = PyDict_Size(value.entries) - most
            if excess > 0:
                value.drop_first(excess)
        return True
