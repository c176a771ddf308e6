"""The keys of a whole log: what a server holds after loading it, each with the command that wrote it last.

Stands on the plan of a rewrite: base records that no live command writes are taken as they stand, the
others are replayed. Knows nothing of where a result goes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aoftool.analysis.keys.measure import EXPIRE_BYTES, Measure, elements_of
from aoftool.analysis.keys.model import KeyRow
from aoftool.aof.model import Log
from aoftool.columns import Column, column_of
from aoftool.commands.effects import unexecuted_names
from aoftool.commands.modules import engine_of_form, module_of
from aoftool.commands.table import lookup
from aoftool.databases import setting_words
from aoftool.dataclass import dataclass
from aoftool.errors import NotJudgedError, UnsupportedError
from aoftool.escape import excerpt
from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.selection import KeySelection
from aoftool.liveness.carry import Carrier
from aoftool.liveness.model import Chunk, RefEffect, Trace
from aoftool.next_step import next_step, quoted
from aoftool.progress import Progress, no_progress
from aoftool.rdb.extras import base_member_note
from aoftool.rdb.records.record import Record
from aoftool.replay.doubt import unknown_form
from aoftool.replay.writer import target_of
from aoftool.replay.writer_model import Writer
from aoftool.rewrite.ask.rivalry import dispute_notes
from aoftool.rewrite.decide.picking import chosen_keys, chosen_rows, count_homes, flags_of, in_database
from aoftool.rewrite.decide.touch_arrays import chunk_touches
from aoftool.rewrite.decide.touches import understood_rows
from aoftool.rewrite.inputs import cut_note
from aoftool.rewrite.model import RewriteSummary
from aoftool.rewrite.planner import RewritePlan
from aoftool.rewrite.replay.partitions import partitions
from aoftool.rewrite.replay.replaying import Partition, UnknownFormError
from aoftool.rewrite.replay.texts import TextReader
from aoftool.rewrite.runner import replayed
from aoftool.rewrite.write.emitting import FirstWrites, first_writes
from aoftool.rewrite.write.plain_sets import plain_set_values
from aoftool.values import Value

__all__ = ["FinalKeys", "LastWrites", "last_writes"]


@dataclass(slots=True)
class LastWrites:
    """Who wrote the keys of a trace.

    Attributes:
        counts: commands that may write each key, dead ones too; flushes name no key and do not count.
        chunks, rows: the last of them; meaningless where the count is 0.
    """

    counts: NDArray[np.int64]
    chunks: NDArray[np.int32]
    rows: NDArray[np.int32]


def last_writes(trace: Trace) -> LastWrites:
    """Count the writes of every key up to the first opaque command."""
    size = len(trace.keys)
    found = LastWrites(np.zeros(size, np.int64), np.zeros(size, np.int32), np.zeros(size, np.int32))
    for number, chunk, stop in understood_rows(trace):
        rows, keys = _writes(chunk, stop)
        found.counts += np.bincount(keys, minlength=size)
        # Of equal keys the last assignment stays.
        found.chunks[keys] = number
        found.rows[keys] = rows
    return found


def _writes(chunk: Chunk, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (rows, keys) of all writes in order, a key once for each row that writes it."""
    touches = chunk_touches(chunk, stop, dead=True)
    writes = touches.effects != RefEffect.READS
    rows, keys = touches.rows[writes], touches.keys[writes].astype(np.int64)
    again = np.flatnonzero(np.bincount(rows, minlength=stop) > 1)
    if len(again):
        first = np.unique(rows * (int(keys.max()) + 1) + keys, return_index=True)[1]
        rows, keys = rows[first], keys[first]
    return rows, keys


