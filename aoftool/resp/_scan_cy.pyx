"""The command stream walked natively. Gives the answers of `_scan_py` on every input and every split.

Runs without the GIL, so ranges of a file can be walked by several threads. All memory is bounded by
`Limits`, whatever the input declares. Comments say where this file departs from the reference; the
reference says why the rest is as it is.
"""

from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcmp, memcpy, memset

from aoftool.resp._ledger_cy cimport (
    COL_KEY_ARGUMENT,
    COL_KEY_BYTES_END,
    COL_KEY_LENGTH,
    COL_KEY_OFFSET,
    LINE_ROOM,
    NAME_BYTES,
    Ledger,
    Seen,
    as_occurrence,
    canonical_name,
    merge_seen,
    note,
)
from aoftool.resp._tables cimport (
    NameTable,
    Slot,
    close_names,
    find_name,
    note_argc,
    open_names,
    push,
    push_bytes,
)

from aoftool.resp.stops import DEPARTURES, Departure, Halt, RawStop, build_stop

__all__ = ["Scan"]

# States of the walk.
cdef enum:
    ITEM, LINE, PAYLOAD, TERMINATOR, PEEK, HALTED

# `Halt` by number.
cdef enum:
    RUNNING, BOUNDARY, EOF_COUNT, EOF_LENGTH, EOF_PAYLOAD, EOF_TERMINATOR, EOF_ANNOTATION
    BAD_PREFIX, BAD_BULK_PREFIX, BAD_COUNT, BAD_LENGTH, DEPARTED

cdef enum:
    STAR = 42
    DOLLAR = 36
    HASH = 35
    CR = 13
    LF = 10
    FOUND_BYTES = 64
    COUNT_DIGITS = 20
    KEY_BYTES = 65536
    KEYS_PER_COMMAND = 1 << 20
    KEY_BYTES_PER_COMMAND = 16 << 20
    RULES = 4
    CACHE = 512

cdef int64_t INT_MAX = 2**31 - 1

cdef struct Rule:
    int64_t first
    int64_t last
    int64_t step
    int64_t count_at

cdef struct RuleSet:
    int32_t count
    Rule rules[RULES]

# Which slot a name leads to, found by its first 16 bytes as spelled.
cdef struct CacheLine:
    uint8_t text[16]
    int64_t db
    int32_t length
    int32_t slot  # -1: free
    const RuleSet* rules  # where its keys are; only rules that need no argument to be read
    bint rows_ok  # its rows can be kept without the general path

# 16 bytes of ones, 16 of zeros: `MASKS + 16 - n` keeps n bytes of a 16-byte load on any byte order.
cdef uint8_t MASKS[32]
memset(MASKS, 255, 16)
memset(MASKS + 16, 0, 16)


