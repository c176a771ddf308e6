"""Count keys, prefixes, sizes and expire times over columns of commands. The reference.

This is the specification of `_census_cy`: both give the same answers on every input and every split.
Memory is bounded by the options; the slices and, when the table is full, the keys are the caller's to
take. Knows a handful of commands by the role it is told, and no file.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Sequence

from aoftool.analysis.census.model import (
    DELETED,
    FIRST_PREFIX,
    FRAMING_PREFIX,
    HISTOGRAM,
    KEYLESS_PREFIX,
    NO_DEADLINE,
    OTHER_PREFIX,
    SPACINGS,
    TOP,
    Action,
    CellKind,
    CensusOptions,
    CommandRole,
    KeyColumns,
    SliceColumns,
    Spike,
)
from aoftool.analysis.census.templates import prefix_of
from aoftool.dataclass import dataclass, field
from aoftool.resp.columns import RowColumns

__all__ = ["Census"]

_KEY_SHOWN = 256
_DIGITS_MOST = 15
_WORD = frozenset((b"PXAT", b"EXAT", b"KEEPTTL"))
_DBS_MOST = 1024


@dataclass(slots=True)
class _Key:
    prefix: int
    admitted: bool
    writes: int = 0
    size_bytes: int = 0
    deadline_ms: int = NO_DEADLINE
    generation: int = 0


@dataclass(slots=True)
class _Slice:
    file: int
    offset: int
    time_s: int
    place: tuple[int, int]
    first_index: int
    commands: int = 0
    size_bytes: int = 0
    deadline_ms: int = 0
    stream_ms: int = 0
    stream_index: int = 0
    cells: dict[tuple[int, int], list[int]] = field(default_factory=dict)


def _number(text: bytes) -> int:
    """Return a decimal of at most fifteen digits, 0 for anything else."""
    if not 0 < len(text) <= _DIGITS_MOST or not text.isdigit():
        return 0
    return int(text)


def _stream_ms(text: bytes) -> int:
    """Return the time part of `<milliseconds>-<sequence>`, 0 for anything else."""
    time, dash, sequence = text.partition(b"-")
    if not dash or not 0 < len(sequence) <= 20 or not sequence.isdigit():
        return 0
    return _number(time)


class _Top:
    """The largest of what was offered; of equals the ones that came first."""

    def __init__(self) -> None:
        self.entries: list[Spike] = []

    def offer(self, spike: Spike) -> None:
        if len(self.entries) < TOP:
            self.entries.append(spike)
            return
        worst = min(range(TOP), key=lambda at: self.entries[at].size)
        # Entries stand in order of arrival but for replacements; the last of equals goes first.
        worst = max(at for at in range(TOP) if self.entries[at].size == self.entries[worst].size)
        if spike.size > self.entries[worst].size:
            del self.entries[worst]
            self.entries.append(spike)

    def sorted(self) -> list[Spike]:
        return sorted(self.entries, key=lambda spike: (-spike.size, spike.file, spike.offset))


class Census:
    """Count what is told of commands in order.

    Args:
        options: what to count.
    """

    implementation = "python"

    def __init__(self, options: CensusOptions) -> None:
        self.options = options
        self.shift = 0
        self.width_s = 1
        self._roles: Sequence[CommandRole] = ()
        self._keys: dict[tuple[int, bytes], _Key] = {}
        self._prefixes: dict[bytes, int] = {}
        self._dbs: dict[int, int] = {}
        self._generations: list[int] = []
        self._slice: _Slice | None = None
        self._slices: list[_Slice] = []
        self._commands: dict[int, list[int]] = {}
        self._histograms = [[0] * HISTOGRAM for _ in range(3)]
        self._spacings = [0] * SPACINGS
        self._tops = {name: _Top() for name in ("commands", "txn_bytes", "txn_commands", "gaps", "stalls")}
        self._backwards: list[Spike] = []
        self._emptied: list[Spike] = []
        self._file = self._index = 0
        self._mark: tuple[int, int, int] | None = None  # time, offset and index of the current #TS
        self._txn: list[int] | None = None
        self._txn_key = b""
        self._txn_number = 0
        self.overflow_writes = self.overflow_bytes = 0
        self.key_writes = self.flushes = 0

    # Told from outside

    def start_file(self, file: int, shift: int, width_s: int = 1) -> None:
        """Go on with another file, in slices of `2 ** shift` bytes and `width_s` seconds."""
        self.end_file()
        self._file, self._index = file, 0
        self.resize(shift, width_s)

    def resize(self, shift: int, width_s: int) -> None:
        """End the slice in hand and make the next ones of another size."""
        self._end_slice()
        self.shift, self.width_s = shift, width_s

    def map_commands(self, roles: Sequence[CommandRole]) -> None:
        """Tell the roles of command names by the number they have in the columns."""
        self._roles = roles

    def end_file(self) -> None:
        """Close what is open at the end of a file."""
        self._end_slice()
        self._end_transaction()
        self._end_mark(None)
        self._mark = None

    def add(self, rows: RowColumns) -> None:
        """Count the commands of some columns."""
        columns = [memoryview(column).cast("q") for column in rows[:13]]
        offset, length, argc, command, db, txn, time_s, _, key_end, argument, at, size, bytes_end = columns
        first = 0
        for row in range(len(offset)):
            refs = []
            for ref in range(first, key_end[row]):
                start = bytes_end[ref - 1] if ref else 0
                refs.append((argument[ref], at[ref], size[ref], rows.key_bytes[start : bytes_end[ref]]))
            first = key_end[row]
            self._count(
                self._roles[command[row]],
                offset[row],
                length[row],
                argc[row],
                db[row],
                txn[row],
                time_s[row],
                refs,
            )
            self._index += 1

    # Counting

    def _in_time(self, time_s: int) -> bool:
        options = self.options
        if time_s < 0:
            return options.untimed
        since_s, until_s = options.since_s, options.until_s
        return (since_s is None or time_s >= since_s) and (until_s is None or time_s < until_s)

    def _count(
        self,
        role: CommandRole,
        offset: int,
        length: int,
        argc: int,
        db: int,
        txn: int,
        time_s: int,
        refs: list[tuple[int, int, int, bytes]],
    ) -> None:
        options = self.options
        self._db(db)
        if (options.since_s is not None or options.until_s is not None) and not self._in_time(time_s):
            return
        self._follow_time(time_s, offset)
        if not role.admitted or (options.databases is not None and db not in options.databases):
            return
        extras_from = role.extras_from or 1 << 40
        named = [ref for ref in refs if ref[0] < extras_from]
        extras = [ref[3] for ref in refs if ref[0] >= extras_from]
        keys = [self._key(db, ref[3]) for ref in named]
        if options.admit is not None and not any(key.admitted for key, _ in keys):
            return
        current = self._slice_at(offset, time_s)
        current.commands += 1
        current.size_bytes += length
        self._add_cell(CellKind.COMMAND, role.number, 1, length)
        self._add_cell(CellKind.DB, db, 1, length)
        self._count_command(role.number, offset, length)
        self._histograms[0][length.bit_length()] += 1
        self._histograms[2][argc.bit_length()] += 1
        shares = self._shares(offset, length, named)
        if not keys:
            kind = FRAMING_PREFIX if role.action == Action.FRAMING else KEYLESS_PREFIX
            self._add_cell(CellKind.PREFIX, kind, 1, length)
        for (key, in_table), share, ref in zip(keys, shares, named, strict=True):
            self._count_key(key, in_table, share, ref[2])
        shown = named[0][3][:_KEY_SHOWN] if named else b""
        number = role.number
        self._tops["commands"].offer(Spike(length, self._file, offset, argc, time_s, db, number, shown))
        self._follow_transaction(txn, offset, length, time_s, db, role, shown)
        if role.action in (Action.FLUSH_DB, Action.FLUSH_ALL) and len(self._emptied) < TOP:
            self._emptied.append(Spike(1, self._file, offset, argc, time_s, db, role.number, b""))
        self._follow_expiry(role.action, db, [key for key, _ in keys], extras, current)

    def _key(self, db: int, name: bytes) -> tuple[_Key, bool]:
        """Return a key and whether it stands in the table."""
        found = self._keys.get((db, name))
        if found is not None:
            return found, True
        admitted = self.options.admit is None or bool(self.options.admit(name))
        key = _Key(self._prefix(name) if admitted else OTHER_PREFIX, admitted)
        key.generation = self._generations[self._db(db)]
        limit = self.options.key_limit
        if len(self._keys) >= limit + limit // 4:
            return key, False
        self._keys[db, name] = key
        return key, True

    def _prefix(self, name: bytes) -> int:
        prefix = prefix_of(name, self.options.template)
        number = self._prefixes.get(prefix)
        if number is None:
            if len(self._prefixes) >= self.options.prefix_limit:
                return OTHER_PREFIX
            number = self._prefixes[prefix] = len(self._prefixes) + FIRST_PREFIX
        return number

    def _db(self, db: int) -> int:
        index = self._dbs.get(db)
        if index is None:
            if len(self._dbs) > _DBS_MOST:
                return _DBS_MOST
            index = self._dbs[db] = len(self._dbs)
            self._generations.append(0)
        return index

    def _shares(self, offset: int, length: int, refs: list[tuple[int, int, int, bytes]]) -> list[int]:
        """Return the bytes of each key: up to where the next one starts, so that they add up."""
        starts = [offset, *(ref[1] for ref in refs[1:]), offset + length]
        return [end - start for start, end in itertools.pairwise(starts)] if refs else []

    def _count_key(self, key: _Key, in_table: bool, share: int, size: int) -> None:
        if not key.admitted:
            return
        self._histograms[1][size.bit_length()] += 1
        self.key_writes += 1
        self._add_cell(CellKind.PREFIX, key.prefix, 1, share)
        if in_table:
            key.writes += 1
            key.size_bytes += share
        else:
            self.overflow_writes += 1
            self.overflow_bytes += share

    def _count_command(self, number: int, offset: int, length: int) -> None:
        row = self._commands.setdefault(number, [0, 0, 0, 0, 0])
        row[0] += 1
        row[1] += length
        if length > row[2]:
            row[2:] = [length, self._file, offset]

    # Slices

    def _slice_at(self, offset: int, time_s: int) -> _Slice:
        place = (offset >> self.shift, time_s // self.width_s if time_s >= 0 else -1)
        if self._slice is None or self._slice.place != place:
            self._end_slice()
            self._slice = _Slice(self._file, offset, time_s, place, self._index)
        return self._slice

    def _add_cell(self, kind: int, number: int, commands: int, size_bytes: int) -> None:
        assert self._slice is not None
        cell = self._slice.cells.setdefault((int(kind), number), [0, 0])
        cell[0] += commands
        cell[1] += size_bytes

    def _end_slice(self) -> None:
        if self._slice is not None:
            self._slices.append(self._slice)
            self._slice = None

    # Time and transactions

    def _follow_time(self, time_s: int, offset: int) -> None:
        if time_s < 0 or (self._mark is not None and self._mark[0] == time_s):
            return
        before = self._mark
        self._end_mark(time_s)
        self._mark = (time_s, offset, self._index)
        if before is None:
            return
        step = time_s - before[0]
        if step < 0:
            if len(self._backwards) < TOP:
                self._backwards.append(Spike(-step, self._file, offset, before[0], time_s, 0, -1, b""))
            return
        self._spacings[min(step, SPACINGS - 1)] += 1
        self._tops["gaps"].offer(Spike(step, self._file, offset, before[0], time_s, 0, -1, b""))

    def _end_mark(self, following: int | None) -> None:
        """Offer the commands under the `#TS` in force as a stall."""
        if self._mark is None:
            return
        time_s, offset, index = self._mark
        after = -1 if following is None else following
        self._tops["stalls"].offer(Spike(self._index - index, self._file, offset, after, time_s, 0, -1, b""))

    def _follow_transaction(
        self, txn: int, offset: int, length: int, time_s: int, db: int, role: CommandRole, key: bytes
    ) -> None:
        if txn != self._txn_number:
            self._end_transaction()
            self._txn_number = txn
            if txn:
                self._txn = [offset, 0, 0, time_s, db, role.number]
                self._txn_key = b""
        if self._txn is None:
            return
        self._txn[1] += 1
        self._txn[2] += length
        if not self._txn_key and key:
            self._txn_key, self._txn[4], self._txn[5] = key, db, role.number

    def _end_transaction(self) -> None:
        if self._txn is not None:
            offset, commands, size, time_s, db, command = self._txn
            key = self._txn_key
            self._tops["txn_bytes"].offer(Spike(size, self._file, offset, commands, time_s, db, command, key))
            self._tops["txn_commands"].offer(
                Spike(commands, self._file, offset, size, time_s, db, command, key)
            )
        self._txn = None
        self._txn_number = 0

    # Expire times

    def _follow_expiry(
        self, action: int, db: int, keys: list[_Key], extras: list[bytes], current: _Slice
    ) -> None:
        if action in (Action.FLUSH_DB, Action.FLUSH_ALL):
            self._flush(None if action == Action.FLUSH_ALL else db)
            return
        generation = self._generations[self._db(db)]
        for key in keys:
            if key.generation != generation:
                key.generation, key.deadline_ms = generation, DELETED
        if not keys:
            return
        if action == Action.STREAM_ADD:
            self._follow_stream(extras, current)
        if action in (Action.RENAME, Action.COPY):
            self._carry_deadline(action, keys)
            return
        given = self._deadline(action, extras)
        if given > 0:
            current.deadline_ms = min(current.deadline_ms, given) if current.deadline_ms else given
        # Of a command that stores a result only the first key is written.
        for key in keys[:1] if action == Action.STORE else keys:
            alive = NO_DEADLINE if key.deadline_ms == DELETED else key.deadline_ms
            if action in (Action.TOUCH, Action.STREAM_ADD, Action.FRAMING):
                key.deadline_ms = alive
            elif action == Action.DELETE:
                key.deadline_ms = DELETED
            else:
                key.deadline_ms = given if given >= 0 else alive

    def _deadline(self, action: int, extras: list[bytes]) -> int:
        """Return the expire time a command gives, 0 for none, -1 when it leaves the old one."""
        if action == Action.EXPIRE_MS:
            return (_number(extras[0]) if extras else 0) or -1
        if action == Action.EXPIRE_S:
            return (_number(extras[0]) if extras else 0) * 1000 or -1
        if action != Action.SET:
            return NO_DEADLINE
        for number, extra in enumerate(extras):
            word = extra.upper() if len(extra) < 8 else b""
            if word == b"KEEPTTL":
                return -1
            if word in _WORD and number + 1 < len(extras):
                return _number(extras[number + 1]) * (1 if word == b"PXAT" else 1000)
        return NO_DEADLINE

    def _carry_deadline(self, action: int, keys: list[_Key]) -> None:
        if len(keys) < 2:
            return
        carried = NO_DEADLINE if keys[0].deadline_ms == DELETED else keys[0].deadline_ms
        if action == Action.RENAME:
            keys[0].deadline_ms = DELETED
        keys[1].deadline_ms = carried

    def _follow_stream(self, extras: list[bytes], current: _Slice) -> None:
        if current.stream_ms:
            return
        for extra in extras:
            time_ms = _stream_ms(extra)
            if time_ms:
                current.stream_ms, current.stream_index = time_ms, self._index
                return

    def _flush(self, db: int | None) -> None:
        self.flushes += 1
        if db is not None:
            self._generations[self._db(db)] += 1
        else:
            self._generations = [generation + 1 for generation in self._generations]

    # Results

    @property
    def key_count(self) -> int:
        """Return how many keys stand in the table."""
        return len(self._keys)

    @property
    def full(self) -> bool:
        """Tell whether the keys should be taken out."""
        return len(self._keys) >= self.options.key_limit

    def take_slices(self) -> SliceColumns:
        """Return the finished slices and forget them."""
        columns = [array("q") for _ in SliceColumns._fields]
        cells = 0
        for each in self._slices:
            cells += len(each.cells)
            values = (
                each.file,
                each.offset,
                each.time_s,
                each.commands,
                each.size_bytes,
                each.first_index,
                each.deadline_ms,
                each.stream_ms,
                each.stream_index,
                cells,
            )
            for column, value in zip(columns, values, strict=False):
                column.append(value)
            for (kind, number), (commands, size_bytes) in each.cells.items():
                for column, value in zip(columns[10:], (kind, number, commands, size_bytes), strict=True):
                    column.append(value)
        self._slices = []
        return SliceColumns._make(column.tobytes() for column in columns)

    def take_keys(self) -> KeyColumns:
        """Return all keys of the table and empty it."""
        columns = [array("q") for _ in range(6)]
        names = bytearray()
        for (db, name), key in self._keys.items():
            names += name
            stale = key.generation != self._generations[self._db(db)]
            deadline = DELETED if stale else key.deadline_ms
            values = (db, key.prefix, key.writes, key.size_bytes, deadline, len(names))
            for column, value in zip(columns, values, strict=True):
                column.append(value)
        self._keys = {}
        return KeyColumns._make([*(column.tobytes() for column in columns), bytes(names)])

    def prefixes(self) -> list[bytes]:
        """Return the prefixes by number, from FIRST_PREFIX on."""
        return list(self._prefixes)

    def commands(self) -> dict[int, tuple[int, ...]]:
        """Return (commands, bytes, largest bytes, its file, its offset) by number of the name."""
        return {number: tuple(row) for number, row in self._commands.items()}

    def histograms(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """Return those of command bytes, key bytes and arguments, and the seconds between `#TS` lines."""
        first, second, third = self._histograms
        return list(first), list(second), list(third), list(self._spacings)

    def spikes(self) -> dict[str, list[Spike]]:
        """Return the largest of each kind, and the first flushes and steps back of the clock."""
        found = {name: top.sorted() for name, top in self._tops.items()}
        return {**found, "flushes": list(self._emptied), "backwards": list(self._backwards)}