class FinalKeys:
    """Iterate over the selected keys of a log; once, while the plan is open.

    Records of the RDB part come first, in the order of the file, then written keys by database, each at
    the place of the first command that is still needed for it. `shown` says how many there were, and `notes`
    what a reader must know of them.

    Args:
        plan: of a rewrite that selects nothing away; its cut says which moment is meant.
        log: for the names of its files.
        min_size_bytes: only records at least this large.
        values: give the values too.
        limit: stop after so many keys.

    Raises:
        UnsupportedError: a command may do anything, so the keys behind it are not known.
    """

    is_stored = False
    has_tail = False
    stop = None

    def __init__(
        self,
        plan: RewritePlan,
        log: Log,
        selection: KeySelection,
        *,
        min_size_bytes: int = 0,
        values: bool = False,
        limit: int | None = None,
        progress: Progress = no_progress,
    ) -> None:
        _need_known(plan)
        self._plan = plan
        self._selection = selection
        self._min_size = min_size_bytes
        self._with_values = values
        self._limit = limit
        self._progress = progress
        self._names = [file.shown_name for file in log.files]
        self._carrier = Carrier(plan.trace, plan.table)
        self._writes = last_writes(plan.trace)
        self._measure = Measure(target_of(plan.writer.release), plan.options.compress)
        self.shown = 0
        self.unknown = 0
        moved = cut_note(plan.input, plan.summary.tail.unfinished)
        self.notes: list[str] = [moved] if moved else []

    @property
    def setting(self) -> str:
        """Say that the log needs more databases than servers have by default; empty where it does not."""
        return setting_words(self.databases, self._selection.databases)

    @property
    def databases(self) -> int:
        """The `databases` setting that the log needs."""
        return self._plan.options.databases

    @property
    def torn_bytes(self) -> int:
        """Bytes of a last command that is torn, which a server drops."""
        return self._plan.summary.tail.torn_bytes

    @property
    def empty(self) -> int:
        """Collections without elements in the RDB part, which servers leave out."""
        return self._plan.summary.base.empty

    @property
    def writer(self) -> Writer:
        """Who wrote the log, as which it is replayed."""
        return self._plan.writer

    def json_lines(self) -> None:
        """Return nothing: there is no faster way than row by row."""

    def __iter__(self) -> Iterator[KeyRow]:
        for row in self._known_rows():
            if row.size_bytes < self._min_size or not self._selection.admits(
                row.db, row.key, row.type_name, row.expire_at_ms
            ):
                continue
            self.shown += 1
            yield row
            if self.shown == self._limit:
                return

    def _known_rows(self) -> Iterator[KeyRow]:
        try:
            self.notes += dispute_notes(self._plan, self._progress)
            base = self._plan.input.base
            if base is not None and base.member_count:
                self.notes.append(base_member_note(base))
            yield from self._rows()
        except UnknownFormError as error:
            number, offset = error.place
            error.hint = _before(self._plan.summary, number, offset)
            raise

    def _rows(self) -> Iterator[KeyRow]:
        yield from self._records()
        plan = self._plan
        limit = plan.options.memory_limit_bytes
        firsts = first_writes(plan.trace)
        with TextReader(plan.input.paths) as reader:
            for part in partitions(plan.trace, plan.touches, plan.base.counts.touched_bytes, limit):
                keyspace = replayed(plan, reader, part, self._progress).whole()
                yield from self._written(firsts, keyspace, reader, part)

    def _records(self) -> Iterator[KeyRow]:
        """Yield the live records of the RDB part that no live command writes."""
        written, number_of = self._plan.touches.written, self._carrier.number
        for record, number, cause in self._plan.base.records():
            if cause or (number >= 0 and written[number]):
                continue
            yield self._record(record, number_of(record.db))

    def _record(self, record: Record, db: int) -> KeyRow:
        return KeyRow(
            db=db,
            key=record.key,
            type_name=record.type_name,
            encoding=record.encoding,
            elements=record.elements,
            size_bytes=record.size_bytes,
            expire_at_ms=record.expire_at_ms,
            file=self._names[0],
            offset=record.start,
            value=record.value() if self._with_values else None,
            command=None,
            writes=0,
        )

    def _written(
        self, firsts: list[FirstWrites], keyspace: Keyspace, reader: TextReader, part: Partition
    ) -> Iterator[KeyRow]:
        trace, home = self._plan.trace, self._carrier.home
        counts = count_homes(home, self._plan.touches.written, None, trace.databases)
        used = [physical for physical, keys in enumerate(counts) if keys]
        for db, physical in sorted((self._carrier.number(physical), physical) for physical in used):
            for item in firsts:
                rows, keys = in_database(item.rows, item.keys, home, physical, part.of_key, part.number)
                yield from self._some(item.chunk, rows, keys, db, keyspace, reader)

    def _some(
        self,
        chunk: Chunk,
        rows: Column,
        keys: Column,
        db: int,
        keyspace: Keyspace,
        reader: TextReader,
    ) -> Iterator[KeyRow]:
        """Yield the rows of keys of one database: plain SETs from the log, others from the keyspace."""
        plan = self._plan
        copied = flags_of(plan.touches.copied, keys)
        chosen = chosen_rows(rows, copied), chosen_keys(keys, copied)
        values = plain_set_values(plan.table, chunk, *chosen, reader)
        for number, from_log in zip(keys, copied, strict=True):
            if from_log:
                name, value = next(values)
                yield self._made(number, db, name, value, None)
                continue
            name = plan.trace.keys.key(number)
            entry = keyspace.databases[db].entry(name)
            if entry is not None:
                yield self._made(number, db, name, entry.value, entry.expire_at_ms)

    def _made(self, number: int, db: int, name: bytes, value: Value, expire_at_ms: int | None) -> KeyRow:
        """Return the row of a key that commands made."""
        trace, writes = self._plan.trace, self._writes
        chunk, row = trace.chunks[int(writes.chunks[number])], int(writes.rows[number])
        type_name, encoding, size, problem = self._measure.of(name, value)
        return KeyRow(
            db=db,
            key=name,
            type_name=type_name,
            encoding=encoding,
            elements=elements_of(value),
            size_bytes=size + (0 if expire_at_ms is None else EXPIRE_BYTES),
            expire_at_ms=expire_at_ms,
            file=self._names[chunk.file],
            offset=chunk.columns.offsets[row],
            value=value if self._with_values else None,
            problem=problem,
            command=trace.names[chunk.columns.names[row]],
            writes=int(writes.counts[number]),
        )


