"""What a scan counts: rows by name, database and transaction state, annotations.

Gives the answers of `_ledger_py`. The scanner is a ledger by inheritance, so that its hot loop reaches the
rows without a call.
"""

import os

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memchr, memcmp, memcpy, memmove

from aoftool.resp._tables cimport (
    NameEntry,
    NameTable,
    Slot,
    add_name,
    add_slot,
    close_names,
    close_slots,
    find_name,
    find_slot,
    mix,
    note_argc,
    open_names,
    open_slots,
    push,
)

from aoftool.resp.columns import RowColumns
from aoftool.resp.model import (
    Annotations,
    Edge,
    Occurrence,
    Row,
    RowKey,
    Selects,
    TailTally,
    Transactions,
)
from aoftool.resp.model import INHERITED_DB as _INHERITED_DB
from aoftool.resp.model import OTHER_DB as _OTHER_DB
from aoftool.resp.model import OTHER_NAMES as _OTHER_NAMES

__all__ = ["Ledger"]

cdef enum:
    CR = 13
    LF = 10

cdef int64_t INHERITED_DB = _INHERITED_DB
cdef int64_t OTHER_DB = _OTHER_DB
cdef int64_t DB_MAX = 2**31 - 1


cdef object as_occurrence(Seen seen):
    return Occurrence(seen.count, seen.first) if seen.count else Occurrence()


