"""What a scan counts: rows by name, database and transaction state, annotations. The reference.

Told of every whole command and annotation in order. Knows SELECT, MULTI, EXEC and DISCARD and no other
command; knows nothing of the grammar.
"""

from __future__ import annotations

from array import array

from aoftool.regex import regex
from aoftool.resp.columns import RowColumns
from aoftool.resp.grammar import Limits, ScanOptions
from aoftool.resp.model import (
    INHERITED_DB,
    OTHER_DB,
    OTHER_NAMES,
    Annotations,
    Edge,
    Row,
    RowKey,
    Selects,
    TailTally,
    Transactions,
)

__all__ = ["Key", "Ledger"]

Key = tuple[int, int, int, bytes]
"""Index in argv, offset, length, kept bytes."""

_TIMESTAMP = regex(rb"#TS:([0-9]{1,18})\r?\n")
_DECIMAL = regex(rb"0|[1-9][0-9]{0,9}")
_DB_MAX = 2**31 - 1
_MARKERS = frozenset((b"SELECT", b"MULTI", b"EXEC", b"DISCARD"))
_COLUMNS = len(RowColumns._fields) - 1
_CACHED_DBS = 64
_UNKNOWN = -1


def _canonical_name(captured: bytes) -> bytes:
    """Return the name a row goes by: upper case, cut and marked when too long."""
    if len(captured) > Limits.NAME_BYTES:
        return captured[: Limits.NAME_BYTES].upper() + b"..."
    return captured.upper()


