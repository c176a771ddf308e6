# cython: language_level=3
"""Records of an RDB, straight from what compiled code holds at the end of a replay.

The reference is `aoftool.rdb.encode.values` with the values that the keyspace would hold: the same bytes. Only
forms of targets with listpacks are known here.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcpy

from aoftool.files._buffer cimport Buffer, put, reserve
from aoftool.liveness._keys_cy cimport KeyTable
from aoftool.rdb.encode._encode_cy cimport (
    end_node,
    put_entry,
    put_length,
    put_number,
    put_string,
    read_integer,
    start_node,
)
from aoftool.replay.compiled._heap cimport is_before, score_at
from aoftool.replay.compiled._replay_cy cimport Runner
from aoftool.replay.compiled._store_cy cimport ABSENT, ELSEWHERE, HASH, LIST, SET, STRING, ZSET, Item
from aoftool.replay.compiled._tables cimport Blob, Entry, Ring, Table, blob_size

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from aoftool.rdb.encode.score_text import WHOLE_LISTPACK, score_text

__all__ = ["Records"]

cdef enum:
    # Bytes that are handed over at once, or those of one key.
    PIECE_BYTES = 1 << 20
    EXPIRE_MS = 0xFC
    # Types of values.
    OF_SET = 2
    OF_HASH = 4
    OF_ZSET = 5
    OF_INTSET = 11
    OF_SMALL_HASH = 16
    OF_SMALL_ZSET = 17
    OF_LIST = 18
    OF_SMALL_SET = 20
    HEADER_BYTES = 6
    UNKNOWN_COUNT = 0xFFFF
    MOST_OF_NODE = 0xFFFE
    # A push counts so many bytes besides those of its element.
    ENTRY_OVERHEAD = 8

cdef int64_t WHOLE_SCORES = WHOLE_LISTPACK


cdef class Records:
    """Make records of keys, in an order that the caller knows.

    Args:
        runner: holds the values.
        table: has the names of the keys.
        compress: pack long strings.
        shortest: scores as the shortest digits that read back, else as 17.
        small_sets: sets of short members have a compact form.
        limits: `aoftool.rdb.encode.targets.Limits`.
        plain_above: list elements above so many bytes have a node of their own.
    """

    cdef Runner runner
    cdef KeyTable table
    cdef bint compress
    cdef bint shortest
    cdef bint small_sets
    cdef uint64_t node_bytes
    cdef uint64_t plain_above
    cdef uint64_t hash_entries
    cdef uint64_t hash_bytes
    cdef uint64_t intset_entries
    cdef uint64_t set_entries
    cdef uint64_t set_bytes
    cdef uint64_t zset_entries
    cdef uint64_t zset_bytes
    cdef Buffer out
    cdef Buffer blob

    def __init__(self, Runner runner not None, KeyTable table not None, limits, *, bint compress, bint shortest,
                 bint small_sets, uint64_t plain_above):
        self.runner = runner
        self.table = table
        self.compress = compress
        self.shortest = shortest
        self.small_sets = small_sets
        self.plain_above = plain_above
        self.node_bytes = limits.list_node_bytes
        self.hash_entries = limits.hash_entries
        self.hash_bytes = limits.hash_value_bytes
        self.intset_entries = limits.set_intset_entries
        self.set_entries = limits.set_entries
        self.set_bytes = limits.set_value_bytes
        self.zset_entries = limits.zset_entries
        self.zset_bytes = limits.zset_value_bytes

    def __dealloc__(self):
        free(self.out.data)
        free(self.blob.data)

    def make(
        self,
        const uint32_t[::1] numbers,
        const uint8_t[::1] given,
        const uint8_t[::1] records,
        const int64_t[::1] starts,
        const int64_t[::1] ends,
        uint8_t[::1] taken,
        Py_ssize_t at,
    ):
        """Return (records, how many, how many of them expire, index behind them, whether a key is handed back).

        The key that is handed back is the one at that index: the keyspace has its value, if there is one. Keys
        that are gone are passed over.

        Args:
            numbers: keys, in the order of their records.
            given: 1 for keys whose records are at hand.
            records, starts, ends: these records, and where those of each key are in them.
            taken: 1 is entered for keys of which there is a record.
            at: index of the first key.
        """
        cdef Py_ssize_t count = numbers.shape[0], made = 0, expiring = 0
        cdef Item *item
        cdef bint back = False
        self.out.size = 0
        while at < count and self.out.size < PIECE_BYTES:
            if given[at]:
                put(&self.out, &records[starts[at]], ends[at] - starts[at])
            else:
                if numbers[at] >= self.table.count or numbers[at] >= self.runner.store.keys:
                    raise IndexError(numbers[at])
                item = &self.runner.store.items[numbers[at]]
                if item.kind == ELSEWHERE:
                    back = True
                    break
                if item.kind == ABSENT:
                    at += 1
                    continue
                self.record(item, numbers[at])
                expiring += item.expires
            taken[at] = 1
            made += 1
            at += 1
        return PyBytes_FromStringAndSize(<char *>self.out.data, self.out.size), made, expiring, at, back

    cdef int record(self, Item *item, uint32_t number) except -1:
        cdef uint64_t start = self.table.starts[number], end = self.table.starts[number + 1]
        cdef Buffer *out = &self.out
        cdef size_t type_at
        reserve(out, 16)
        if item.expires:
            out.data[out.size] = EXPIRE_MS
            put_little(out.data + out.size + 1, <uint64_t>item.expire_at_ms, 8)
            out.size += 9
        type_at = out.size
        out.size += 1
        put_string(out, self.table.arena + start, end - start, self.compress)
        # The type is known only with the value.
        if item.kind == STRING:
            out.data[type_at] = 0
            return self.text(<Blob>item.body)
        if item.kind == LIST:
            out.data[type_at] = OF_LIST
            return self.list_nodes(<Ring *>item.body)
        if item.kind == SET:
            out.data[type_at] = self.set_form(<Table *>item.body)
        elif item.kind == HASH:
            out.data[type_at] = self.hash_form(<Table *>item.body)
        else:
            assert item.kind == ZSET
            out.data[type_at] = self.zset_form(<Table *>item.body)
        return 0

    cdef int text(self, Blob blob) except -1:
        return put_string(&self.out, blob + 4, blob_size(blob), self.compress)

    cdef int list_nodes(self, Ring *ring) except -1:
        """Write the nodes as pushes at the tail would fill them; their number stands in front."""
        cdef uint64_t at, size, nodes = 0, count = 0, mark = self.out.size
        cdef Blob item
        cdef Buffer *node = &self.blob
        cdef bint plain, full
        cdef uint8_t container = 1
        start_node(node)
        for at in range(ring.count):
            item = ring.items[(ring.head + at) & ring.mask]
            size = blob_size(item)
            plain = size > self.plain_above
            full = node.size + 1 + size + ENTRY_OVERHEAD > self.node_bytes
            if count and (plain or full or count == MOST_OF_NODE):
                end_node(&self.out, node, count, self.compress)
                nodes += 1
                count = 0
            if plain:
                put(&self.out, &container, 1)
                self.text(item)
                nodes += 1
                continue
            put_entry(node, item + 4, size)
            count += 1
        if count:
            end_node(&self.out, node, count, self.compress)
            nodes += 1
        return self.put_in_front(mark, nodes)

    cdef int put_in_front(self, size_t mark, uint64_t length) except -1:
        """Insert a length in front of what was written since a place."""
        cdef Buffer head = Buffer(NULL, 0, 0)
        cdef size_t size = self.out.size - mark, index
        try:
            put_length(&head, length)
            reserve(&self.out, head.size)
            index = size
            while index:
                index -= 1
                self.out.data[mark + head.size + index] = self.out.data[mark + index]
            memcpy(self.out.data + mark, head.data, head.size)
            self.out.size += head.size
        finally:
            free(head.data)
        return 0

    cdef int set_form(self, Table *table) except -1:
        cdef uint64_t at
        if table.live <= self.intset_entries and self.intset(table):
            return OF_INTSET
        if self.small_sets and is_small(table, self.set_entries, self.set_bytes, False):
            start_node(&self.blob)
            for at in range(table.used):
                if table.entries[at].name:
                    self.entry(table.entries[at].name)
            self.end_listpack(table.live)
            return OF_SMALL_SET
        put_length(&self.out, table.live)
        for at in range(table.used):
            if table.entries[at].name:
                self.text(table.entries[at].name)
        return OF_SET

    cdef bint intset(self, Table *table) except -1:
        """Write the members as an intset, if all of them are integers."""
        cdef int64_t *members = <int64_t *>malloc((table.live + 1) * sizeof(int64_t))
        cdef uint64_t at, count = 0
        cdef int width
        if members == NULL:
            raise MemoryError
        try:
            for at in range(table.used):
                if table.entries[at].name == NULL:
                    continue
                if not read_integer(table.entries[at].name + 4, blob_size(table.entries[at].name), &members[count]):
                    return False
                count += 1
            qsort(members, count, sizeof(int64_t), by_number)
            width = 2
            if members[0] < -0x8000 or members[count - 1] > 0x7FFF:
                width = 4
            if members[0] < -<int64_t>0x80000000 or members[count - 1] > <int64_t>0x7FFFFFFF:
                width = 8
            self.blob.size = 0
            reserve(&self.blob, 8 + count * width)
            put_little(self.blob.data, width, 4)
            put_little(self.blob.data + 4, count, 4)
            for at in range(count):
                put_little(self.blob.data + 8 + at * width, <uint64_t>members[at], width)
            self.blob.size = 8 + count * width
        finally:
            free(members)
        put_string(&self.out, self.blob.data, self.blob.size, self.compress)
        return True

    cdef int hash_form(self, Table *table) except -1:
        cdef uint64_t at
        if is_small(table, self.hash_entries, self.hash_bytes, True):
            start_node(&self.blob)
            for at in range(table.used):
                if table.entries[at].name:
                    self.entry(table.entries[at].name)
                    self.entry(<Blob>table.entries[at].word)
            self.end_listpack(2 * table.live)
            return OF_SMALL_HASH
        put_length(&self.out, table.live)
        for at in range(table.used):
            if table.entries[at].name:
                self.text(table.entries[at].name)
                self.text(<Blob>table.entries[at].word)
        return OF_HASH

    cdef int zset_form(self, Table *table) except -1:
        cdef Entry **ranked = <Entry **>malloc((table.live + 1) * sizeof(Entry *))
        cdef uint64_t at, count = 0
        if ranked == NULL:
            raise MemoryError
        try:
            for at in range(table.used):
                if table.entries[at].name:
                    ranked[count] = &table.entries[at]
                    count += 1
            qsort(ranked, count, sizeof(Entry *), by_rank)
            if is_small(table, self.zset_entries, self.zset_bytes, False):
                start_node(&self.blob)
                for at in range(count):
                    self.entry(ranked[at].name)
                    self.score(score_at(ranked[at]))
                self.end_listpack(2 * count)
                return OF_SMALL_ZSET
            put_length(&self.out, count)
            # From the last one on, as servers write them.
            while count:
                count -= 1
                self.text(ranked[count].name)
                reserve(&self.out, 8)
                put_little(self.out.data + self.out.size, ranked[count].word, 8)
                self.out.size += 8
            return OF_ZSET
        finally:
            free(ranked)

    cdef int score(self, double score) except -1:
        cdef bytes text
        if score != 0 and -WHOLE_SCORES <= score <= WHOLE_SCORES and score == <double><int64_t>score:
            return put_number(&self.blob, <int64_t>score)
        text = score_text(score, shortest=self.shortest)
        return put_entry(&self.blob, <const uint8_t *>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))

    cdef int entry(self, Blob blob) except -1:
        return put_entry(&self.blob, blob + 4, blob_size(blob))

    cdef int end_listpack(self, uint64_t count) except -1:
        cdef Buffer *blob = &self.blob
        reserve(blob, 1)
        blob.data[blob.size] = 0xFF
        blob.size += 1
        put_little(blob.data, blob.size, 4)
        put_little(blob.data + 4, min(count, <uint64_t>UNKNOWN_COUNT), 2)
        return put_string(&self.out, blob.data, blob.size, self.compress)


cdef inline void put_little(uint8_t *to, uint64_t value, int width) noexcept nogil:
    cdef int index
    for index in range(width):
        to[index] = <uint8_t>(value >> 8 * index)


cdef bint is_small(Table *table, uint64_t entries, uint64_t longest, bint has_values) noexcept nogil:
    """Tell whether so few and so short members, and values, have a compact form."""
    cdef uint64_t at
    if table.live > entries:
        return False
    for at in range(table.used):
        if table.entries[at].name == NULL:
            continue
        if blob_size(table.entries[at].name) > longest:
            return False
        if has_values and blob_size(<Blob>table.entries[at].word) > longest:
            return False
    return True


cdef int by_number(const void *one, const void *other) noexcept nogil:
    cdef int64_t left = (<const int64_t *>one)[0], right = (<const int64_t *>other)[0]
    return -1 if left < right else left > right


cdef int by_rank(const void *one, const void *other) noexcept nogil:
    cdef Entry *left = (<Entry **>one)[0]
    cdef Entry *right = (<Entry **>other)[0]
    if left == right:
        return 0
    return -1 if is_before(left, right) else 1