cdef class Scan(Ledger):
    """Walk one stream; feed it, finish it, take the tally. See `_scan_py.Scan`."""

    implementation = "native"

    cdef int64_t limit, position, base, item_start
    cdef int line_max, state, kind, halt_code
    cdef bint strict, annotations_ok
    cdef int64_t halt_offset
    # The item in hand.
    cdef uint8_t terminator[2]
    cdef int32_t terminator_count
    cdef int64_t pending, argument, declared, remaining, payload_offset, header_offset
    cdef int64_t terminator_offset, glue_offset, first_offset, first_end
    cdef bint is_note
    cdef Seen departures[DEPARTURE_KINDS]
    cdef Seen leniencies[DEPARTURE_KINDS]
    cdef CacheLine cache[CACHE]
    # Keys of the item in hand.
    cdef RuleSet* rule_sets
    cdef const RuleSet* chosen
    cdef int64_t rule_counts[RULES]
    cdef uint8_t digits[COUNT_DIGITS]
    cdef int64_t capture_limit, key_limit, key_budget, keys_here, key_kept
    cdef bint argument_is_key
    cdef NameTable rule_names
    # Evidence at the end.
    cdef uint8_t found[FOUND_BYTES]
    cdef int32_t found_count
    cdef int64_t run_bytes
    cdef bint run_ended

    def __cinit__(self, options):
        if open_names(&self.rule_names, self.names_table.seed) < 0:
            raise MemoryError
        self.position = self.base = self.item_start = options.start
        self.limit = INT64_MAX if options.limit is None else options.limit
        self.line_max = options.grammar.line_max
        if not 0 < self.line_max < LINE_ROOM:
            raise ValueError("line_max must be between 1 and 1023")
        self.strict = options.grammar.strict
        self.annotations_ok = options.grammar.annotations
        self.state = ITEM
        for i in range(CACHE):
            self.cache[i].slot = -1
        self.take_rules(options.key_rules)
        self.clear_item()

    def __dealloc__(self):
        close_names(&self.rule_names)
        free(self.rule_sets)

    cdef int take_rules(self, key_rules) except -1:
        cdef int64_t number = 0
        cdef int i
        self.rule_sets = <RuleSet*>malloc((len(key_rules) + 1) * sizeof(RuleSet))
        if self.rule_sets == NULL:
            raise MemoryError
        for (name, sub), rules in key_rules.items():
            if len(rules) > RULES:
                raise ValueError("at most four key rules a command")
            if len(name) > NAME_BYTES or len(sub or b"") > NAME_BYTES:
                continue
            self.add_text(&self.rule_names, name, sub, number)
            self.rule_sets[number].count = <int32_t>len(rules)
            for i, rule in enumerate(rules):
                self.rule_sets[number].rules[i].first = rule.first
                self.rule_sets[number].rules[i].last = rule.last
                self.rule_sets[number].rules[i].step = max(rule.step, 1)
                self.rule_sets[number].rules[i].count_at = rule.count_at
            number += 1
        return 0

    cdef void clear_item(self) noexcept nogil:
        if self.first_departure >= 0:
            memset(self.departures, 0, sizeof(self.departures))
        self.first_departure = -1
        self.first_offset = self.first_end = -1
        self.terminator_offset = self.glue_offset = -1
        self.pending = 0
        self.is_note = False
        self.argc = self.argument = 0
        self.declared = self.remaining = 0
        self.payload_offset = self.header_offset = 0
        self.name_count = self.second_count = 0
        self.capture_limit = 0
        if self.rows:
            self.chosen = NULL
            memset(self.rule_counts, 0, sizeof(self.rule_counts))
            self.key_budget = KEY_BYTES_PER_COMMAND
            self.keys_here = 0
            self.argument_is_key = False

    # Input

    @property
    def offset(self):
        """Return the absolute offset of the next byte to feed."""
        return self.position

    @property
    def halted(self):
        """Tell whether the scan is over."""
        return self.state == HALTED

    @property
    def good_end(self):
        """Return the end of the last item that was counted."""
        return self.item_start

    @property
    def skippable(self):
        """Return how many of the next bytes no one looks at."""
        if self.state != PAYLOAD or self.declared - self.remaining < self.capture_limit:
            return 0
        return self.remaining

    def feed(self, const uint8_t[::1] data not None):
        """Consume the next bytes of the stream; return how many, fewer only when halted."""
        cdef int64_t count = data.shape[0], consumed = 0
        self.base = self.position
        if count and self.state != HALTED:
            with nogil:
                consumed = self.walk(&data[0], count)
        self.position = self.base + consumed
        if self.failed:
            raise MemoryError
        return consumed

    def skip(self, int64_t count):
        """Step over bytes that were not read, at most `skippable` of them."""
        self.remaining -= count
        self.position += count
        if not self.remaining:
            self.begin_terminator()

    def finish(self):
        """Say that the input has ended here."""
        if self.state == HALTED:
            return
        if self.state == PEEK:
            self.state = HALTED
        elif self.state == ITEM:
            if self.pending:
                self.commit()
            self.stop(BOUNDARY, self.position)
        elif self.state == LINE:
            self.finish_line()
        elif self.state == PAYLOAD:
            self.stop(EOF_PAYLOAD, self.header_offset)
        else:
            if self.terminator_count and self.terminator[0] != CR and self.depart_terminator(self.position):
                return
            self.stop(EOF_TERMINATOR, self.header_offset)
        if self.failed:
            raise MemoryError

    cdef void finish_line(self) noexcept nogil:
        cdef int64_t start = self.position - self.line_count
        cdef int64_t value = 1
        if self.kind == HASH:
            self.stop(EOF_ANNOTATION, start)
            return
        if self.line_count > 1:
            value = read_number(self.line, self.line_count).value
        if self.kind == DOLLAR:
            self.stop(BAD_LENGTH if value < 0 else EOF_LENGTH, start)
        else:
            self.stop(BAD_COUNT if wrap_int(value) < 1 else EOF_COUNT, start)

    cdef void stop(self, int halt, int64_t offset) noexcept nogil:
        self.halt_code, self.halt_offset = halt, offset
        self.state = HALTED

    cdef int64_t walk(self, const uint8_t* data, int64_t count) noexcept nogil:
        cdef int64_t pos = 0
        while pos < count and self.state != HALTED and not self.failed:
            if self.state == ITEM:
                pos = self.at_item(data, pos, count)
            elif self.state == LINE:
                pos = self.in_line(data, pos, count)
            elif self.state == PAYLOAD:
                pos = self.in_payload(data, pos, count)
            elif self.state == TERMINATOR:
                pos = self.in_terminator(data, pos, count)
            else:
                pos = self.in_peek(data, pos, count)
        return pos

    # Items

    cdef int64_t at_item(self, const uint8_t* data, int64_t pos, int64_t count) noexcept nogil:
        cdef int64_t here = self.base + pos, end
        cdef uint8_t byte = data[pos]
        cdef bint opens = byte == STAR or (byte == HASH and self.annotations_ok)
        if self.pending:
            if opens or (self.glue_offset >= 0 and self.first_departure < 0 and byte != DOLLAR):
                self.commit()
        if self.pending or (not opens and here < self.limit):
            self.peek_from(BAD_PREFIX, here)
            return pos
        if here >= self.limit:
            self.stop(BOUNDARY, here)
            return pos
        if byte == STAR:
            end = self.run(data, pos, count)
            if end > pos:
                self.item_start = self.base + end
                return end
        self.begin_line(byte)
        return pos

    cdef int64_t run(self, const uint8_t* data, int64_t pos, int64_t count) noexcept nogil:
        """Count canonical commands that lie whole in `data`; return where the first other one starts."""
        cdef const uint8_t* end = data + count
        cdef const uint8_t* last = end
        cdef const uint8_t* start = data + pos
        cdef const uint8_t* at
        cdef const uint8_t* name
        cdef const uint8_t* second
        cdef int64_t argc, length, name_length, i, size, inside
        cdef uint64_t words[2]
        cdef uint64_t masks[2]
        cdef CacheLine* line
        cdef Slot* slot
        if self.limit - self.base < count:
            last = data + (self.limit - self.base)
        while start < last:
            at = read_header(start, end, STAR, &argc)
            if at == NULL or argc == 0:
                break
            name = read_header(at, end, DOLLAR, &name_length)
            if name == NULL:
                break
            at = second = end_payload(name, end, name_length)
            if at == NULL:
                break
            for i in range(1, argc):
                at = read_header(at, end, DOLLAR, &length)
                if at == NULL:
                    break
                at = end_payload(at, end, length)
                if at == NULL:
                    break
            if at == NULL:
                break
            size = at - start
            line = NULL
            if name_length <= 16 and end - name >= 16:
                memcpy(words, name, 16)
                memcpy(masks, MASKS + 16 - name_length, 16)
                words[0] &= masks[0]
                words[1] &= masks[1]
                line = self.cache_line(words, name_length)
                if (
                    line.slot >= 0
                    and line.length == name_length
                    and line.db == self.db
                    and memcmp(line.text, words, 16) == 0
                    and (line.rows_ok or not self.rows)
                ):
                    slot = &self.slots.slots[line.slot]
                    slot.commands += 1
                    slot.bytes += size
                    if size > slot.largest:
                        slot.largest = size
                        slot.largest_offset = self.base + (start - data)
                    note_argc(slot, argc)
                    self.counted += 1
                    if self.rows:
                        self.argc = argc
                        if line.rules != NULL:
                            self.push_plain_keys(data, second, end, line.rules)
                        inside = self.txn if self.open_state == 1 else 0
                        self.push_row(self.base + (start - data), size, slot.number, inside)
                        if self.failed:
                            break
                    start = at
                    continue
            self.count_whole(data, start, name, name_length, second, argc, at, end, line, words)
            if self.failed:
                break
            start = at
        if start > data + pos:
            self.command_end = self.base + (start - data)
        return start - data

    cdef inline CacheLine* cache_line(self, const uint64_t* words, int64_t length) noexcept nogil:
        cdef uint64_t hash = (words[0] ^ (words[1] * 31) ^ <uint64_t>length ^ (<uint64_t>self.db << 7))
        return &self.cache[(hash * <uint64_t>0x9E3779B97F4A7C15) >> 55]

    cdef void count_whole(
        self,
        const uint8_t* data,
        const uint8_t* start,
        const uint8_t* name,
        int64_t name_length,
        const uint8_t* second,
        int64_t argc,
        const uint8_t* at,
        const uint8_t* end,
        CacheLine* line,
        const uint64_t* words,
    ) noexcept nogil:
        """Count a whole canonical command that no cache line knows, with its keys if rows are kept."""
        cdef int64_t length = 0, slot, offset = self.base + (start - data)
        self.item_start = offset
        self.argc = argc
        if self.rows:
            self.take_arguments(data, name, name_length, end)
        else:
            self.name_count = <int32_t>min(name_length, <int64_t>(NAME_BYTES + 1))
            memcpy(self.name, name, self.name_count)
            if argc > 1:
                second = read_header(second, end, DOLLAR, &length)
                self.second_count = <int32_t>min(length, <int64_t>(NAME_BYTES + 1))
                memcpy(self.second, second, self.second_count)
        slot = self.count_command(offset, at - start)
        if line != NULL and slot >= 0:
            # The database may just have been selected: then the line of the new one is meant.
            line = self.cache_line(words, name_length)
            memcpy(line.text, words, 16)
            line.length = <int32_t>name_length
            line.db = self.db
            line.slot = <int32_t>slot
            line.rules = self.chosen if self.rows else NULL
            line.rows_ok = line.rules == NULL or self.without_counts(line.rules)
        self.clear_item()

    cdef bint without_counts(self, const RuleSet* rules) noexcept nogil:
        cdef int i
        for i in range(rules.count):
            if rules.rules[i].count_at:
                return False
        return True

    cdef void take_arguments(
        self, const uint8_t* data, const uint8_t* at, int64_t length, const uint8_t* end
    ) noexcept nogil:
        """Take names and keys from the arguments of a whole command."""
        cdef int64_t argc = self.argc
        while True:
            self.begin_argument(length, self.base + (at - data))
            self.capture(at, min(length, self.capture_limit))
            self.end_argument()
            if self.argument == argc or (self.argument > 1 and self.chosen == NULL):
                break
            at = read_header(at + length + 2, end, DOLLAR, &length)
        self.state = ITEM

    cdef void push_plain_keys(
        self, const uint8_t* data, const uint8_t* at, const uint8_t* end, const RuleSet* rules
    ) noexcept nogil:
        """Take the keys of a whole command by rules without a number of keys; `at` is behind the name."""
        cdef int64_t lasts[RULES]
        cdef int64_t argument, length = 0, last = 0
        cdef int64_t budget = KEY_BYTES_PER_COMMAND, taken = 0
        cdef int i
        cdef const Rule* rule
        for i in range(rules.count):
            rule = &rules.rules[i]
            lasts[i] = rule.last if rule.last >= 0 else self.argc + rule.last
            if lasts[i] >= self.argc:
                lasts[i] = self.argc - 1
            if rule.first <= lasts[i] and lasts[i] > last:
                last = lasts[i]
        for argument in range(1, last + 1):
            at = read_header(at, end, DOLLAR, &length)
            for i in range(rules.count):
                rule = &rules.rules[i]
                if rule.first <= argument <= lasts[i] and (
                    rule.step == 1 or (argument - rule.first) % rule.step == 0
                ):
                    if taken == KEYS_PER_COMMAND:
                        return
                    taken += 1
                    budget -= self.push_whole_key(argument, self.base + (at - data), at, length, budget)
                    if self.failed:
                        return
                    break
            at += length + 2

    cdef inline int64_t push_whole_key(
        self, int64_t argument, int64_t offset, const uint8_t* at, int64_t length, int64_t budget
    ) noexcept nogil:
        """Keep one key; return how many of its bytes were kept."""
        cdef int64_t kept = min(length, min(<int64_t>KEY_BYTES, budget))
        if (
            push_bytes(&self.key_bytes, at, kept) < 0
            or push(&self.columns[COL_KEY_ARGUMENT], argument) < 0
            or push(&self.columns[COL_KEY_OFFSET], offset) < 0
            or push(&self.columns[COL_KEY_LENGTH], length) < 0
            or push(&self.columns[COL_KEY_BYTES_END], self.key_bytes.count) < 0
        ):
            self.failed = True
        return kept

    # Lines

    cdef void begin_line(self, int kind) noexcept nogil:
        self.kind = kind
        self.line_count = 0
        self.state = LINE

    cdef int64_t in_line(self, const uint8_t* data, int64_t pos, int64_t count) noexcept nogil:
        cdef int64_t room, end, length
        cdef const uint8_t* found
        cdef const uint8_t* payload
        if self.line_count == 0 and self.kind == DOLLAR:
            if data[pos] != DOLLAR:
                self.peek_from(BAD_BULK_PREFIX, self.base + pos)
                return pos
            # Short cut for commands of very many arguments: a canonical header that is there whole.
            payload = read_header(data + pos, data + count, DOLLAR, &length)
            if payload != NULL:
                end = payload - data
                self.header_offset = self.base + pos
                self.begin_argument(length, self.base + end)
                if length == 0:
                    self.begin_terminator()
                return end
        room = self.line_max - self.line_count
        if room > count - pos:
            room = count - pos
        found = <const uint8_t*>memchr(data + pos, LF, room)
        end = found + 1 - data if found != NULL else pos + room
        memcpy(self.line + self.line_count, data + pos, end - pos)
        self.line_count += <int32_t>(end - pos)
        if found != NULL or self.line_count == self.line_max:
            self.end_line(self.base + end)
        return end

    cdef void end_line(self, int64_t end) noexcept nogil:
        if self.kind == HASH:
            self.end_annotation(end)
        elif self.kind == STAR:
            self.end_count(end)
        else:
            self.end_length(end)

    cdef void end_annotation(self, int64_t end) noexcept nogil:
        cdef int32_t count = self.line_count, at
        self.state = ITEM
        self.is_note = True
        if self.line[count - 1] != LF and self.depart(LONG_ANNOTATION, end - count, end):
            return
        if count > 4 and self.line[count - 1] == LF and self.line[count - 2] == CR:
            at = count - 3
            while at > 1 and 48 <= self.line[at] <= 57:
                at -= 1
            if self.line[at] == STAR and at < count - 3 and self.line[at + 1] != 48:
                self.glue_offset = end - count + at
        self.pending = end
        if self.glue_offset < 0 and self.first_departure < 0:
            self.commit()

    cdef void end_count(self, int64_t end) noexcept nogil:
        cdef Number number = read_number(self.line, self.line_count)
        cdef int64_t start = end - self.line_count
        cdef int departure
        self.argc = wrap_int(number.value)
        if self.argc < 1:
            self.stop(BAD_COUNT, start)
            return
        departure = COUNT_WRAP
        if number.value <= INT_MAX:
            departure = header_departure(self.line, self.line_count, number.digits)
        if departure >= 0 and self.depart(departure, start, end):
            return
        self.begin_line(DOLLAR)

    cdef void end_length(self, int64_t end) noexcept nogil:
        cdef Number number = read_number(self.line, self.line_count)
        cdef int64_t start = end - self.line_count
        cdef int departure
        if number.value < 0 or number.beyond:
            self.stop(BAD_LENGTH, start)
            return
        self.header_offset = start
        departure = header_departure(self.line, self.line_count, number.digits)
        if departure >= 0 and self.depart(departure, start, end):
            return
        self.begin_argument(number.value, end)
        if number.value == 0:
            self.begin_terminator()

    # Departures

    cdef bint depart(self, int departure, int64_t offset, int64_t end) noexcept nogil:
        """Note a departure of the current item; return whether the strict grammar stops at it."""
        if self.first_departure < 0:
            self.first_departure = departure
            self.first_offset, self.first_end = offset, end
        if departure == WRONG_TERMINATOR or departure == ZERO_TERMINATOR:
            if self.terminator_offset < 0:
                self.terminator_offset = offset
        note(&self.departures[departure], offset)
        if self.strict:
            self.stop(DEPARTED, offset)
        return self.strict

    cdef bint depart_terminator(self, int64_t end) noexcept nogil:
        cdef int32_t count = self.terminator_count
        cdef bint zero = self.terminator[0] == 0 and (count < 2 or self.terminator[1] == 0)
        cdef int64_t offset = end - count + (1 if self.terminator[0] == CR else 0)
        return self.depart(ZERO_TERMINATOR if zero else WRONG_TERMINATOR, offset, end)

    # Arguments

    cdef void begin_argument(self, int64_t length, int64_t offset) noexcept nogil:
        cdef int64_t wanted = NAME_BYTES + 1 if self.argument < 2 else 0
        cdef int i
        self.declared = self.remaining = length
        self.payload_offset = offset
        self.state = PAYLOAD
        if self.rows:
            self.argument_is_key = self.is_key()
            self.key_limit = min(<int64_t>KEY_BYTES, self.key_budget)
            self.key_kept = 0
            if self.argument_is_key:
                wanted = max(wanted, self.key_limit)
            elif self.chosen != NULL:
                for i in range(self.chosen.count):
                    if self.chosen.rules[i].count_at == self.argument:
                        wanted = max(wanted, <int64_t>COUNT_DIGITS)
        self.capture_limit = min(wanted, length)

    cdef bint is_key(self) noexcept nogil:
        cdef int i
        cdef int64_t last
        cdef const Rule* rule
        if self.chosen == NULL:
            return False
        for i in range(self.chosen.count):
            rule = &self.chosen.rules[i]
            last = rule.last if rule.last >= 0 else self.argc + rule.last
            if rule.count_at:
                last = rule.first + (self.rule_counts[i] - 1) * rule.step
            if rule.first <= self.argument <= last and (self.argument - rule.first) % rule.step == 0:
                return True
        return False

    cdef void capture(self, const uint8_t* bytes, int64_t count) noexcept nogil:
        """Keep what is needed of a piece of the payload; `remaining` still includes the piece."""
        cdef int64_t at = self.declared - self.remaining, kept
        if at < NAME_BYTES + 1 and self.argument < 2:
            kept = min(count, NAME_BYTES + 1 - at)
            if self.argument == 0:
                memcpy(self.name + at, bytes, kept)
                self.name_count = <int32_t>(at + kept)
            else:
                memcpy(self.second + at, bytes, kept)
                self.second_count = <int32_t>(at + kept)
        if not self.rows:
            return
        if at < COUNT_DIGITS and self.chosen != NULL:
            memcpy(self.digits + at, bytes, min(count, COUNT_DIGITS - at))
        if self.argument_is_key and self.keys_here < KEYS_PER_COMMAND and at < self.key_limit:
            kept = min(count, self.key_limit - at)
            self.key_kept += kept
            if push_bytes(&self.key_bytes, bytes, kept) < 0:
                self.failed = True

    cdef int64_t in_payload(self, const uint8_t* data, int64_t pos, int64_t count) noexcept nogil:
        cdef int64_t take = min(self.remaining, count - pos)
        if self.declared - self.remaining < self.capture_limit:
            self.capture(data + pos, min(take, self.capture_limit - (self.declared - self.remaining)))
        self.remaining -= take
        if self.remaining == 0:
            self.begin_terminator()
        return pos + take

    cdef void begin_terminator(self) noexcept nogil:
        self.terminator_count = 0
        self.state = TERMINATOR

    cdef int64_t in_terminator(self, const uint8_t* data, int64_t pos, int64_t count) noexcept nogil:
        while self.terminator_count < 2 and pos < count:
            self.terminator[self.terminator_count] = data[pos]
            self.terminator_count += 1
            pos += 1
        if self.terminator_count < 2:
            return pos
        if self.terminator[0] != CR or self.terminator[1] != LF:
            if self.depart_terminator(self.base + pos):
                return pos
        self.end_argument()
        if self.argument < self.argc:
            self.begin_line(DOLLAR)
        else:
            self.state = ITEM
            self.pending = self.base + pos
            if self.first_departure < 0:
                self.commit()
        return pos

    cdef void end_argument(self) noexcept nogil:
        if self.rows:
            if self.argument_is_key and self.keys_here < KEYS_PER_COMMAND:
                self.push_key()
            if self.chosen != NULL:
                self.read_counts()
            if self.argument < 2:
                self.choose_rules()
        self.argument += 1

    cdef void push_key(self) noexcept nogil:
        self.key_budget -= self.key_kept
        self.keys_here += 1
        if (
            push(&self.columns[COL_KEY_ARGUMENT], self.argument) < 0
            or push(&self.columns[COL_KEY_OFFSET], self.payload_offset) < 0
            or push(&self.columns[COL_KEY_LENGTH], self.declared) < 0
            or push(&self.columns[COL_KEY_BYTES_END], self.key_bytes.count) < 0
        ):
            self.failed = True

    cdef void read_counts(self) noexcept nogil:
        cdef int i
        cdef int64_t at, value = 0
        if self.declared < 10:
            for at in range(self.declared):
                if not 48 <= self.digits[at] <= 57:
                    value = 0
                    break
                value = value * 10 + (self.digits[at] - 48)
        for i in range(self.chosen.count):
            if self.chosen.rules[i].count_at == self.argument:
                self.rule_counts[i] = value

    cdef void choose_rules(self) noexcept nogil:
        cdef uint8_t text[2 * NAME_BYTES + 8]
        cdef int32_t length, sub_length = -1
        cdef int64_t entry
        if self.rule_names.count == 0 or self.name_count > NAME_BYTES:
            return
        length = canonical_name(self.name, self.name_count, text)
        if find_name(&self.containers, text, length, -1) >= 0:
            if self.argument == 0 or self.second_count > NAME_BYTES:
                return
            sub_length = canonical_name(self.second, self.second_count, text + length)
        elif self.argument == 1:
            return
        entry = find_name(&self.rule_names, text, length, sub_length)
        if entry >= 0:
            self.chosen = &self.rule_sets[self.rule_names.entries[entry].value]

    # Counting

    cdef void commit(self) noexcept nogil:
        """Count the item that was read whole, with its departures."""
        cdef int64_t end = self.pending
        cdef int i
        if self.is_note:
            self.count_annotation(self.item_start, end - self.item_start)
        else:
            self.count_command(self.item_start, end - self.item_start)
        if self.first_departure >= 0:
            for i in range(DEPARTURE_KINDS):
                merge_seen(&self.leniencies[i], &self.departures[i])
        self.item_start = end
        self.clear_item()

    # The end

    cdef void peek_from(self, int halt, int64_t here) noexcept nogil:
        self.halt_code, self.halt_offset = halt, here
        self.state = PEEK

    cdef int64_t in_peek(self, const uint8_t* data, int64_t pos, int64_t count) noexcept nogil:
        cdef int64_t end
        if self.run_bytes or (self.found_count == 0 and data[pos] == 0):
            end = pos
            while end < count and data[end] == 0:
                end += 1
            self.run_bytes += end - pos
            if end < count:
                self.run_ended = True
                self.state = HALTED
            return end
        end = min(pos + FOUND_BYTES - self.found_count, count)
        memcpy(self.found + self.found_count, data + pos, end - pos)
        self.found_count += <int32_t>(end - pos)
        if self.found_count == FOUND_BYTES:
            self.state = HALTED
        return end

    cdef object raw_stop(self):
        cdef int code = self.halt_code
        in_line = code in (EOF_COUNT, EOF_LENGTH, EOF_ANNOTATION, BAD_COUNT, BAD_LENGTH)
        torn = code in (EOF_PAYLOAD, EOF_TERMINATOR)
        return RawStop(
            halt=Halt(code),
            halt_offset=self.halt_offset,
            end_offset=self.position,
            item_start=self.item_start,
            command_end=self.command_end,
            index=self.counted,
            first=None if self.first_departure < 0 else Departure(self.first_departure),
            first_offset=self.first_offset,
            first_end=self.first_end,
            terminator_offset=self.terminator_offset,
            glue_offset=self.glue_offset,
            ran_to=self.pending or -1,
            ran_command=not self.is_note,
            last_argument=self.argument + 1 == self.argc,
            line=self.line[: self.line_count] if in_line else b"",
            declared=self.declared if torn else -1,
            remaining=self.declared - self.remaining if torn else -1,
            found=self.found[: self.found_count],
            run_bytes=self.run_bytes,
            run_ended=self.run_ended,
        )

    # Results

    @property
    def halt(self):
        """Return where in the grammar the scan ended."""
        return Halt(self.halt_code)

    def tally(self):
        """Return everything counted. `rest_bytes` is the driver's to add: it knows the extent."""
        tally = Ledger.tally(self)
        tally.good_end = self.item_start
        tally.leniencies = self.make_leniencies()
        tally.stop = build_stop(self.raw_stop())
        return tally

    cdef object make_leniencies(self):
        found = {}
        for i in range(DEPARTURE_KINDS):
            if self.leniencies[i].count:
                found[DEPARTURES[i]] = as_occurrence(self.leniencies[i])
        return found
