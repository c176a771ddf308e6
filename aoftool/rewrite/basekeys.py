"""Hold the RDB part of a log against what the commands behind it do.

One pass decides every record: dead (replaced, deleted or flushed later), touched by a live command, or
free to be copied. Records are read again when they are written, so memory does not grow with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aoftool.errors import RdbError, UnsupportedError
from aoftool.files import open_source
from aoftool.liveness.model import Fate, Trace
from aoftool.progress import Progress, no_progress
from aoftool.rdb.reader import RecordReader
from aoftool.rdb.record import Record
from aoftool.rdb.strings import read_string
from aoftool.rdb.summary import RdbWalk
from aoftool.rewrite.model import BaseCounts

__all__ = ["BaseKeys", "Covered", "Lot", "read_functions"]

_FUNCTION_OPCODE_BYTES = 1


class Covered(Protocol):
    """K at the start of the commands."""

    def cause(self, key: int) -> int:
        """Return why a key of the table is replaced later, or 0."""

    def covers_unnamed(self, db: int) -> bool:
        """Tell whether keys that no command names are flushed later."""


class Lot(Enum):
    """What becomes of a record."""

    DEAD = "dead"
    TOUCHED = "touched"
    FREE = "free"


@dataclass
class BaseKeys:
    """The records of one RDB part.

    Attributes:
        path: file that starts with the part; None when the log has none.
        held: one byte a key of the trace's table: it has a live record.
        databases: live records by physical database.
        dead_by_cause: (records, bytes) by cause.
    """

    path: str | None
    trace: Trace
    covered: Covered
    held: NDArray[np.uint8]
    databases: dict[int, int] = field(default_factory=dict)
    expires: dict[int, int] = field(default_factory=dict)
    counts: BaseCounts = field(default_factory=BaseCounts)
    dead_by_cause: dict[str, tuple[int, int]] = field(default_factory=dict)
    summary: RdbWalk | None = None

    @classmethod
    def of(cls, path: str | None, trace: Trace, covered: Covered) -> BaseKeys:
        """Return an empty account; `read` fills it."""
        return cls(path, trace, covered, np.zeros(len(trace.keys), np.uint8))

    def records(self, progress: Progress = no_progress) -> Iterator[tuple[Record, int, int]]:
        """Yield (record, key number or -1, cause of death or 0) of every record, in file order.

        Raises:
            RdbError: the part is damaged.
        """
        if self.path is None:
            return
        find, cause, covers = self.trace.keys.find, self.covered.cause, self.covered.covers_unnamed
        with open_source(self.path) as source:
            reader = RecordReader(source, 0, progress)
            for record in reader:
                number = find(record.db, record.key)
                if number >= 0:
                    yield record, number, cause(number)
                else:
                    yield record, -1, int(Fate.FLUSHED) if covers(record.db) else 0
            self.summary = reader.summary
        _need_whole(self.summary, self.path)

    def read(self, touched: NDArray[np.uint8], progress: Progress = no_progress) -> None:
        """Decide every record.

        Args:
            touched: one byte a key: a live command touches it.
        """
        counts, limit = self.counts, self.trace.databases
        for record, number, cause in self.records(progress):
            size = record.size_bytes
            counts.keys += 1
            counts.size_bytes += size
            if record.db >= limit:
                raise UnsupportedError(
                    f"the RDB part has keys in database {record.db}, the target has {limit} databases",
                    path=self.path,
                    hint=f"--databases {record.db + 1}",
                )
            if cause:
                self._bury(Fate(cause), size)
                continue
            self.databases[record.db] = self.databases.get(record.db, 0) + 1
            if record.expire_at_ms is not None:
                self.expires[record.db] = self.expires.get(record.db, 0) + 1
            if number >= 0:
                self.held[number] = 1
                counts.touched += int(touched[number])
                counts.touched_bytes += size * int(touched[number])

    def _bury(self, cause: Fate, size: int) -> None:
        name = cause.name.lower()
        keys, total = self.dead_by_cause.get(name, (0, 0))
        self.dead_by_cause[name] = keys + 1, total + size
        self.counts.dead += 1
        self.counts.dead_bytes += size

    def database_flags(self) -> NDArray[np.uint8]:
        """Return one byte a physical database: it has a live record."""
        flags = np.zeros(self.trace.databases, np.uint8)
        flags[list(self.databases)] = 1
        return flags


def _need_whole(summary: RdbWalk, path: str) -> None:
    """Refuse a part that a server would refuse, or whose extras cannot be carried."""
    if summary.damage is not None or summary.end_offset is None:
        message = summary.damage.message if summary.damage else "the RDB part has no end"
        offset = summary.damage.offset if summary.damage else summary.good_end
        raise RdbError(message, path=path, offset=offset, hint=f"aoftool check {path}")
    aux = [module.name for module in summary.modules if module.aux]
    if aux:
        raise UnsupportedError(f"module data outside of keys cannot be carried: {', '.join(aux)}", path=path)


def read_functions(summary: RdbWalk, path: str) -> list[bytes]:
    """Return the code of the function libraries of an RDB part.

    Raises:
        UnsupportedError: there are more libraries than the walk names, or they are of a release
            candidate of 7.0.
    """
    if summary.function_count > len(summary.functions):
        raise UnsupportedError(f"{summary.function_count} function libraries are too many", path=path)
    codes = []
    with open_source(path) as source:
        for library in summary.functions:
            data = source.read_at(library.offset, library.size_bytes)
            codes.append(read_string(data, _FUNCTION_OPCODE_BYTES)[0])
    return codes