def _need_known(plan: RewritePlan) -> None:
    trace, place = plan.trace, plan.trace.first_opaque
    if place is None:
        return
    chunk = trace.chunks[place.chunk]
    name, offset = trace.names[chunk.columns.names[place.row]], chunk.columns.offsets[place.row]
    file = plan.summary.files[chunk.file].path
    module = module_of(name) or engine_of_form(name)
    why = f"{excerpt(name)} may do anything" if not module else f"{excerpt(name)} is a command of {module}"
    if name in unexecuted_names():
        why = f"{excerpt(name)} is not run here"
    what = _unknown_in(plan, chunk, place.row)
    if what:
        why = f"{what} of {excerpt(name)} is not known here"
    error = NotJudgedError if what or lookup(name) is None else UnsupportedError
    raise error(
        f"{why}, so the keys behind it are not known",
        path=file,
        offset=offset,
        hint=_before(plan.summary, chunk.file, offset),
    )


def _unknown_in(plan: RewritePlan, chunk: Chunk, row: int) -> str:
    """Return what no release has in a command, in words; empty when there is nothing."""
    with TextReader(plan.input.paths) as reader:
        ((_, argv),) = reader.texts(chunk, column_of("q", [row]))
    return unknown_form(argv)


def _before(summary: RewriteSummary, number: int, offset: int) -> str:
    """Return what to type for the keys of the moment before a command."""
    name = quoted(os.path.basename(summary.files[number].path))
    return next_step("keys", summary.path, f"--at {name}:{offset}")
