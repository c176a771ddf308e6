"""Reference implementation of the structure walk; `_walk_cy.pyx` is its compiled twin.

The walk runs the programs of `aoftool.rdb.walk.layouts` over buffers of any size. It never needs more than
64 bytes at once, holds nothing but counters, and can be split at every byte. Both implementations
return the same statuses with the same attributes for every input and every split.
"""

from __future__ import annotations

from collections.abc import Callable

from aoftool.rdb.opcodes import Family
from aoftool.rdb.walk._walk_tally import MASK, WalkTally
from aoftool.rdb.walk._walk_window import GO_ON, MORE, WalkWindow
from aoftool.rdb.walk.layouts import (
    CAPTURE,
    KEY_RECORD,
    NO_LAYOUT,
    PREFIX,
    STOP_CODES,
    UNKNOWN,
    Blob,
    Op,
    layout_table,
)

__all__ = ["IMPLEMENTATION", "Walker"]


def _no_operation(first: int, second: int) -> int:
    raise AssertionError("no step has this number")


IMPLEMENTATION = "py"

_END = 3
_OPCODE = 4
_LARGE = 5
_DATABASE = 6
_MODULE = 7
_TEMPLATE = 8
_ROWS = 9

_ROW_LIMIT = 2048


class Walker(WalkWindow):
    """See `aoftool.rdb.walk.walker.Walker`."""

    def __init__(self, family: Family, offset: int, rows: bool, threshold: int) -> None:
        super().__init__()
        table = layout_table(family)
        self._steps = table.steps
        self._entry = table.entry
        self._flags = table.flags
        self._want_rows = rows
        self.threshold = threshold
        self.offset = offset
        self.good_end = offset
        self.item = offset
        self.skipping = 0
        self.number = 0
        self.number_at = offset
        self.db = 0
        self.module_id = 0
        self.template_count = -1
        self.last_row: tuple[int, ...] = ()
        self._pc = -1
        self._count = 0
        self._register = 0
        self._loops: list[int] = []
        self._prefix_at = -1
        self._pending = 0
        self._expire = 0
        self._idle = 0
        self._freq = 0
        self._key_at = 0
        self._value_at = 0
        self._elements = 0
        self._uncounted = 0
        self._form = 0
        self._module_seen = False
        self._tally = WalkTally()
        self._rows: list[tuple[int, ...]] = []
        self._operations = self._bind()

    def _bind(self) -> list[Callable[[int, int], int]]:
        named = {name.lower(): value for name, value in vars(Op).items() if name.isupper()}
        bound = {value: getattr(self, f"_do_{name}") for name, value in named.items()}
        return [bound.get(value, _no_operation) for value in range(max(bound) + 1)]

    # --- what the driver calls

    def feed(self, buffer: bytes | bytearray | memoryview, start: int, end: int) -> int:
        """Go on over `buffer[start:end]`, which stands at `offset`; see `walker` for the statuses."""
        self._buffer, self._at, self._end = buffer, start, end
        self._base = self.offset - start
        status = self._run()
        self.offset = self._base + self._at
        self._buffer = b""
        return status

    def take_rows(self) -> list[tuple[int, ...]]:
        """Hand over the rows gathered since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def take_tally(self) -> tuple[list[tuple[int, int, int, int, int, int]], tuple[int, int, int]]:
        """Hand over the counts of the current database and start afresh."""
        taken, self._tally = self._tally, WalkTally()
        return taken.rows(), taken.expires()

    # --- the machine

    def _run(self) -> int:
        steps = self._steps
        operations = self._operations
        while True:
            if self.skipping and not self._skip_on():
                return MORE
            self.item = self._base + self._at
            if self._pc < 0:
                status = self._dispatch()
            else:
                place = self._pc * 3
                status = operations[steps[place]](steps[place + 1], steps[place + 2])
            if status:
                return status

    def _skip_on(self) -> bool:
        """Step over the pending payload; False when the buffer ends first."""
        there = min(self.skipping, self._end - self._at)
        self._take(there)
        self.skipping -= there
        return not self.skipping

    def _step_over(self, size: int) -> int:
        """Consume bytes of the current step and go to the next one."""
        self._take(size)
        self._pc += 1
        return GO_ON

    def _dispatch(self) -> int:
        if self._at >= self._end:
            return MORE
        number = self._buffer[self._at]
        entry = self._entry[number]
        self.number, self.number_at = number, self.item
        if entry == UNKNOWN:
            return self._fail("rdb-opcode")
        if entry == NO_LAYOUT:
            return self._fail("rdb-opcode-layout")
        flags = self._flags[number]
        # Expire time, idle time and frequency stand in front of the key they belong to, as opcodes.
        if flags & PREFIX:
            if self._prefix_at < 0:
                self._prefix_at = self.item
        elif not flags & KEY_RECORD:
            self._prefix_at = -1
        self._capturing = bool(flags & (CAPTURE | KEY_RECORD))
        self._captured.clear()
        self.capture_cut = False
        self._elements = self._uncounted = self._form = 0
        self._take(1)
        self._pc = entry
        return GO_ON

    def _pass_string(self, header: int, payload: int) -> int:
        # What is there of the payload is passed at once; `_run` passes the rest as it arrives.
        left = self._end - self._at - header
        there = payload if payload < left else left
        self._take(header + there)
        self.skipping = payload - there
        self._pc += 1
        return GO_ON

    # --- one method for each operation

    def _do_end_key(self, a: int, b: int) -> int:
        self._pc = -1
        self._capturing = False
        end = self.item
        start = self._prefix_at if self._prefix_at >= 0 else self.number_at
        flags = self._pending | (self._uncounted << 3)
        row = (
            start, self.number_at, self._key_at, self._value_at, end, self.number, self._form, self.db,
            self._expire, flags, self._idle, self._freq, self._elements,
        )  # fmt: skip
        self._tally.count(self.number, self._form, self._elements, end - start, self._uncounted)
        if self._pending & 1:
            self._tally.count_expire(self._expire)
        self._prefix_at = -1
        self._pending = self._expire = self._idle = self._freq = 0
        self.good_end = end
        self.last_row = row
        if self._want_rows:
            self._rows.append(row)
        if 0 <= self.threshold < end - start:
            return _LARGE
        return _ROWS if len(self._rows) >= _ROW_LIMIT else GO_ON

    def _do_end_opcode(self, a: int, b: int) -> int:
        self._pc = -1
        self._capturing = False
        flags = self._flags[self.number]
        if not flags & PREFIX and not self._pending:
            self.good_end = self.item
        return _OPCODE if flags & CAPTURE else GO_ON

    def _do_skip(self, a: int, b: int) -> int:
        if self._end - self._at < a:
            return MORE
        return self._step_over(a)

    def _do_length(self, a: int, b: int) -> int:
        status, size, _ = self._length()
        return status or self._step_over(size)

    def _do_string(self, a: int, b: int) -> int:
        status, header, payload, _ = self._string(self._at)
        return status or self._pass_string(header, payload)

    def _do_string_value(self, a: int, b: int) -> int:
        status, header, payload, form = self._string(self._at)
        if status:
            return status
        self._form = form
        return self._pass_string(header, payload)

    def _do_key(self, a: int, b: int) -> int:
        self._key_at = self.item
        return self._do_string(a, b)

    def _do_value(self, a: int, b: int) -> int:
        self._value_at = self.item
        self._capturing = False
        self._pc += 1
        return GO_ON

    def _do_loop(self, a: int, b: int) -> int:
        status, size, rounds = self._length()
        if status:
            return status
        self._take(size)
        return self._enter(rounds, a, b)

    def _enter(self, rounds: int, after: int, elements: int) -> int:
        if elements:
            self._elements = (self._elements + rounds) & MASK
        if rounds == 0:
            self._pc = after
        else:
            self._loops.append(rounds)
            self._pc += 1
        return GO_ON

    def _do_next(self, a: int, b: int) -> int:
        self._loops[-1] -= 1
        if self._loops[-1]:
            self._pc = a
        else:
            self._loops.pop()
            self._pc += 1
        return GO_ON

    def _do_blob(self, a: int, b: int) -> int:
        status, header, payload, count = self._blob_count(a)
        if status:
            return status
        if count < 0:
            self._uncounted = 1
        else:
            self._elements = (self._elements + max(0, count - (b >> 8)) // (b & 0xFF)) & MASK
        return self._pass_string(header, payload)

    def _do_blob_count(self, a: int, b: int) -> int:
        status, header, payload, count = self._blob_count(Blob.LISTPACK)
        if status:
            return status
        if count < 0:
            return self._fail("rdb-variant")
        self._count = count
        return self._pass_string(header, payload)

    def _do_elements(self, a: int, b: int) -> int:
        status, size, value = self._length()
        if status:
            return status
        self._elements = (self._elements + value) & MASK
        return self._step_over(size)

    def _do_score(self, a: int, b: int) -> int:
        if self._at >= self._end:
            return MORE
        size = self._buffer[self._at]
        # A length byte and digits, as sorted sets had up to RDB version 7; 253 to 255 are nan, inf and -inf.
        return self._pass_string(1, size if size < 253 else 0)

    def _do_read(self, a: int, b: int) -> int:
        status, size, self._register = self._length()
        return status or self._step_over(size)

    def _do_case(self, a: int, b: int) -> int:
        self._pc = b if self._register == a else self._pc + 1
        return GO_ON

    def _do_fail(self, a: int, b: int) -> int:
        return self._fail(STOP_CODES[a])

    def _do_jump(self, a: int, b: int) -> int:
        self._pc = a
        return GO_ON

    def _do_add(self, a: int, b: int) -> int:
        self._elements = (self._elements + a) & MASK
        self._pc += 1
        return GO_ON

    def _do_module_id(self, a: int, b: int) -> int:
        status, size, value = self._length()
        if status:
            return status
        # Nine letters and ten bits of version; whether the type may be stepped over is for the driver to say.
        if value != self.module_id or not self._module_seen:
            self.module_id = value
            self._module_seen = True
            return _MODULE
        return self._step_over(size)

    def _do_module_item(self, a: int, b: int) -> int:
        status, size, kind = self._length()
        if status:
            return status
        # RDB_MODULE_OPCODE: 0 ends it, 1 and 2 are integers, 3 a float, 4 a double, 5 a string.
        if kind == 0:
            return self._step_over(size)
        rest, payload = 0, 0
        if kind in (1, 2):
            rest, _ = self._read_length(self._at + size)
            if rest <= 0:
                return MORE if rest == 0 else self._fail("rdb-length")
        elif kind in (3, 4):
            payload = 4 if kind == 3 else 8
        elif kind == 5:
            status, rest, payload, _ = self._string(self._at + size)
            if status:
                return status
        else:
            return self._fail("rdb-module-item")
        self._take(size + rest)
        self.skipping = payload
        return GO_ON

    def _do_expire_ms(self, a: int, b: int) -> int:
        return self._expire_time(8)

    def _do_expire_s(self, a: int, b: int) -> int:
        return self._expire_time(4)

    def _expire_time(self, size: int) -> int:
        if self._end - self._at < size:
            return MORE
        value = int.from_bytes(self._buffer[self._at : self._at + size], "little", signed=True)
        # Seconds are what servers wrote before Redis 2.6; they still load them.
        self._expire = value if size == 8 else value * 1000
        self._pending |= 1
        return self._step_over(size)

    def _do_idle(self, a: int, b: int) -> int:
        status, size, value = self._length()
        if status:
            return status
        self._idle = value
        self._pending |= 2
        return self._step_over(size)

    def _do_freq(self, a: int, b: int) -> int:
        if self._at >= self._end:
            return MORE
        # LFU keeps a logarithm, which fits a byte; idle seconds are a length.
        self._freq = self._buffer[self._at]
        self._pending |= 4
        return self._step_over(1)

    def _do_select(self, a: int, b: int) -> int:
        status, size, value = self._length()
        if status:
            return status
        if self._tally:
            return _DATABASE
        self.db = value
        return self._step_over(size)

    def _do_end_file(self, a: int, b: int) -> int:
        return _END

    def _do_count(self, a: int, b: int) -> int:
        status, size, self._count = self._length()
        return status or self._step_over(size)

    def _do_counted(self, a: int, b: int) -> int:
        return self._enter(self._count, a, b)

    def _do_template(self, a: int, b: int) -> int:
        status, size, value = self._length()
        if status:
            return status
        if self.template_count < 0:
            self._register = value
            return _TEMPLATE
        self._count, self.template_count = self.template_count, -1
        return self._step_over(size)

    @property
    def needed_from(self) -> int:
        """Return where the record in work begins; `offset` when there is none."""
        if self._prefix_at >= 0:
            return self._prefix_at
        if self._pc >= 0 and self._flags[self.number] & KEY_RECORD:
            return self.number_at
        return self.offset

    @property
    def template_id(self) -> int:
        """Return the template that a `TEMPLATE` status asks for."""
        return self._register

    def _do_resp_count(self, a: int, b: int) -> int:
        status, size, self._count = self._line(0x2A)
        return status or self._step_over(size)

    def _do_resp_bulk(self, a: int, b: int) -> int:
        status, size, payload = self._line(0x24)
        return status or self._pass_string(size, payload + 2)
