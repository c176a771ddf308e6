"""Hold the RDB part of a log against what the commands behind it do.

One pass decides every record: dead (replaced, deleted or flushed later), touched by a live command, or
free to be copied. Records are read again when they are written, so memory does not grow with them.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from aoftool.columns import Column
from aoftool.databases import MOST_DATABASES
from aoftool.dataclass import dataclass, field, replace
from aoftool.errors import RdbError, UnsupportedError
from aoftool.files import open_source
from aoftool.liveness.model import Fate, Trace
from aoftool.namedtuple import NamedTuple
from aoftool.next_step import again, next_step
from aoftool.progress import Progress, no_progress
from aoftool.rdb.damage import EncodingDamage
from aoftool.rewrite.model import BaseCounts
from aoftool.units import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aoftool.rdb.records.record import Record, RecordContext
    from aoftool.rdb.walk.summary import RdbWalk
    from aoftool.rewrite.decide.base_rows import Decider

__all__ = ["BaseKeys", "Covered", "Run", "beyond_error", "need_whole"]

# Rows of touched records that are remembered (104 bytes each); of more of them none.
_REMEMBERED_ROWS = 1 << 18
_FLUSHED = int(Fate.FLUSHED)
_DELETED = int(Fate.DELETED)


class Covered(Protocol):
    """K at the start of the commands."""

    def cause(self, key: int) -> int:
        """Return why a key of the table is replaced later, or 0."""

    def causes(self) -> Column:
        """Return the cause of every key."""

    def covers_unnamed(self, db: int) -> bool:
        """Tell whether keys that no command names are flushed later."""


class Run(NamedTuple):
    """Records that stand side by side and are copied as they are."""

    start: int
    end: int
    db: int
    keys: int
    expires: int


class _Runs:
    """Join records into runs, as long as all of them can be copied."""

    def __init__(self) -> None:
        self._runs: list[Run] | None = []
        self._start = self._end = self._db = -1
        self._keys = self._expires = 0

    def add(self, start: int, end: int, db: int, expiring: bool, copyable: bool) -> None:
        self._join(start, end, db, 1, int(expiring))
        if not copyable:
            self._runs = None

    def _join(self, start: int, end: int, db: int, keys: int, expires: int) -> None:
        if start != self._end or db != self._db:
            self._finish()
            self._start, self._db = start, db
            self._keys = self._expires = 0
        self._end = end
        self._keys += keys
        self._expires += expires

    def _finish(self) -> None:
        if self._keys and self._runs is not None:
            self._runs.append(Run(self._start, self._end, self._db, self._keys, self._expires))

    def close(self) -> list[Run] | None:
        """Return the runs; None when some record must be written anew."""
        self._finish()
        return self._runs


@dataclass
class BaseKeys:
    """The records of one RDB part.

    Attributes:
        path: file that starts with the part; None when the log has none.
        held: one byte a key of the trace's table: it has a live record.
        databases: live records by physical database.
        expires: those of them with an expire time that no live command writes.
        only_read: (records, those with an expire time) that were loaded for reading only, by physical
            database; set by who loads them.
        dead_by_cause: (records, bytes) by cause.
        runs: the live records that no live command writes, where all of them can be copied as they
            are; None where some cannot.
    """

    path: str | None
    trace: Trace
    covered: Covered
    held: bytearray
    databases: dict[int, int] = field(default_factory=dict)
    expires: dict[int, int] = field(default_factory=dict)
    only_read: dict[int, tuple[int, int]] = field(default_factory=dict)
    counts: BaseCounts = field(default_factory=BaseCounts)
    dead_by_cause: dict[str, tuple[int, int]] = field(default_factory=dict)
    summary: RdbWalk | None = None
    runs: list[Run] | None = None
    _remembered: list[tuple[NDArray[Any], NDArray[np.int64]]] | None = None
    _context: RecordContext | None = None

    @classmethod
    def of(cls, path: str | None, trace: Trace, covered: Covered) -> BaseKeys:
        """Return an empty account; `read` fills it."""
        return cls(path, trace, covered, bytearray(len(trace.keys)))

    def records(
        self, progress: Progress = no_progress, *, only: int | None = None
    ) -> Iterator[tuple[Record, int, int]]:
        """Yield (record, key number or -1, cause of death or 0) of every record, in file order.

        Args:
            only: the one database whose records are wanted.

        Raises:
            RdbError: the part is damaged.
        """
        if self.path is None:
            return
        # Here, as below: most logs hold no RDB part, and reading one takes many modules.
        from aoftool.rdb.records.reader import RecordReader

        find, cause = self.trace.keys.find, self.covered.cause
        gone = None if self.trace.emptied is None else self.trace.emptied_before
        unnamed = {db: self.covered.covers_unnamed(db) for db in range(self.trace.databases)}
        with open_source(self.path) as source:
            reader = RecordReader(source, 0, progress, skip_empty=True)
            for batch in reader.batches():
                for record in batch:
                    db = record.db
                    if only is not None and db != only:
                        continue
                    number = find(db, record.key)
                    if gone is not None and gone(number, record.key):
                        yield record, number, _DELETED
                    elif number >= 0:
                        yield record, number, cause(number)
                    else:
                        yield record, -1, _FLUSHED if unnamed.get(db) else 0
            self.summary = reader.summary
            self._context = reader.context
        need_whole(self.summary, self.path)

    def to_load(
        self,
        touched: bytearray,
        patterns: Container[int],
        progress: Progress = no_progress,
    ) -> Iterator[tuple[Record, int]]:
        """Yield (record, key number or -1) of live records that live commands may read, in file order.

        Args:
            touched: as for `read`, which came before.
            patterns: databases all of whose records are wanted.
        """
        if self._remembered is not None and not patterns:
            yield from self._load_remembered()
            return
        for record, number, cause in self.records(progress):
            if not cause and (record.db in patterns or (number >= 0 and touched[number])):
                yield record, number

    def _load_remembered(self) -> Iterator[tuple[Record, int]]:
        assert self.path is not None
        assert self._context is not None
        from aoftool.rdb.records.record import record_of_row

        with open_source(self.path) as source:
            context = replace(self._context, source=source)
            for rows, numbers in self._remembered or ():
                for row, number in zip(rows.tolist(), numbers.tolist(), strict=True):
                    yield record_of_row(row, context), number

    def read(
        self,
        touched: bytearray,
        written: bytearray,
        copyable: Container[int],
        progress: Progress = no_progress,
    ) -> None:
        """Decide every record.

        Args:
            touched, written: one byte a key: a live command touches it, and may write it.
            copyable: type bytes whose records the target reads as they are.
        """
        if self.path is None or not self._read_rows(self.path, touched, written, copyable, progress):
            self._read_records(touched, written, copyable, progress)
        self._refuse_beyond()
        if self._context is not None:
            # Counted with the others: they stand in the part, whatever servers do with them.
            self.counts.empty = self._context.empty
            self.counts.keys += self._context.empty
            self.counts.size_bytes += self._context.empty_bytes

    def _read_records(
        self,
        touched: bytearray,
        written: bytearray,
        copyable: Container[int],
        progress: Progress,
    ) -> None:
        """Decide record by record: the specification of `_read_rows`."""
        counts, databases, expires = self.counts, self.databases, self.expires
        run = _Runs()
        for record, number, cause in self.records(progress):
            start, end, db = record.start, record.end, record.db
            counts.keys += 1
            counts.size_bytes += end - start
            if cause:
                self._bury(Fate(cause), end - start)
                continue
            expiring = record.expire_at_ms is not None
            databases[db] = databases.get(db, 0) + 1
            if number >= 0:
                self.held[number] = 1
                counts.touched += int(touched[number])
                counts.touched_bytes += (end - start) * int(touched[number])
                if written[number]:
                    continue
            expires[db] = expires.get(db, 0) + expiring
            run.add(start, end, db, expiring, record.type_id in copyable and not record.split_times)
        self.runs = run.close()

    def _read_rows(
        self,
        path: str,
        touched: bytearray,
        written: bytearray,
        copyable: Container[int],
        progress: Progress,
    ) -> bool:
        """Decide many records at once, by columns; false, and nothing done, where that cannot be."""
        import numpy as np

        from aoftool.rewrite.decide.base_rows import Decider, RowReader, rows_of, usable

        if not usable(self.trace):
            return False
        databases = range(self.trace.databases)
        unnamed = np.array([_FLUSHED * self.covered.covers_unnamed(db) for db in databases], np.uint8)
        reads = np.array([number in copyable for number in range(256)], np.uint8)
        decider = Decider(self.covered.causes(), touched, written, self.held, unnamed, reads)
        remembered: list[tuple[NDArray[Any], NDArray[np.int64]]] = []
        with open_source(path) as source:
            reader = RowReader(source, 0, progress, skip_empty=True, ahead=True)
            for packed, numbers in reader.numbered(self.trace):
                hits = np.flatnonzero(decider.add(packed, numbers))
                if decider.beyond >= 0:
                    self.databases[decider.beyond] = 1
                    return True
                if len(hits) and decider.touched_keys <= _REMEMBERED_ROWS:
                    remembered.append((rows_of(packed)[hits], numbers[hits]))
            self.summary = reader.summary
            self._context = reader.context
        decider.close()
        need_whole(self.summary, path)
        self._take_over(decider)
        if decider.touched_keys <= _REMEMBERED_ROWS:
            self._remembered = remembered
        return True

    def _take_over(self, decider: Decider) -> None:
        counts = self.counts
        counts.keys, counts.size_bytes = decider.keys, decider.size_bytes
        counts.touched, counts.touched_bytes = decider.touched_keys, decider.touched_bytes
        for cause, records, size in decider.dead():
            self._bury(Fate(cause), size, records)
        live, expiring = decider.databases()
        for db, records in enumerate(live.tolist()):
            if records:
                self.databases[db], self.expires[db] = records, int(expiring[db])
        self.runs = [Run(*run) for run in decider.runs] if decider.copyable else None

    def _refuse_beyond(self) -> None:
        highest = max(self.databases, default=0)
        if highest >= self.trace.databases:
            raise beyond_error(highest, self.trace.databases, self.path)

    def _bury(self, cause: Fate, size: int, records: int = 1) -> None:
        name = cause.name.lower()
        keys, total = self.dead_by_cause.get(name, (0, 0))
        self.dead_by_cause[name] = keys + records, total + size
        self.counts.dead += records
        self.counts.dead_bytes += size

    def place(self, damage: EncodingDamage) -> EncodingDamage:
        """Return the damage of a value with the file that it stands in, and what to type."""
        damage.path = self.path
        if self.path is not None:
            damage.hint = next_step("check", self.path, "--level deep")
        return damage

    def database_flags(self) -> bytearray:
        """Return one byte a physical database: it has a live record."""
        flags = bytearray(self.trace.databases)
        for db in self.databases:
            flags[db] = 1
        return flags


def beyond_error(highest: int, databases: int, path: str | None) -> UnsupportedError:
    """Return the error for keys in a database that the target has not."""
    # A number above is taken for damage, and no advice is given that would need memory for so many.
    can_be = highest < MOST_DATABASES
    return UnsupportedError(
        f"the RDB part has keys in database {highest}, the target has {counted(databases, 'database')}",
        path=path,
        hint=again(("--databases", str(highest + 1))) if can_be else next_step("check", path or os.curdir),
    )


def need_whole(summary: RdbWalk, path: str) -> None:
    """Refuse a part that a server would refuse."""
    if summary.stop is not None or summary.end_offset is None:
        message = summary.stop.message if summary.stop else "the RDB part has no end"
        offset = summary.stop.offset if summary.stop else summary.good_end
        raise RdbError(message, path=path, offset=offset, hint=next_step("check", path))