class Ledger:
    """Count commands and annotations as they come, in memory that does not depend on their number."""

    def __init__(self, options: ScanOptions) -> None:
        self.options = options
        self.commands = 0
        self.command_end = options.start
        self.db = 0 if options.known_state else INHERITED_DB
        self.time_s = -1
        # Rows of the current database by name as spelled, for names without a special meaning.
        self.plain_rows: dict[bytes, Row] = {}
        self.annotations = Annotations()
        self._transactions = Transactions()
        self._selects = Selects()
        self._edge = Edge(known=options.known_state)
        self._open = 0 if options.known_state else _UNKNOWN
        self._open_index = 0
        self._txn = 0
        self._rows: dict[tuple[int, int], Row] = {}
        self._ids: dict[tuple[bytes, bytes | None], int] = {(OTHER_NAMES, None): 0}
        self._dbs: set[int] = set()
        self._plain_by_db = {self.db: self.plain_rows}
        self._capped = False
        self._clear_columns()

    # Commands

    def count_command(
        self, name: bytes, second: bytes, argc: int, start: int, length: int, lenient: bool, keys: list[Key]
    ) -> None:
        """Count one whole command; `name` and `second` may be cut to NAME_BYTES + 1."""
        canonical = _canonical_name(name)
        inside = self._txn if self._open == 1 else 0
        if canonical in _MARKERS:
            inside = self._run_marker(canonical, second, argc, start) or inside
        subcommand = None
        if canonical in self.options.containers and argc > 1:
            subcommand = _canonical_name(second)
        number = self._number(canonical, subcommand)
        row = self._row(number, self.db)
        row.commands += 1
        row.bytes += length
        if length > row.largest_bytes:
            row.largest_bytes, row.largest_offset = length, start
        row.note_argc(argc)
        self.commands += 1
        self.command_end = start + length
        if canonical not in _MARKERS and canonical not in self.options.containers and number:
            self._remember_plain(name, row)
        if self.options.rows:
            values = (start, length, argc, number, self.db, inside, self.time_s, int(lenient))
            self._add_columns(values, keys)

    def _remember_plain(self, name: bytes, row: Row) -> None:
        if len(self.plain_rows) >= Limits.NAMES:
            self.plain_rows.clear()
        if len(name) <= Limits.NAME_BYTES:
            self.plain_rows[name] = row

    def _number(self, name: bytes, subcommand: bytes | None) -> int:
        key = (name, subcommand)
        number = self._ids.get(key)
        if number is None:
            if len(self._ids) > Limits.NAMES:
                self._capped = True
                return 0
            number = self._ids[key] = len(self._ids)
        return number

    def _row(self, number: int, db: int) -> Row:
        if db not in self._dbs:
            if len(self._dbs) < Limits.DBS:
                self._dbs.add(db)
            else:
                self._capped = True
                db = OTHER_DB
        row = self._rows.get((number, db))
        if row is None and len(self._rows) >= Limits.ROWS and db != OTHER_DB:
            self._capped = True
            db = OTHER_DB
            row = self._rows.get((number, db))
        if row is None:
            row = self._rows[number, db] = Row()
        return row

    # Database and transaction state

    def _run_marker(self, name: bytes, second: bytes, argc: int, start: int) -> int:
        """Follow the state; return the transaction number of an EXEC or MULTI, else 0."""
        if name == b"SELECT":
            self._run_select(second, argc, start)
            return 0
        if name == b"DISCARD":
            self._run_discard(start)
            return 0
        if self._open == _UNKNOWN:
            self._edge.event, self._edge.event_offset = name.decode(), start
            self._edge.commands = self.commands
        return self._run_multi(start) if name == b"MULTI" else self._run_exec(start)

    def _run_select(self, second: bytes, argc: int, start: int) -> None:
        valid = argc == 2 and _DECIMAL.fullmatch(second) and int(second) <= _DB_MAX
        self._selects.count += 1
        if not valid:
            self._selects.invalid.note(start)
            return
        self.db = int(second)
        if len(self._plain_by_db) > _CACHED_DBS:
            self._plain_by_db.clear()
        self.plain_rows = self._plain_by_db.setdefault(self.db, {})

    def _run_discard(self, start: int) -> None:
        if self._open == _UNKNOWN:
            self._edge.discards.note(start)
        elif self._open:
            self._transactions.discards_inside.note(start)
        else:
            self._transactions.lone_discards.note(start)

    def _run_multi(self, start: int) -> int:
        if self._open == 1:
            self._transactions.nested.note(start)
            return self._txn
        self._open = 1
        self._txn += 1
        self._transactions.open_offset = start
        self._open_index = self.commands
        return self._txn

    def _run_exec(self, start: int) -> int:
        was, self._open = self._open, 0
        if was == 0:
            self._transactions.lone_execs.note(start)
            return 0
        self._transactions.count += 1
        self._transactions.open_offset = None
        return self._txn

    # Annotations

    def count_annotation(self, line: bytes, start: int) -> None:
        """Count one whole annotation line, its terminator included."""
        notes = self.annotations
        notes.count += 1
        notes.bytes += len(line)
        match = _TIMESTAMP.fullmatch(line)
        if match:
            self._count_timestamp(int(match[1]), start)
        else:
            self._count_kind(line)

    def _count_timestamp(self, time_s: int, start: int) -> None:
        notes = self.annotations
        if notes.last_s is not None and time_s < notes.last_s:
            notes.backwards.note(start)
        if not notes.timestamps:
            notes.first_offset = start
        notes.timestamps += 1
        notes.first_s = time_s if notes.first_s is None else notes.first_s
        notes.last_s = self.time_s = time_s
        notes.min_s = time_s if notes.min_s is None else min(notes.min_s, time_s)
        notes.max_s = time_s if notes.max_s is None else max(notes.max_s, time_s)

    def _count_kind(self, line: bytes) -> None:
        colon = line.find(b":")
        kind = line[1:colon][: Limits.KIND_BYTES] if colon > 0 else b""
        kinds = self.annotations.kinds
        if kind not in kinds and len(kinds) >= Limits.KINDS:
            kind = OTHER_NAMES
        kinds[kind] = kinds.get(kind, 0) + 1

    # Results

    @property
    def names_count(self) -> int:
        """Return how many names were given a number, number 0 included."""
        return len(self._ids)

    def names(self) -> list[tuple[bytes, bytes | None]]:
        """Return (name, subcommand) by command number; number 0 takes names without a place."""
        return list(self._ids)

    def tally(self) -> TailTally:
        """Return what was counted; grammar, stop and extent are the scanner's to add."""
        names = self.names()
        rows: dict[RowKey, Row] = {}
        for (number, db), row in self._rows.items():
            rows.setdefault(RowKey(*names[number], db), Row()).merge(row)
        self._selects.last_db = self.db
        self._transactions.open_commands = self.commands - self._open_index - 1 if self._open == 1 else 0
        if self._edge.event is None and not self._edge.known:
            self._edge.commands = self.commands
        return TailTally(
            start=self.options.start,
            commands=self.commands,
            rows=rows,
            annotations=self.annotations,
            transactions=self._transactions,
            selects=self._selects,
            capped=self._capped,
            streams=1,
            edge=self._edge,
        )

    # Columns

    def _clear_columns(self) -> None:
        self._columns = [array("q") for _ in range(_COLUMNS)]
        self._key_bytes = bytearray()

    def _add_columns(self, values: tuple[int, ...], keys: list[Key]) -> None:
        columns = self._columns
        for column, value in zip(columns, values, strict=False):
            column.append(value)
        for argument, offset, length, kept in keys:
            self._key_bytes += kept
            for column, value in zip(
                columns[9:], (argument, offset, length, len(self._key_bytes)), strict=True
            ):
                column.append(value)
        columns[8].append(len(columns[9]))

    def take_rows(self) -> RowColumns:
        """Return the rows since the last call and forget them."""
        columns = RowColumns._make([*(column.tobytes() for column in self._columns), bytes(self._key_bytes)])
        self._clear_columns()
        return columns
