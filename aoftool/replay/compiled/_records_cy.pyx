# cython: language_level=3
"""Records of an RDB, straight from what compiled code holds at the end of a replay.

The reference is `aoftool.rdb.encode.values` with the values that the keyspace would hold: the same bytes. Only
forms of targets with listpacks are known here.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcmp, memcpy

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
from aoftool.replay.compiled._store_cy cimport ABSENT, ELSEWHERE, HASH, LIST, SET, STREAM, STRING, ZSET, Item
from aoftool.replay.compiled._streams cimport FIRST_TEXT_AT, Stream, entry_ms, entry_seq, entry_texts, next_text
from aoftool.replay.compiled._tables cimport Blob, Entry, Ring, Table, blob_size

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from aoftool.rdb.encode.score_text import WHOLE_LISTPACK, score_text
from aoftool.rdb.encode.stream import NODE_LIMIT
from aoftool.values.stream import IDMP_DURATION_S, IDMP_MAX_ENTRIES

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
    # Versions of streams: from which on there are counters, and what producers sent.
    COUNTERS_SINCE = 2
    PRODUCERS_SINCE = 4
    SAME_FIELDS = 2

cdef int64_t WHOLE_SCORES = WHOLE_LISTPACK
# What a stream starts with; see `aoftool.values.stream`.
cdef uint64_t PRODUCER_SECONDS = IDMP_DURATION_S
cdef uint64_t PRODUCER_ENTRIES = IDMP_MAX_ENTRIES


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
        stream_version: that of the form that streams have, and the number of its type.
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
    cdef uint64_t stream_bytes
    cdef uint64_t stream_entries
    cdef int stream_version
    cdef uint8_t stream_type
    cdef Buffer out
    cdef Buffer blob
    cdef Buffer body

    def __init__(self, Runner runner not None, KeyTable table not None, limits, *, bint compress, bint shortest,
                 bint small_sets, uint64_t plain_above, stream_version):
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
        self.stream_bytes = min(limits.stream_node_bytes or NODE_LIMIT, NODE_LIMIT)
        self.stream_entries = limits.stream_node_entries
        self.stream_version, self.stream_type = stream_version

    def __dealloc__(self):
        free(self.out.data)
        free(self.blob.data)
        free(self.body.data)

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
        elif item.kind == STREAM:
            out.data[type_at] = self.stream_type
            return self.stream_form(<Stream *>item.body)
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

    cdef int stream_form(self, Stream *stream) except -1:
        """Write the nodes as XADD would fill them, and the counters. Twin of `aoftool.rdb.encode.stream`."""
        cdef uint64_t at = 0, nodes = 0, mark = self.out.size
        cdef Buffer *out = &self.out
        cdef Blob first
        while at < stream.entries.count:
            at += self.stream_node(stream, at)
            nodes += 1
        self.put_in_front(mark, nodes)
        put_length(out, stream.entries.count)
        put_length(out, stream.last_ms)
        put_length(out, stream.last_seq)
        if self.stream_version >= COUNTERS_SINCE:
            first = stream.entries.items[stream.entries.head & stream.entries.mask] if stream.entries.count else NULL
            put_length(out, entry_ms(first) if first else 0)
            put_length(out, entry_seq(first) if first else 0)
            put_length(out, stream.deleted_ms)
            put_length(out, stream.deleted_seq)
            put_length(out, stream.added)
        # No groups.
        put_length(out, 0)
        if self.stream_version >= PRODUCERS_SINCE:
            put_length(out, PRODUCER_SECONDS)
            put_length(out, PRODUCER_ENTRIES)
            for _ in range(3):
                put_length(out, 0)
        return 0

    cdef uint64_t stream_node(self, Stream *stream, uint64_t at) except? 0:
        """Write the node that begins with an entry and return how many it holds."""
        cdef Blob first = stream.entries.items[(stream.entries.head + at) & stream.entries.mask], entry
        cdef Buffer *blob = &self.blob
        cdef Buffer *body = &self.body
        cdef uint64_t used = 0, elements = 0, head, size
        cdef uint32_t names = entry_texts(first) // 2
        cdef uint8_t raw[16]
        # Once with a number of entries that is not known yet, for its size.
        start_node(blob)
        put_number(blob, names)
        put_names(blob, first)
        put_number(blob, 0)
        head = blob.size - HEADER_BYTES
        body.size = 0
        while at + used < stream.entries.count:
            entry = stream.entries.items[(stream.entries.head + at + used) & stream.entries.mask]
            size = HEADER_BYTES + 1 + 2 + (2 if used < 128 else 3) + head + body.size
            if used and size + text_bytes(entry) >= self.stream_bytes:
                break
            if used and self.stream_entries and used >= self.stream_entries:
                break
            elements += put_stream_entry(body, first, entry)
            used += 1
        start_node(blob)
        put_number(blob, <int64_t>used)
        put_number(blob, 0)
        put_number(blob, names)
        put_names(blob, first)
        put_number(blob, 0)
        put(blob, body.data, body.size)
        put_big(raw, entry_ms(first))
        put_big(raw + 8, entry_seq(first))
        put_string(&self.out, raw, 16, self.compress)
        self.end_listpack(names + 4 + elements)
        return used

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


cdef inline void put_big(uint8_t *to, uint64_t value) noexcept nogil:
    cdef int index
    for index in range(8):
        to[index] = <uint8_t>(value >> (56 - 8 * index))


cdef inline uint64_t text_bytes(Blob entry) noexcept nogil:
    """Return the bytes of all texts of an entry of a stream."""
    return blob_size(entry) + 4 - FIRST_TEXT_AT - 4 * <uint64_t>entry_texts(entry)


cdef int put_names(Buffer *out, Blob entry) except -1:
    """Write the fields of an entry without its values."""
    cdef const uint8_t *text = entry + FIRST_TEXT_AT
    cdef uint32_t size = 0, index
    for index in range(entry_texts(entry)):
        text = next_text(text, &size)
        if index % 2 == 0:
            put_entry(out, text, size)
        text += size
    return 0


cdef bint same_names(Blob one, Blob other) noexcept nogil:
    """Tell whether two entries have the same fields in the same order."""
    cdef const uint8_t *left = one + FIRST_TEXT_AT
    cdef const uint8_t *right = other + FIRST_TEXT_AT
    cdef uint32_t size = 0, other_size = 0, index
    if entry_texts(one) != entry_texts(other):
        return False
    for index in range(entry_texts(one)):
        left = next_text(left, &size)
        right = next_text(right, &other_size)
        if index % 2 == 0 and (size != other_size or memcmp(left, right, size)):
            return False
        left += size
        right += other_size
    return True


cdef uint64_t put_stream_entry(Buffer *out, Blob first, Blob entry) except? 0:
    """Write an entry of a node and return how many elements it takes."""
    cdef bint same = same_names(first, entry)
    cdef const uint8_t *text = entry + FIRST_TEXT_AT
    cdef uint32_t size = 0, index
    cdef uint64_t items = 3
    put_number(out, SAME_FIELDS if same else 0)
    put_number(out, <int64_t>(entry_ms(entry) - entry_ms(first)))
    put_number(out, <int64_t>(entry_seq(entry) - entry_seq(first)))
    if not same:
        put_number(out, entry_texts(entry) // 2)
        items += 1
    for index in range(entry_texts(entry)):
        text = next_text(text, &size)
        if index % 2 or not same:
            put_entry(out, text, size)
            items += 1
        text += size
    put_number(out, <int64_t>items)
    return items + 1


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
