r"""The command stream walked in plain Python: the reference and the specification.

A scan is a state machine that may be fed its input in pieces of any size. The lenient grammar holds
the strict one: reading leniently and noting every departure from the canonical form gives both
answers at once. An item (a command or an annotation) with a departure waits for the first byte behind
it: if no item can start with that byte, the departure is what went wrong, and the item does not count.

Knows which bytes may follow which; keeps of payloads only what names, SELECT and keys need. Source of
the grammar: measured on Valkey 9.1.2, Redis 7.0.15, 6.2.5; aof.c loadSingleAppendOnlyFile.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntEnum

from aoftool.regex import regex
from aoftool.resp._header_py import LONG_MAX, header_departure, read_number, wrap_int
from aoftool.resp._ledger_py import Key, Ledger
from aoftool.resp.columns import RowColumns
from aoftool.resp.grammar import KeyRule, Limits, ScanOptions
from aoftool.resp.model import Leniency, Occurrence, TailTally
from aoftool.resp.stops import DEPARTURES, Departure, Halt, RawStop, build_stop

__all__ = ["Scan"]


class _State(IntEnum):
    ITEM = 0
    LINE = 1
    PAYLOAD = 2
    TERMINATOR = 3
    PEEK = 4
    HALTED = 5


_STAR, _DOLLAR, _HASH = b"*$#"
_NO_LIMIT = 2**63 - 1
_INT_MAX = 2**31 - 1
_COUNT_DIGITS = 20

_CANONICAL = regex(rb"(0|[1-9][0-9]*)\r\n")
_GLUE = regex(rb"\*[1-9][0-9]*\r\n\Z")
# Canonical starts for the fast path; longer numbers take the general one.
_HEAD = regex(rb"\*([1-9][0-9]{0,8})\r\n\$(0|[1-9][0-9]{0,8})\r\n")
_BULK = regex(rb"\$(0|[1-9][0-9]{0,8})\r\n")


class Scan:
    """Walk one stream; feed it, finish it, take the tally.

    Attributes:
        offset: absolute offset of the next byte to feed.
        halted: nothing more is consumed: a stop, or the limit.
    """

    implementation = "python"

    def __init__(self, options: ScanOptions) -> None:
        self.options = options
        self.offset = options.start
        self.ledger = Ledger(options)
        self._limit = _NO_LIMIT if options.limit is None else options.limit
        self._grammar = options.grammar
        self._steps: dict[_State, Callable[[bytes, int], int]] = {
            _State.ITEM: self._at_item,
            _State.LINE: self._in_line,
            _State.PAYLOAD: self._in_payload,
            _State.TERMINATOR: self._in_terminator,
            _State.PEEK: self._in_peek,
        }
        self._state = _State.ITEM
        self._base = options.start
        self._line = bytearray()
        self._kind = _STAR
        self._terminator = bytearray()
        self._leniencies: dict[Leniency, Occurrence] = {}
        self._item_start = options.start
        self._found = bytearray()
        self._run_bytes = 0
        self._run_ended = False
        self._halt = Halt.RUNNING
        self._halt_offset = -1
        self._clear_item()

    def _clear_item(self) -> None:
        """Forget the item that was counted, or was none."""
        self._departures: dict[Departure, Occurrence] = {}
        self._first: tuple[Departure, int, int] | None = None
        self._terminator_offset = -1
        self._glue_offset = -1
        self._pending = 0
        self._note = b""
        self._argc = self._argument = 0
        self._declared = self._remaining = 0
        self._name = self._second = b""
        self._rules: tuple[KeyRule, ...] = ()
        self._counts: dict[int, int] = {}
        self._keys: list[Key] = []
        self._key_budget = Limits.KEY_BYTES_PER_COMMAND
        self._payload_offset = self._header_offset = 0
        self._capture_limit = 0
        self._captured = bytearray()

    # Input

    @property
    def halted(self) -> bool:
        """Tell whether the scan is over."""
        return self._state is _State.HALTED

    @property
    def commands(self) -> int:
        """Return how many whole commands were counted."""
        return self.ledger.commands

    @property
    def good_end(self) -> int:
        """Return the end of the last item that was counted."""
        return self._item_start

    @property
    def names_count(self) -> int:
        """Return how many names `names()` gives."""
        return self.ledger.names_count

    @property
    def skippable(self) -> int:
        """Return how many of the next bytes no one looks at."""
        if self._state is not _State.PAYLOAD or len(self._captured) < self._capture_limit:
            return 0
        return self._remaining

    def feed(self, data: bytes | bytearray | memoryview) -> int:
        """Consume the next bytes of the stream; return how many, fewer only when halted."""
        data = bytes(data)
        self._base = self.offset
        pos = 0
        while pos < len(data) and self._state is not _State.HALTED:
            pos = self._steps[self._state](data, pos)
        self.offset = self._base + pos
        return pos

    def skip(self, count: int) -> None:
        """Step over bytes that were not read, at most `skippable` of them."""
        self._remaining -= count
        self.offset += count
        if not self._remaining:
            self._end_payload()

    def finish(self) -> None:
        """Say that the input has ended here."""
        state = self._state
        if state is _State.HALTED:
            return
        if state is _State.PEEK:
            self._state = _State.HALTED
        elif state is _State.ITEM:
            if self._pending:
                self._commit()
            self._stop(Halt.BOUNDARY, self.offset)
        elif state is _State.LINE:
            self._finish_line()
        elif state is _State.PAYLOAD:
            self._stop(Halt.EOF_PAYLOAD, self._header_offset)
        else:
            odd = self._terminator and self._terminator != b"\r"
            if odd and self._depart_terminator(self.offset):
                return
            self._stop(Halt.EOF_TERMINATOR, self._header_offset)

    def _finish_line(self) -> None:
        start = self.offset - len(self._line)
        if self._kind == _HASH:
            self._stop(Halt.EOF_ANNOTATION, start)
            return
        # A lone prefix may still become a header; with more, the loader takes the line as it stands.
        value = read_number(bytes(self._line))[0] if len(self._line) > 1 else 1
        if self._kind == _DOLLAR:
            self._stop(Halt.LENGTH if value < 0 else Halt.EOF_LENGTH, start)
        else:
            self._stop(Halt.COUNT if wrap_int(value) < 1 else Halt.EOF_COUNT, start)

    def _stop(self, halt: Halt, offset: int) -> None:
        self._halt, self._halt_offset = halt, offset
        self._state = _State.HALTED

    # Items

    def _at_item(self, data: bytes, pos: int) -> int:
        here = self._base + pos
        byte = data[pos]
        opens = byte == _STAR or (byte == _HASH and self._grammar.annotations)
        if self._pending:
            glue_only = self._glue_offset >= 0 and self._first is None
            if opens or (glue_only and byte != _DOLLAR):
                self._commit()
        if self._pending or (not opens and here < self._limit):
            self._peek_from(Halt.PREFIX, here)
            return pos
        if here >= self._limit:
            self._stop(Halt.BOUNDARY, here)
            return pos
        if byte == _STAR:
            end = self._run_rows(data, pos) if self.options.rows else self._run(data, pos)
            if end > pos:
                self._item_start = self._base + end
                return end
        self._begin_line(byte)
        return pos

    def _run(self, data: bytes, pos: int) -> int:
        """Count canonical commands that lie whole in `data`; return where the first other one starts.

        Changes nothing that the general path would not; it only saves its steps.
        """
        size = min(len(data), self._limit - self._base)
        head, bulk, base = _HEAD.match, _BULK.match, self._base
        ledger = self.ledger
        rows = ledger.plain_rows
        counted, begin = 0, pos
        while pos < size:
            match = head(data, pos)
            if match is None:
                break
            at = match.end()
            name_end = at + int(match[2])
            name = data[at:name_end]
            at = name_end + 2
            whole = data[name_end:at] == b"\r\n"
            argc = int(match[1])
            for _ in range(argc - 1):
                if not whole:
                    break
                argument = bulk(data, at)
                if argument is None:
                    whole = False
                    break
                at = argument.end() + int(argument[1]) + 2
                whole = data[at - 2 : at] == b"\r\n"
            if not whole:
                break
            row = rows.get(name)
            length = at - pos
            if row is None:
                ledger.commands += counted
                counted = 0
                second = self._second_argument(data, name_end + 2, at)
                name = name[: Limits.NAME_BYTES + 1]
                ledger.count_command(name, second, argc, base + pos, length, False, [])
                rows = ledger.plain_rows
            else:
                counted += 1
                row.commands += 1
                row.bytes += length
                if length > row.largest_bytes:
                    row.largest_bytes, row.largest_offset = length, base + pos
                # The row has its first command already: as `Row.note_argc`, without the call.
                if argc > row.most_argc:
                    row.most_argc = argc
                elif argc < row.least_argc:
                    row.least_argc = argc
            pos = at
        ledger.commands += counted
        if pos > begin:
            ledger.command_end = base + pos
        return pos

    @staticmethod
    def _second_argument(data: bytes, at: int, end: int) -> bytes:
        """Return the start of the argument whose header is at `at`, of a whole command."""
        if at >= end:
            return b""
        match = _BULK.match(data, at)
        assert match is not None
        return data[match.end() : match.end() + min(int(match[1]), Limits.NAME_BYTES + 1)]

    def _run_rows(self, data: bytes, pos: int) -> int:
        """Do as `_run` for scans that keep rows: find a whole canonical command, count it with keys."""
        size = min(len(data), self._limit - self._base)
        while pos < size:
            match = _HEAD.match(data, pos)
            if match is None:
                break
            spans, at = self._argument_spans(data, match)
            if not spans:
                break
            self._item_start = self._base + pos
            self._argc = len(spans)
            for start, length in spans:
                self._begin_argument(length, self._base + start)
                self._captured += data[start : start + self._capture_limit]
                self._end_argument()
            self._count_command(self._base + at)
            self._state = _State.ITEM
            pos = at
        return pos

    @staticmethod
    def _argument_spans(data: bytes, match: re.Match[bytes]) -> tuple[list[tuple[int, int]], int]:
        """Return (start, length) of every argument of a whole canonical command, else nothing."""
        spans: list[tuple[int, int]] = []
        start, length = match.end(), int(match[2])
        while True:
            at = start + length + 2
            if data[at - 2 : at] != b"\r\n":
                return [], at
            spans.append((start, length))
            if len(spans) == int(match[1]):
                return spans, at
            argument = _BULK.match(data, at)
            if argument is None:
                return [], at
            start, length = argument.end(), int(argument[1])

    # Lines

    def _begin_line(self, kind: int) -> None:
        self._kind = kind
        self._line.clear()
        self._state = _State.LINE

    def _in_line(self, data: bytes, pos: int) -> int:
        line = self._line
        if not line and self._kind == _DOLLAR and data[pos] != _DOLLAR:
            self._peek_from(Halt.BULK_PREFIX, self._base + pos)
            return pos
        room = self._grammar.line_max - len(line)
        found = data.find(b"\n", pos, pos + room)
        end = found + 1 if found >= 0 else min(pos + room, len(data))
        line += data[pos:end]
        if found >= 0 or len(line) == self._grammar.line_max:
            self._end_line(bytes(line), self._base + end)
        return end

    def _end_line(self, line: bytes, end: int) -> None:
        if self._kind == _HASH:
            self._end_annotation(line, end)
        elif self._kind == _STAR:
            self._end_count(line, end)
        else:
            self._end_length(line, end)

    def _end_annotation(self, line: bytes, end: int) -> None:
        self._state = _State.ITEM
        self._note = line
        if not line.endswith(b"\n") and self._depart(Departure.LONG_ANNOTATION, end - len(line), end):
            return
        glue = _GLUE.search(line, 1)
        if glue:
            self._glue_offset = end - len(line) + glue.start()
        self._pending = end
        if glue is None and self._first is None:
            self._commit()

    def _end_count(self, line: bytes, end: int) -> None:
        match = _CANONICAL.fullmatch(line, 1)
        value, has_digits = read_number(line)
        self._argc = wrap_int(value)
        if self._argc < 1:
            self._stop(Halt.COUNT, end - len(line))
            return
        departure = None
        if value > _INT_MAX:
            departure = Departure.COUNT_WRAP
        elif match is None:
            departure = header_departure(line, has_digits)
        if departure is not None and self._depart(departure, end - len(line), end):
            return
        self._begin_line(_DOLLAR)

    def _end_length(self, line: bytes, end: int) -> None:
        match = _CANONICAL.fullmatch(line, 1)
        value, has_digits = read_number(line)
        if not 0 <= value <= LONG_MAX:
            self._stop(Halt.LENGTH, end - len(line))
            return
        self._header_offset = end - len(line)
        departure = None if match else header_departure(line, has_digits)
        if departure is not None and self._depart(departure, end - len(line), end):
            return
        self._begin_argument(value, end)
        if not value:
            self._end_payload()

    # Departures

    def _depart(self, departure: Departure, offset: int, end: int) -> bool:
        """Note a departure of the current item; return whether the strict grammar stops at it."""
        if self._first is None:
            self._first = (departure, offset, end)
        if departure in (Departure.TERMINATOR, Departure.ZERO_TERMINATOR) and self._terminator_offset < 0:
            self._terminator_offset = offset
        self._departures.setdefault(departure, Occurrence()).note(offset)
        if self._grammar.strict:
            self._stop(Halt.DEPARTURE, offset)
        return self._grammar.strict

    def _depart_terminator(self, end: int) -> bool:
        got = bytes(self._terminator)
        zero = not got.strip(b"\0")
        kind = Departure.ZERO_TERMINATOR if zero else Departure.TERMINATOR
        offset = end - len(got) + (1 if got[0] == 13 else 0)
        return self._depart(kind, offset, end)

    # Arguments

    def _begin_argument(self, length: int, offset: int) -> None:
        self._declared = self._remaining = length
        self._payload_offset = offset
        self._captured.clear()
        self._capture_limit = min(self._wanted_bytes(), length)
        self._state = _State.PAYLOAD

    def _wanted_bytes(self) -> int:
        """Return how much of the argument that begins must be kept."""
        wanted = Limits.NAME_BYTES + 1 if self._argument < 2 else 0
        if self._is_key():
            return max(wanted, min(Limits.KEY_BYTES, self._key_budget))
        if any(rule.count_at == self._argument for rule in self._rules):
            return max(wanted, _COUNT_DIGITS)
        return wanted

    def _is_key(self) -> bool:
        return any(self._rule_covers(rule) for rule in self._rules)

    def _rule_covers(self, rule: KeyRule) -> bool:
        last = rule.last if rule.last >= 0 else self._argc + rule.last
        if rule.count_at:
            last = rule.first + (self._counts.get(rule.count_at, 0) - 1) * rule.step
        return rule.first <= self._argument <= last and (self._argument - rule.first) % max(rule.step, 1) == 0

    def _in_payload(self, data: bytes, pos: int) -> int:
        take = min(self._remaining, len(data) - pos)
        missing = self._capture_limit - len(self._captured)
        if missing > 0:
            self._captured += data[pos : pos + min(missing, take)]
        self._remaining -= take
        if not self._remaining:
            self._end_payload()
        return pos + take

    def _end_payload(self) -> None:
        self._terminator.clear()
        self._state = _State.TERMINATOR

    def _in_terminator(self, data: bytes, pos: int) -> int:
        got = self._terminator
        end = min(pos + 2 - len(got), len(data))
        got += data[pos:end]
        if len(got) < 2:
            return end
        if got != b"\r\n" and self._depart_terminator(self._base + end):
            return end
        self._end_argument()
        if self._argument < self._argc:
            self._begin_line(_DOLLAR)
        else:
            self._state = _State.ITEM
            self._pending = self._base + end
            if self._first is None:
                self._commit()
        return end

    def _end_argument(self) -> None:
        captured = bytes(self._captured)
        if self._is_key() and len(self._keys) < Limits.KEYS_PER_COMMAND:
            kept = captured[: min(Limits.KEY_BYTES, self._key_budget)]
            self._key_budget -= len(kept)
            self._keys.append((self._argument, self._payload_offset, self._declared, kept))
        if any(rule.count_at == self._argument for rule in self._rules):
            digits = captured[: self._declared] if self._declared < 10 else b""
            self._counts[self._argument] = int(digits) if digits.isdigit() else 0
        if self._argument == 0:
            self._name = captured[: Limits.NAME_BYTES + 1]
        elif self._argument == 1:
            self._second = captured[: Limits.NAME_BYTES + 1]
        if self._argument < 2 and self.options.key_rules:
            self._choose_rules()
        self._argument += 1

    def _choose_rules(self) -> None:
        name = self._name.upper()
        subcommand = None
        if len(name) > Limits.NAME_BYTES:
            return
        if name in self.options.containers:
            if self._argument == 0:
                return
            subcommand = self._second.upper()
            if len(subcommand) > Limits.NAME_BYTES:
                return
        elif self._argument == 1:
            return
        self._rules = self.options.key_rules.get((name, subcommand), ())

    # Counting

    def _commit(self) -> None:
        """Count the item that was read whole, with its departures."""
        end = self._pending
        if self._note:
            self.ledger.count_annotation(self._note, self._item_start)
            self._count_departures()
            self._item_start = end
            self._clear_item()
        else:
            self._count_command(end)

    def _count_command(self, end: int) -> None:
        start = self._item_start
        lenient = self._first is not None
        self.ledger.count_command(
            self._name, self._second, self._argc, start, end - start, lenient, self._keys
        )
        self._count_departures()
        self._item_start = end
        self._clear_item()

    def _count_departures(self) -> None:
        for departure, seen in self._departures.items():
            self._leniencies.setdefault(DEPARTURES[departure], Occurrence()).merge(seen)

    # The end

    def _peek_from(self, halt: Halt, here: int) -> None:
        """Fail at a byte, and look a little further to say what stands there."""
        self._halt, self._halt_offset = halt, here
        self._state = _State.PEEK

    def _in_peek(self, data: bytes, pos: int) -> int:
        if self._run_bytes or (not self._found and data[pos] == 0):
            rest = data[pos:].lstrip(b"\0")
            end = len(data) - len(rest)
            self._run_bytes += end - pos
            if rest:
                self._run_ended = True
                self._state = _State.HALTED
            return end
        end = min(pos + Limits.FOUND_BYTES - len(self._found), len(data))
        self._found += data[pos:end]
        if len(self._found) == Limits.FOUND_BYTES:
            self._state = _State.HALTED
        return end

    def _raw_stop(self) -> RawStop:
        """Return what is known at the end."""
        first, first_offset, first_end = self._first or (None, -1, -1)
        in_line = self._halt in (
            Halt.EOF_COUNT,
            Halt.EOF_LENGTH,
            Halt.EOF_ANNOTATION,
            Halt.COUNT,
            Halt.LENGTH,
        )
        torn = self._halt in (Halt.EOF_PAYLOAD, Halt.EOF_TERMINATOR)
        return RawStop(
            halt=self._halt,
            halt_offset=self._halt_offset,
            end_offset=self.offset,
            item_start=self._item_start,
            command_end=self.ledger.command_end,
            index=self.ledger.commands,
            first=first,
            first_offset=first_offset,
            first_end=first_end,
            terminator_offset=self._terminator_offset,
            glue_offset=self._glue_offset,
            ran_to=self._pending or -1,
            ran_command=not self._note,
            last_argument=self._argument + 1 == self._argc,
            line=bytes(self._line) if in_line else b"",
            declared=self._declared if torn else -1,
            remaining=self._declared - self._remaining if torn else -1,
            found=bytes(self._found),
            run_bytes=self._run_bytes,
            run_ended=self._run_ended,
        )

    # Results

    @property
    def halt(self) -> Halt:
        """Return where in the grammar the scan ended."""
        return self._halt

    def names(self) -> list[tuple[bytes, bytes | None]]:
        """Return (name, subcommand) by command number; number 0 takes names without a place."""
        return self.ledger.names()

    def take_rows(self) -> RowColumns:
        """Return the rows since the last call and forget them."""
        return self.ledger.take_rows()

    def tally(self) -> TailTally:
        """Return everything counted. `rest_bytes` is the driver's to add: it knows the extent."""
        tally = self.ledger.tally()
        tally.leniencies = self._leniencies
        tally.good_end = self._item_start
        tally.stop = build_stop(self._raw_stop())
        return tally
