"""The native ledger: what a scan counts. Declared for the scanner, which is one."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from aoftool.resp._tables cimport Heap, NameTable, SlotTable, Vector

cdef enum:
    NAME_BYTES = 64
    KIND_BYTES = 16
    KINDS = 16
    NAMES = 4096
    DBS = 1024
    ROWS = 32768
    DB_SLOTS = 4096
    LINE_ROOM = 1024
    COLUMNS = 13
    OPEN_UNKNOWN = -1

# Columns by number, as in `RowColumns`.
cdef enum:
    COL_OFFSET, COL_LENGTH, COL_ARGC, COL_COMMAND, COL_DB, COL_TXN, COL_TIME, COL_LENIENT, COL_KEY_END
    COL_KEY_ARGUMENT, COL_KEY_OFFSET, COL_KEY_LENGTH, COL_KEY_BYTES_END

cdef struct Seen:
    int64_t count
    int64_t first

cdef struct Kind:
    uint8_t text[KIND_BYTES]
    int32_t length
    int64_t count

cdef inline void note(Seen* seen, int64_t offset) noexcept nogil:
    if seen.count == 0 or offset < seen.first:
        seen.first = offset
    seen.count += 1


cdef inline void merge_seen(Seen* seen, const Seen* other) noexcept nogil:
    if other.count:
        if seen.count == 0 or other.first < seen.first:
            seen.first = other.first
        seen.count += other.count


cdef inline int32_t canonical_name(const uint8_t* name, int32_t length, uint8_t* into) noexcept nogil:
    """Write the name in upper case, cut and marked when too long; return its length."""
    cdef int32_t i, kept = length if length <= NAME_BYTES else NAME_BYTES
    cdef uint8_t c
    for i in range(kept):
        c = name[i]
        into[i] = c - 32 if 97 <= c <= 122 else c
    if length > NAME_BYTES:
        into[kept] = into[kept + 1] = into[kept + 2] = 46
        kept += 3
    return kept


cdef object as_occurrence(Seen seen)


cdef class Ledger:
    cdef readonly object options
    cdef bint rows, failed, known_state, capped
    # The item in hand, as the scanner has read it.
    cdef uint8_t line[LINE_ROOM]
    cdef int32_t line_count
    cdef uint8_t name[NAME_BYTES + 1]
    cdef uint8_t second[NAME_BYTES + 1]
    cdef int32_t name_count, second_count
    cdef int64_t argc
    cdef int first_departure
    # Rows.
    cdef NameTable names_table
    cdef NameTable containers
    cdef SlotTable slots
    cdef int64_t dbs[DB_SLOTS]
    cdef uint8_t db_used[DB_SLOTS]
    cdef int32_t db_count
    # State, and what it showed.
    cdef int64_t counted, command_end, db, time_s, txn, open_index, open_offset, transactions
    cdef int open_state
    cdef Seen nested, lone_execs, discards_inside, lone_discards, edge_discards, invalid_selects
    cdef int64_t selects, edge_offset, edge_commands
    cdef int edge_event  # 0 none, 1 MULTI, 2 EXEC
    cdef int64_t notes, note_bytes, timestamps, first_s, last_s, min_s, max_s, first_time_offset
    cdef Seen backwards
    cdef Kind kinds[KINDS + 1]
    cdef int32_t kind_count
    # Columns; keys of an item that is not counted yet stand behind the committed ones.
    cdef Vector columns[COLUMNS]
    cdef Heap key_bytes
    cdef int64_t committed_keys, committed_bytes

    cdef int add_text(self, NameTable* table, bytes name, bytes sub, int64_t value) except -1
    cdef int64_t count_command(self, int64_t start, int64_t length) noexcept nogil
    cdef int marker_of(self, const uint8_t* text, int32_t count) noexcept nogil
    cdef int64_t number_of(self, const uint8_t* text, int32_t count, int32_t sub_count) noexcept nogil
    cdef bint has_db(self, int64_t db) noexcept nogil
    cdef int64_t slot_of(self, int64_t number, int64_t db) noexcept nogil
    cdef int64_t run_marker(self, int marker, int64_t start) noexcept nogil
    cdef void run_select(self, int64_t start) noexcept nogil
    cdef int64_t run_multi(self, int64_t start) noexcept nogil
    cdef int64_t run_exec(self, int64_t start) noexcept nogil
    cdef void count_annotation(self, int64_t start, int64_t length) noexcept nogil
    cdef void count_timestamp(self, int64_t time_s, int64_t start) noexcept nogil
    cdef void count_kind(self) noexcept nogil
    cdef void count_other_kind(self) noexcept nogil
    cdef void push_row(self, int64_t start, int64_t length, int64_t number, int64_t inside) noexcept nogil
    cdef object name_at(self, int64_t number)
    cdef object make_rows(self)
    cdef object make_annotations(self)
    cdef object make_transactions(self)
    cdef object make_edge(self)
