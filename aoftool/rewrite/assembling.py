"""Put one format together from the shares of a rewrite: untouched records, and the keys that shares made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aoftool.errors import SourceError
from aoftool.files import open_source
from aoftool.keyspace.libraries import Library
from aoftool.rdb.encode.writer import Sink
from aoftool.rdb.records.reader import RecordReader
from aoftool.rewrite.extras import write_extras
from aoftool.rewrite.libraries import carry_libraries, write_libraries
from aoftool.rewrite.model import OutputSize
from aoftool.rewrite.planner import copyable_types
from aoftool.rewrite.runner import Sinks, creation_time
from aoftool.rewrite.shares.merge import merged
from aoftool.rewrite.shares.share import FormatReport, ShareReport
from aoftool.rewrite.shares.survey import BaseColumns, base_columns
from aoftool.rewrite.write.choosing import Chooser
from aoftool.rewrite.write.outputs import Output, open_output

if TYPE_CHECKING:
    from aoftool.rewrite.shares.plan import BoundedPlan

__all__ = ["Assembly"]

_COPY_BYTES = 4 << 20


class Assembly:
    """One format on its way out."""

    def __init__(self, plan: BoundedPlan, sinks: Sinks, parts: Sequence[FormatReport]) -> None:
        options = plan.options
        self._plan = plan
        self._parts = parts
        self.size = OutputSize(sinks.format)
        self.output: Output = open_output(
            sinks.format,
            sinks.base,
            plan.target,
            creation_time(plan.input, options),
            compress=options.compress,
            chunk_items=options.chunk_items,
            drops=options.drop_unsupported,
        )
        self._chooser = Chooser(options.selection, range(options.databases), options.databases)
        self._hints: dict[int, tuple[int, int]] = {}
        self._carried: list[Library] = []
        self._selected = -1

    def hint(self, counts: dict[int, tuple[int, int]]) -> None:
        """Take over how many keys and expire times each database will hold."""
        self._hints = dict(counts)

    def functions(self, libraries: Sequence[Library]) -> None:
        """Write the function libraries, those that must be carried behind an RDB at its end."""
        write_extras(self._plan.input, self.output, self._plan.target)
        self._carried = write_libraries(libraries, self.output, self._plan.target, self._plan.input.base)

    def _open(self, number: int) -> None:
        """Make a database the one that keys go to; the number is that of the output."""
        if number != self._selected:
            self.output.writer.select(number, *self._hints.pop(number, (0, 0)))
            self._selected = number

    def everything(self, reports: Sequence[ShareReport]) -> None:
        """Write the records that no share replaced and what the shares made.

        An RDB has the records first, in the order of the file; commands have database after database.
        """
        base, path = self._plan.input.base, self._plan.input.base_path
        keys = dict(merged(self._parts))
        if base is None or path is None:
            self._keys(keys)
            return
        dropped = np.zeros(base.keys, bool)
        for report in reports:
            dropped[np.fromfile(report.dropped, np.int64)] = True
        if self.output.copies:
            self._base(path, dropped)
            self._keys(keys)
            return
        final = self._plan.survey.trace.final_number
        physical = {final(row.db): row.db for row in base.counts}
        for db in sorted(keys.keys() | physical.keys()):
            if db in physical:
                self._base_records(path, dropped, only=physical[db])
            if db in keys:
                self._keys({db: keys[db]})

    def _base(self, path: str, dropped: NDArray[np.bool_]) -> None:
        """Write the records in the order of the file, as they stand where they may."""
        plan = self._plan
        types = np.zeros(256, bool)
        types[list(copyable_types(plan.input, plan.target))] = True
        if not self._chooser.takes_all:
            self._base_records(path, dropped)
            return
        at = 0
        with open_source(path) as source:
            for columns in base_columns(path, plan.survey.keys):
                kept = ~dropped[at : at + len(columns.start)]
                at += len(kept)
                if not types[columns.type_ids[kept]].all():
                    self._base_records(path, dropped, at - len(kept), len(kept))
                    continue
                for start, end, db, keys, expires in _runs(columns, kept):
                    number = self._chooser.number(plan.survey.trace.final_number(db))
                    if number is None:
                        continue
                    self._chooser.claim(plan.survey.trace.final_number(db))
                    self._open(number)
                    for piece in range(start, end, _COPY_BYTES):
                        data = source.read_at(piece, min(_COPY_BYTES, end - piece))
                        if not data:
                            raise SourceError(f"{source.name} has changed since it was read", path=path)
                        self.output.copy(data)
                    self._count(keys, expires)
                    self.size.copied_records += keys

    def _base_records(
        self,
        path: str,
        dropped: NDArray[np.bool_],
        first: int = 0,
        count: int | None = None,
        only: int | None = None,
    ) -> None:
        """Write records one by one; all of them, some in the middle, or those of one physical database."""
        last = len(dropped) if count is None else first + count
        number = -1
        with open_source(path) as source:
            for batch in RecordReader(source, 0, skip_empty=True).batches():
                for record in batch:
                    number += 1
                    if not first <= number < last or dropped[number] or only not in (None, record.db):
                        continue
                    db = self._chooser.number(self._plan.survey.trace.final_number(record.db))
                    if db is None:
                        continue
                    self._chooser.claim(self._plan.survey.trace.final_number(record.db))
                    self._open(db)
                    if self._chooser.takes(record.key, record.expire_at_ms):
                        self.size.copied_records += int(self.output.record(record))
                        self._count(1, int(record.expire_at_ms is not None))

    def _keys(self, made: dict[int, Iterator[bytes]]) -> None:
        """Write what the shares made."""
        for db, pieces in made.items():
            number = self._chooser.number(db)
            assert number is not None
            self._chooser.claim(db)
            self._open(number)
            for piece in pieces:
                self.output.copy_keys(piece)

    def _count(self, keys: int, expires: int) -> None:
        self.size.keys[self._selected] = self.size.keys.get(self._selected, 0) + keys
        self.size.expiring_keys += expires

    def close(self, reports: Sequence[ShareReport], tail: Sink) -> None:
        """End the base and carry what follows it; keys that a share was refused are refused here."""
        self.output.refuse([(part.refused, part.refused_count) for part in self._parts])
        self.size.base_bytes = self.output.writer.close()
        self.size.tail_bytes = carry_libraries(self._carried, tail)
        for part in self._parts:
            for db, keys in part.size.keys.items():
                number = self._chooser.number(db)
                assert number is not None
                self.size.keys[number] = self.size.keys.get(number, 0) + keys
            self.size.expiring_keys += part.size.expiring_keys
            self.size.seen_now += part.size.seen_now
            self.size.copied_sets += part.size.copied_sets
            self.size.refused.update(part.size.refused)
        self.size.expired_keys = self._chooser.expired + sum(report.expired for report in reports)


def _runs(columns: BaseColumns, kept: NDArray[np.bool_]) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield (start, end, database, keys, expire times) of kept records that stand side by side."""
    rows = np.flatnonzero(kept)
    if not len(rows):
        return
    starts, ends, db = columns.start[rows], columns.end[rows], columns.db[rows]
    breaks = np.flatnonzero((starts[1:] != ends[:-1]) | (db[1:] != db[:-1])) + 1
    expires = np.concatenate(([0], np.cumsum(columns.expiring[rows])))
    first = 0
    for stop in [*breaks.tolist(), len(rows)]:
        yield (
            int(starts[first]),
            int(ends[stop - 1]),
            int(db[first]),
            stop - first,
            int(expires[stop] - expires[first]),
        )
        first = stop