cdef class Ledger:
    """Count commands and annotations as they come, in memory that does not depend on their number."""

    def __cinit__(self, options):
        cdef uint64_t seed = int.from_bytes(os.urandom(8), "little")
        self.options = options
        self.failed = (
            open_names(&self.names_table, seed) < 0
            or open_names(&self.containers, seed) < 0
            or open_slots(&self.slots, seed) < 0
        )
        if self.failed:
            raise MemoryError
        self.rows = options.rows
        self.known_state = options.known_state
        self.command_end = options.start
        self.db = 0 if self.known_state else INHERITED_DB
        self.open_state = 0 if self.known_state else OPEN_UNKNOWN
        self.time_s = self.open_offset = self.first_departure = -1
        self.add_text(&self.names_table, _OTHER_NAMES, None, 0)
        for name in options.containers:
            # A longer name is never met: names are cut, and marked, before they are looked up.
            if len(name) <= NAME_BYTES:
                self.add_text(&self.containers, name, None, 0)

    def __dealloc__(self):
        cdef int i
        close_names(&self.names_table)
        close_names(&self.containers)
        close_slots(&self.slots)
        for i in range(COLUMNS):
            free(self.columns[i].items)
        free(self.key_bytes.bytes)

    cdef int add_text(self, NameTable* table, bytes name, bytes sub, int64_t value) except -1:
        cdef bytes text = name if sub is None else name + sub
        cdef int32_t sub_length = -1 if sub is None else <int32_t>len(sub)
        if add_name(table, <const uint8_t*>text, <int32_t>len(name), sub_length, value) < 0:
            raise MemoryError
        return 0

    # Commands

    cdef int64_t count_command(self, int64_t start, int64_t length) noexcept nogil:
        """Count one whole command; return its slot when it has no special meaning, else -1."""
        cdef uint8_t text[2 * NAME_BYTES + 8]
        cdef int32_t count, sub_count = -1
        cdef int64_t number, slot_number, inside
        cdef int marker
        cdef bint container
        cdef Slot* slot
        count = canonical_name(self.name, self.name_count, text)
        inside = self.txn if self.open_state == 1 else 0
        marker = self.marker_of(text, count)
        if marker:
            inside = self.run_marker(marker, start) or inside
        container = find_name(&self.containers, text, count, -1) >= 0
        if container and self.argc > 1:
            sub_count = canonical_name(self.second, self.second_count, text + count)
        number = self.number_of(text, count, sub_count)
        slot_number = self.slot_of(number, self.db)
        if self.failed:
            return -1
        slot = &self.slots.slots[slot_number]
        slot.commands += 1
        slot.bytes += length
        if length > slot.largest:
            slot.largest, slot.largest_offset = length, start
        note_argc(slot, self.argc)
        self.counted += 1
        self.command_end = start + length
        if self.rows:
            self.push_row(start, length, number, inside)
        return -1 if marker or container else slot_number

    cdef int marker_of(self, const uint8_t* text, int32_t count) noexcept nogil:
        if count == 6 and memcmp(text, b"SELECT", 6) == 0:
            return 1
        if count == 5 and memcmp(text, b"MULTI", 5) == 0:
            return 2
        if count == 4 and memcmp(text, b"EXEC", 4) == 0:
            return 3
        if count == 7 and memcmp(text, b"DISCARD", 7) == 0:
            return 4
        return 0

    cdef int64_t number_of(self, const uint8_t* text, int32_t count, int32_t sub_count) noexcept nogil:
        cdef int64_t number = find_name(&self.names_table, text, count, sub_count)
        if number >= 0:
            return number
        if self.names_table.count > NAMES:
            self.capped = True
            return 0
        number = add_name(&self.names_table, text, count, sub_count, 0)
        if number < 0:
            self.failed = True
            return 0
        return number

    cdef bint has_db(self, int64_t db) noexcept nogil:
        """Tell whether a database has its own rows, giving it room if there is some."""
        cdef uint64_t at = mix(self.slots.seed, <uint64_t>db) % DB_SLOTS
        while self.db_used[at]:
            if self.dbs[at] == db:
                return True
            at = (at + 1) % DB_SLOTS
        if self.db_count >= DBS:
            return False
        self.db_used[at], self.dbs[at] = 1, db
        self.db_count += 1
        return True

    cdef int64_t slot_of(self, int64_t number, int64_t db) noexcept nogil:
        cdef int64_t slot
        if not self.has_db(db):
            self.capped = True
            db = OTHER_DB
        slot = find_slot(&self.slots, number, db)
        if slot < 0 and self.slots.count >= ROWS and db != OTHER_DB:
            self.capped = True
            db = OTHER_DB
            slot = find_slot(&self.slots, number, db)
        if slot < 0:
            slot = add_slot(&self.slots, number, db)
            if slot < 0:
                self.failed = True
        return slot

    # Database and transaction state

    cdef int64_t run_marker(self, int marker, int64_t start) noexcept nogil:
        """Follow the state; return the transaction number of an EXEC or MULTI, else 0."""
        if marker == 1:
            self.run_select(start)
            return 0
        if marker == 4:
            if self.open_state == OPEN_UNKNOWN:
                note(&self.edge_discards, start)
            elif self.open_state:
                note(&self.discards_inside, start)
            else:
                note(&self.lone_discards, start)
            return 0
        if self.open_state == OPEN_UNKNOWN:
            self.edge_event = marker - 1
            self.edge_offset = start
            self.edge_commands = self.counted
        return self.run_multi(start) if marker == 2 else self.run_exec(start)

    cdef void run_select(self, int64_t start) noexcept nogil:
        cdef int32_t i, count = self.second_count
        cdef int64_t value = 0
        cdef bint valid = self.argc == 2 and 1 <= count <= 10 and (count == 1 or self.second[0] != 48)
        self.selects += 1
        if valid:
            for i in range(count):
                if not 48 <= self.second[i] <= 57:
                    valid = False
                    break
                value = value * 10 + (self.second[i] - 48)
        if valid and value <= DB_MAX:
            self.db = value
        else:
            note(&self.invalid_selects, start)

    cdef int64_t run_multi(self, int64_t start) noexcept nogil:
        if self.open_state == 1:
            note(&self.nested, start)
            return self.txn
        self.open_state = 1
        self.txn += 1
        self.open_offset = start
        self.open_index = self.counted
        return self.txn

    cdef int64_t run_exec(self, int64_t start) noexcept nogil:
        cdef int was = self.open_state
        self.open_state = 0
        if was == 0:
            note(&self.lone_execs, start)
            return 0
        self.transactions += 1
        self.open_offset = -1
        return self.txn

    # Annotations

    cdef void count_annotation(self, int64_t start, int64_t length) noexcept nogil:
        cdef int32_t count = self.line_count, at = 4
        cdef int64_t time_s = 0
        self.notes += 1
        self.note_bytes += length
        if count > 5 and memcmp(self.line, b"#TS:", 4) == 0 and self.line[count - 1] == LF:
            while at < count and at < 22 and 48 <= self.line[at] <= 57:
                time_s = time_s * 10 + (self.line[at] - 48)
                at += 1
            if at > 4 and (at == count - 1 or (at == count - 2 and self.line[at] == CR)):
                self.count_timestamp(time_s, start)
                return
        self.count_kind()

    cdef void count_timestamp(self, int64_t time_s, int64_t start) noexcept nogil:
        if self.timestamps == 0:
            self.first_s = self.min_s = self.max_s = time_s
            self.first_time_offset = start
        elif time_s < self.last_s:
            note(&self.backwards, start)
        self.timestamps += 1
        self.last_s = self.time_s = time_s
        self.min_s = min(self.min_s, time_s)
        self.max_s = max(self.max_s, time_s)

    cdef void count_kind(self) noexcept nogil:
        cdef const uint8_t* colon = <const uint8_t*>memchr(self.line, 58, self.line_count)
        cdef int32_t i, length = 0
        if colon != NULL:
            length = <int32_t>min(colon - self.line - 1, <int64_t>KIND_BYTES)
        for i in range(self.kind_count):
            if self.kinds[i].length == length and memcmp(self.kinds[i].text, self.line + 1, length) == 0:
                self.kinds[i].count += 1
                return
        if self.kind_count >= KINDS:
            self.count_other_kind()
            return
        self.kinds[self.kind_count].length = length
        self.kinds[self.kind_count].count = 1
        memcpy(self.kinds[self.kind_count].text, self.line + 1, length)
        self.kind_count += 1

    cdef void count_other_kind(self) noexcept nogil:
        if self.kind_count == KINDS:
            self.kinds[KINDS].length = 3
            self.kinds[KINDS].count = 0
            memcpy(self.kinds[KINDS].text, b"...", 3)
            self.kind_count += 1
        self.kinds[KINDS].count += 1

    # Results

    @property
    def commands(self):
        """Return how many whole commands were counted."""
        return self.counted

    @property
    def names_count(self):
        """Return how many names `names()` gives."""
        return self.names_table.count

    def names(self):
        """Return (name, subcommand) by command number; number 0 takes names without a place."""
        cdef int64_t i
        found = [(_OTHER_NAMES, None)]
        for i in range(1, self.names_table.count):
            found.append(self.name_at(i))
        return found

    cdef object name_at(self, int64_t number):
        cdef NameEntry* entry = &self.names_table.entries[number]
        cdef int32_t length = entry.length
        name = entry.text[:length]
        if entry.sub_length < 0:
            return name, None
        return name, entry.text[length : length + entry.sub_length]

    def tally(self):
        """Return what was counted; grammar, stop and extent are the scanner's to add."""
        return TailTally(
            start=self.options.start,
            commands=self.counted,
            rows=self.make_rows(),
            annotations=self.make_annotations(),
            transactions=self.make_transactions(),
            selects=Selects(self.selects, as_occurrence(self.invalid_selects), self.db),
            capped=self.capped,
            streams=1,
            edge=self.make_edge(),
        )

    cdef object make_rows(self):
        cdef int64_t i
        cdef Slot* slot
        names = self.names()
        rows = {}
        for i in range(self.slots.count):
            slot = &self.slots.slots[i]
            key = RowKey(*names[slot.number], slot.db)
            row = Row(
                slot.commands,
                slot.bytes,
                slot.largest,
                slot.largest_offset,
                slot.least_argc,
                slot.most_argc,
            )
            if key in rows:
                rows[key].merge(row)
            else:
                rows[key] = row
        return rows

    cdef object make_annotations(self):
        cdef int32_t i
        kinds = {}
        for i in range(self.kind_count):
            kind = self.kinds[i].text[: self.kinds[i].length]
            kinds[kind] = kinds.get(kind, 0) + self.kinds[i].count
        any_time = self.timestamps > 0
        return Annotations(
            count=self.notes,
            bytes=self.note_bytes,
            timestamps=self.timestamps,
            first_offset=self.first_time_offset if any_time else -1,
            first_s=self.first_s if any_time else None,
            last_s=self.last_s if any_time else None,
            min_s=self.min_s if any_time else None,
            max_s=self.max_s if any_time else None,
            backwards=as_occurrence(self.backwards),
            kinds=kinds,
        )

    cdef object make_transactions(self):
        return Transactions(
            count=self.transactions,
            nested=as_occurrence(self.nested),
            lone_execs=as_occurrence(self.lone_execs),
            discards_inside=as_occurrence(self.discards_inside),
            lone_discards=as_occurrence(self.lone_discards),
            open_offset=self.open_offset if self.open_state == 1 else None,
            open_commands=self.counted - self.open_index - 1 if self.open_state == 1 else 0,
        )

    cdef object make_edge(self):
        if self.known_state:
            return Edge()
        return Edge(
            known=False,
            event=(None, "MULTI", "EXEC")[self.edge_event],
            event_offset=self.edge_offset if self.edge_event else -1,
            discards=as_occurrence(self.edge_discards),
            commands=self.edge_commands if self.edge_event else self.counted,
        )

    # Columns

    cdef void push_row(self, int64_t start, int64_t length, int64_t number, int64_t inside) noexcept nogil:
        if (
            push(&self.columns[COL_OFFSET], start) < 0
            or push(&self.columns[COL_LENGTH], length) < 0
            or push(&self.columns[COL_ARGC], self.argc) < 0
            or push(&self.columns[COL_COMMAND], number) < 0
            or push(&self.columns[COL_DB], self.db) < 0
            or push(&self.columns[COL_TXN], inside) < 0
            or push(&self.columns[COL_TIME], self.time_s) < 0
            or push(&self.columns[COL_LENIENT], self.first_departure >= 0) < 0
            or push(&self.columns[COL_KEY_END], self.columns[COL_KEY_ARGUMENT].count) < 0
        ):
            self.failed = True
        self.committed_keys = self.columns[COL_KEY_ARGUMENT].count
        self.committed_bytes = self.key_bytes.count

    def take_rows(self):
        """Return the rows since the last call and forget them."""
        cdef int i
        cdef int64_t keep, k, count
        taken = []
        for i in range(COLUMNS):
            count = self.columns[i].count if i <= COL_KEY_END else self.committed_keys
            taken.append((<char*>self.columns[i].items)[: count * 8] if count else b"")
            keep = self.columns[i].count - count
            if keep:
                memmove(self.columns[i].items, self.columns[i].items + count, keep * 8)
            self.columns[i].count = keep
        taken.append((<char*>self.key_bytes.bytes)[: self.committed_bytes] if self.committed_bytes else b"")
        keep = self.key_bytes.count - self.committed_bytes
        if keep:
            memmove(self.key_bytes.bytes, self.key_bytes.bytes + self.committed_bytes, keep)
        for k in range(self.columns[COL_KEY_BYTES_END].count):
            self.columns[COL_KEY_BYTES_END].items[k] -= self.committed_bytes
        self.key_bytes.count = keep
        self.committed_keys = self.committed_bytes = 0
        return RowColumns._make(taken)
