"""The table of commands: the scanner's columns, filtered and shown, batch by batch.

No command becomes an object, but for those few whose keys must be looked for among their arguments. A filter
asks what that of `aoftool log` asks; but what stands inside RREPLAY of KeyDB is not taken apart here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from aoftool.analysis.census.roles import key_rules
from aoftool.analysis.clock.bounds import LogClock
from aoftool.analysis.clock.clues import inferred_note
from aoftool.analysis.clock.model import TimeSource
from aoftool.analysis.commands.filter import CommandFilter
from aoftool.analysis.tables.arguments import ArgumentReader, in_parts
from aoftool.analysis.tables.keys import KeyColumns
from aoftool.analysis.tables.names import KINDS, TYPES, NameColumns, known_keys
from aoftool.analysis.tables.scanning import Piece, Scanned
from aoftool.aof.model import Log, Place
from aoftool.aof.survey import Survey
from aoftool.commands.roles import keys_of
from aoftool.commands.wrapped import WRAPPER
from aoftool.dataclass import dataclass, field
from aoftool.progress import Progress, no_progress
from aoftool.redaction import Redactor
from aoftool.tables.batch import Batch, Chosen, Data, Lists, Numbers, Texts, texts_of
from aoftool.tables.schema import table_named

__all__ = ["CAUSES", "FATES", "CommandRows", "CommandTable", "FateColumns"]

FATES = ("live", "trimmed", "dead")
CAUSES = ("overwritten", "deleted", "flushed", "no-effect", "framing", "unfinished", "needless")
_SOURCES = tuple(TimeSource)
_SOURCE_WORDS = tuple(source.value for source in _SOURCES)

Column = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class FateColumns(Protocol):
    """Tells what becomes of commands."""

    def of(self, file_number: int, offsets: Column) -> tuple[Column, Column]:
        """Return numbers in FATES and in CAUSES for the commands at these offsets, ascending; -1 for none."""


@dataclass(frozen=True, slots=True)
class CommandTable:
    """Which commands, and which columns of them.

    Attributes:
        wanted: what a command must be.
        columns: names of the columns to make.
        clock: bounds the times of commands without `#TS`.
        fates: tells what becomes of commands; None for no such columns.
        arguments: make the column of arguments, for inputs that can be read twice.
        redactor: hides keys and values.
        limit: end behind so many rows.
    """

    wanted: CommandFilter = field(default_factory=CommandFilter)
    columns: frozenset[str] = frozenset(table_named("commands").names)
    clock: LogClock | None = None
    fates: FateColumns | None = None
    arguments: bool = False
    redactor: Redactor | None = None
    limit: int | None = None


class CommandRows:
    """Iterate over batches of the table of commands, once.

    Afterwards `survey` says what each file holds and where it stops making sense, None if the iteration did
    not come to the end; `rows` how many there were, and `notes` what is to be known of them.
    """

    def __init__(self, log: Log, asked: CommandTable, progress: Progress = no_progress) -> None:
        self._log, self._asked = log, asked
        self._scanned = Scanned(log, key_rules(extras=False), progress)
        self._names: dict[int, NameColumns] = {}
        self._arguments = ArgumentReader(log, asked.redactor)
        self._files = texts_of([file.shown_name for file in log.files])
        self._sources: set[TimeSource] = set()
        self._times_seen = False
        self.rows = 0
        self.notes: list[str] = []

    @property
    def survey(self) -> Survey | None:
        """Return what each file holds."""
        return self._scanned.survey

    def __iter__(self) -> Iterator[Batch]:
        with self._arguments:
            for piece in self._scanned:
                for batch in self._batches(piece):
                    self.rows += batch.rows
                    yield batch
                if self.rows == self._asked.limit:
                    break
        self._note()

    def _note(self) -> None:
        asked = self._asked
        if asked.wanted.asks_time:
            note = inferred_note(self._sources)
            if not note and not self._times_seen and asked.clock is None:
                note = "no command has a time: without #TS annotations --since and --until find nothing"
            if note:
                self.notes.append(note)
        self.notes += self._arguments.notes

    def _batches(self, piece: Piece) -> Iterator[Batch]:
        maker = _Maker(self, piece)
        chosen = maker.chosen()
        if self._asked.limit is not None:
            chosen = chosen[: self._asked.limit - self.rows]
        if not len(chosen):
            return
        lengths = np.frombuffer(piece.rows.length, np.int64)
        for part in in_parts(chosen, lengths) if self._asked.arguments else [chosen]:
            yield Batch(len(part), {name: maker.column(name, part) for name in self._asked.columns})


class _Maker:
    """Makes the columns of one piece."""

    def __init__(self, table: CommandRows, piece: Piece) -> None:
        self._table, self._piece = table, piece
        self._asked = table._asked
        rows = piece.rows
        self._offset = np.frombuffer(rows.offset, np.int64)
        self._length = np.frombuffer(rows.length, np.int64)
        self._time_s = np.frombuffer(rows.time_s, np.int64)
        self._db = np.frombuffer(rows.db, np.int64)
        self._txn = np.frombuffer(rows.txn, np.int64)
        self._number = np.frombuffer(rows.command, np.int64)
        names = table._names.setdefault(
            piece.file_number, NameColumns(self._asked.wanted, self._asked.redactor)
        )
        names.learn(piece.names)
        self._names = names
        self._bounds: tuple[Column, Column, Column, Column] | None = None
        self._fates: tuple[Column, Column] | None = None
        self._keys: KeyColumns | None = None
        self._key_texts: Texts | None = None
        table._times_seen = table._times_seen or bool((self._time_s >= 0).any())
        if WRAPPER in (name for name, _ in piece.names):
            self._note_wrapped()

    def _note_wrapped(self) -> None:
        text = f"commands inside {WRAPPER.decode()} are not taken apart here: log shows them"
        if text not in self._table.notes:
            self._table.notes.append(text)

    # Which rows

    def chosen(self) -> Column:
        """Return the numbers of the rows that the filter admits."""
        wanted = self._asked.wanted
        admitted = np.ones(len(self._offset), np.bool_)
        if wanted.names:
            admitted &= self._names.wanted[self._number]
        if wanted.min_size:
            admitted &= self._length >= wanted.min_size
        if wanted.dbs is not None:
            admitted &= np.isin(self._db, list(wanted.dbs))
        if wanted.txn is not None:
            admitted &= self._txn == wanted.txn
        admitted &= self._in_place()
        if wanted.asks_time:
            admitted &= self._in_time()
        if wanted.keys or wanted.selection is not None:
            admitted &= self._keyed(admitted)
        return np.flatnonzero(admitted)

    def _in_place(self) -> Flags:
        stretch, number = self._asked.wanted.stretch, self._piece.file_number
        inside = np.ones(len(self._offset), np.bool_)
        if stretch.first is not None:
            inside &= _at_or_behind(stretch.first, number, self._offset)
        if stretch.last is not None:
            inside &= ~_at_or_behind(stretch.last, number, self._offset)
        return inside

    def _in_time(self) -> Flags:
        stretch = self._asked.wanted.stretch
        first, last, _, until = self._times()
        inside: Flags = (self._time_s >= 0) | (until != -2)
        if stretch.since_s is not None:
            inside &= (last < 0) | (last // 1000 >= stretch.since_s)
        if stretch.until_s is not None:
            inside &= (first < 0) | (first // 1000 <= stretch.until_s)
        return inside

    def _keyed(self, among: Flags) -> Flags:
        wanted, selection = self._asked.wanted, self._asked.wanted.selection
        asked: list[Callable[[bytes], bool]] = []
        if wanted.keys:
            asked.append(wanted.keys.__contains__)
        if selection is not None:
            asked.append(lambda key: selection.admits(0, key, "", None))
        hit = among
        for question in asked:
            hit = hit & self._with_key(question, hit)
        return hit

    def _with_key(self, question: Callable[[bytes], bool], among: Flags) -> Flags:
        """Tell which rows have a key of which something is true; it is asked once a key."""
        keys, known = self.keys(), dict[bytes, bool]()

        def admits(key: bytes) -> bool:
            found = known.get(key)
            if found is None:
                found = known[key] = question(key)
            return found

        before = np.zeros(len(keys.length) + 1, np.int64)
        np.cumsum([admits(key) for key in keys.every()], out=before[1:])
        hit: Flags = before[keys.start[1:]] > before[keys.start[:-1]]
        for row in np.flatnonzero(self._names.searched[self._number] & among).tolist():
            argv = self._argv(row)
            if argv is not None:
                hit[row] = any(map(admits, keys_of(argv)))
        return hit

    # Columns

    def column(self, name: str, chosen: Column) -> Data:
        """Return a column of the table for some rows."""
        make = getattr(self, f"_make_{name}")
        made: Data = make(chosen)
        return made

    def _make_file(self, chosen: Column) -> Data:
        return Chosen(np.full(len(chosen), self._piece.file_number, np.int64), self._table._files)

    def _make_file_number(self, chosen: Column) -> Data:
        return Numbers(np.full(len(chosen), self._piece.file_number, np.int32))

    def _make_offset(self, chosen: Column) -> Data:
        return Numbers(_of(self._offset, chosen))

    def _make_size_bytes(self, chosen: Column) -> Data:
        return Numbers(_of(self._length, chosen))

    def _make_index(self, chosen: Column) -> Data:
        return Numbers(chosen + self._piece.first_index)

    def _make_time(self, chosen: Column) -> Data:
        time_s = _of(self._time_s, chosen)
        return Numbers(time_s * 1000, _some(time_s >= 0))

    def _make_earliest(self, chosen: Column) -> Data:
        first, _, since, _ = self._times()
        return Numbers(_of(first, chosen), _some(_of(since, chosen) >= 0))

    def _make_latest(self, chosen: Column) -> Data:
        _, last, _, until = self._times()
        return Numbers(_of(last, chosen), _some(_of(until, chosen) >= 0))

    def _make_earliest_from(self, chosen: Column) -> Data:
        return Chosen(_of(self._times()[2], chosen), _words(_SOURCE_WORDS))

    def _make_latest_from(self, chosen: Column) -> Data:
        return Chosen(np.maximum(_of(self._times()[3], chosen), -1), _words(_SOURCE_WORDS))

    def _make_db(self, chosen: Column) -> Data:
        return Numbers(_of(self._db, chosen))

    def _make_txn(self, chosen: Column) -> Data:
        return Numbers(_of(self._txn, chosen))

    def _make_name(self, chosen: Column) -> Data:
        return Chosen(_of(self._number, chosen), self._names.texts)

    def _make_kind(self, chosen: Column) -> Data:
        return Chosen(self._names.kinds[_of(self._number, chosen)], _words(KINDS))

    def _make_type(self, chosen: Column) -> Data:
        return Chosen(self._names.types[_of(self._number, chosen)], _words(TYPES))

    def _make_argc(self, chosen: Column) -> Data:
        return Numbers(_of(np.frombuffer(self._piece.rows.argc, np.int64), chosen).astype(np.int32))

    def _make_key(self, chosen: Column) -> Data:
        return Chosen(self._first_key(chosen), self._texts())

    def _make_key_bytes(self, chosen: Column) -> Data:
        first = self._first_key(chosen)
        length = np.append(self.keys().length, 0)
        return Numbers(length[first], _some(first >= 0))

    def _make_key_count(self, chosen: Column) -> Data:
        return Numbers(_of(np.diff(self.keys().start), chosen).astype(np.int32))

    def _make_other_keys(self, chosen: Column) -> Data:
        start = self.keys().start
        counts = _of(np.maximum(np.diff(start) - 1, 0), chosen)
        offsets = np.zeros(len(chosen) + 1, np.int32)
        np.cumsum(counts, out=offsets[1:])
        firsts = np.repeat(_of(start[:-1], chosen) + 1 - offsets[:-1], counts)
        numbers = firsts + np.arange(len(firsts))
        return Lists(offsets, Chosen(numbers, self._texts()), counts > 0)

    def _make_fate(self, chosen: Column) -> Data:
        return Chosen(_of(self._fate()[0], chosen), _words(FATES))

    def _make_cause(self, chosen: Column) -> Data:
        return Chosen(_of(self._fate()[1], chosen), _words(CAUSES))

    def _make_arguments(self, chosen: Column) -> Data:
        if not self._asked.arguments:
            return Lists(np.zeros(len(chosen) + 1, np.int32), texts_of([]), np.zeros(len(chosen), np.bool_))
        return self._table._arguments.column(
            self._piece.file_number, _of(self._offset, chosen), _of(self._length, chosen)
        )

    # What several columns are made of

    def keys(self) -> KeyColumns:
        """Return the keys, those that must be looked for among them."""
        if self._keys is None:
            self._keys = KeyColumns.of(self._piece.rows)
            found: dict[int, Sequence[bytes]] = {}
            for row in np.flatnonzero(self._names.searched[self._number]).tolist():
                argv = self._argv(row)
                if argv is not None:
                    found[row] = known_keys(argv)
            if found:
                self._keys = self._keys.replaced(found)
        return self._keys

    def _argv(self, row: int) -> list[bytes] | None:
        number = self._piece.file_number
        return self._table._arguments.argv(number, int(self._offset[row]), int(self._length[row]))

    def _texts(self) -> Texts:
        if self._key_texts is None:
            self._key_texts = self.keys().texts(self._asked.redactor)
        return self._key_texts

    def _first_key(self, chosen: Column) -> Column:
        start = self.keys().start
        return _of(np.where(start[1:] > start[:-1], start[:-1], -1), chosen)

    def _times(self) -> tuple[Column, Column, Column, Column]:
        """Return earliest and latest times and their sources; -1 for nothing, -2 where no clock was asked."""
        if self._bounds is None:
            self._bounds = self._bounded()
        return self._bounds

    def _bounded(self) -> tuple[Column, Column, Column, Column]:
        timed = self._time_s >= 0
        annotation = _SOURCES.index(TimeSource.ANNOTATION)
        first = np.where(timed, self._time_s * 1000, -1)
        last = np.where(timed, first + 999, -1)
        since, until = np.where(timed, annotation, -1), np.where(timed, annotation, -2)
        clock = self._asked.clock
        rows = np.flatnonzero(~timed)
        if clock is not None and len(rows):
            found = clock.columns(self._piece.file_number, self._offset[rows])
            first[rows], last[rows], since[rows], until[rows] = found
            codes = {code for each in found[2:] for code in np.unique(each).tolist()}
            self._table._sources |= {_SOURCES[code] for code in codes if code >= 0}
        return first, last, since, until

    def _fate(self) -> tuple[Column, Column]:
        if self._fates is None:
            fates = self._asked.fates
            if fates is None:
                none = np.full(len(self._offset), -1, np.int64)
                self._fates = none, none
            else:
                self._fates = fates.of(self._piece.file_number, self._offset)
        return self._fates


def _at_or_behind(place: Place, number: int, offsets: Column) -> Flags:
    if number != place.file:
        return np.full(len(offsets), number > place.file, np.bool_)
    behind: Flags = offsets >= place.offset
    return behind


def _of(column: Column, chosen: Column) -> Column:
    """Return the cells of the chosen rows, ascending; where those are all, nothing is copied."""
    return column if len(chosen) == len(column) else column[chosen]


def _some(valid: Flags) -> Flags | None:
    return None if valid.all() else valid


def _words(words: tuple[str, ...]) -> Texts:
    return texts_of(words)
