"""Batches of commands as numpy columns, for consumers of millions.

A batch is a copy and stays valid; it holds the bytes of the keys, so that nobody has to read the file
again for them. Knows no command: where keys are is the caller's to say. Importing this module imports
numpy, so `aoftool.resp` does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from aoftool.dataclass import dataclass
from aoftool.files.source import Source
from aoftool.resp._native import Scan
from aoftool.resp.columns import RowColumns
from aoftool.resp.grammar import Grammar, KeyRules, ScanOptions
from aoftool.resp.model import TailTally
from aoftool.resp.scanner import SKIP_BYTES, go_to

__all__ = ["Batch", "BatchReader", "batches"]

# A compromise: fewer batches cost less, and the worst input (7 bytes a command) still takes 20 MB.
_READ_BYTES = 1 << 20

Column = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """Commands of a stream, one row each, in order.

    Attributes:
        first_index: commands before the first row.
        offset, length, argc: span of the command, and number of arguments.
        command: number of its name; `names[command]` is (NAME, SUBCOMMAND or None). Number 0 takes the
            names that found no place in the bounded table.
        db, txn, time_s, lenient: as in `resp.Command`.
        key_start: shape (rows + 1,); the keys of row i are `key_start[i]:key_start[i + 1]` of the key
            columns.
        key_argument, key_offset, key_length: index in argv and true span of each key.
        key_bytes_start: shape (keys + 1,); the bytes of key k are
            `key_bytes[key_bytes_start[k]:key_bytes_start[k + 1]]`, fewer than its length for keys above
            `Limits.KEY_BYTES`.
        key_bytes: the bytes of all keys.
        names: all names met so far; numbers stay the same from batch to batch.
    """

    first_index: int
    offset: Column
    length: Column
    argc: Column
    command: Column
    db: Column
    txn: Column
    time_s: Column
    lenient: Column
    key_start: Column
    key_argument: Column
    key_offset: Column
    key_length: Column
    key_bytes_start: Column
    key_bytes: bytes
    names: list[tuple[bytes, bytes | None]]

    def __len__(self) -> int:
        return len(self.offset)

    def first_key(self) -> tuple[Column, Column]:
        """Return offset and length of the first key of every row, -1 for rows without keys."""
        has_key = self.key_start[:-1] < self.key_start[1:]
        offset = np.full(len(self), -1, np.int64)
        length = np.full(len(self), -1, np.int64)
        first = self.key_start[:-1][has_key]
        offset[has_key] = self.key_offset[first]
        length[has_key] = self.key_length[first]
        return offset, length

    def key(self, number: int) -> bytes:
        """Return the kept bytes of a key by its number in the key columns."""
        return self.key_bytes[self.key_bytes_start[number] : self.key_bytes_start[number + 1]]

    def keys(self, row: int) -> list[bytes]:
        """Return the kept bytes of the keys of a row."""
        return [self.key(number) for number in range(self.key_start[row], self.key_start[row + 1])]


def _column(raw: bytes) -> Column:
    return np.frombuffer(raw, np.int64)


def _starts(ends: bytes) -> Column:
    return np.concatenate((np.zeros(1, np.int64), _column(ends)))


def _batch_of(rows: RowColumns, first_index: int, names: list[tuple[bytes, bytes | None]]) -> Batch:
    return Batch(
        first_index=first_index,
        offset=_column(rows.offset),
        length=_column(rows.length),
        argc=_column(rows.argc),
        command=_column(rows.command),
        db=_column(rows.db),
        txn=_column(rows.txn),
        time_s=_column(rows.time_s),
        lenient=_column(rows.lenient),
        key_start=_starts(rows.key_end),
        key_argument=_column(rows.key_argument),
        key_offset=_column(rows.key_offset),
        key_length=_column(rows.key_length),
        key_bytes_start=_starts(rows.key_bytes_end),
        key_bytes=rows.key_bytes,
        names=names,
    )


class BatchReader:
    """Iterate over a stream in batches; afterwards `tally()` says how it ended.

    Args:
        source: as for `tally`.
        start, end, grammar, containers: as for `tally`.
        key_rules: where the keys of a command are, by (NAME, SUBCOMMAND or None).
        look: called with every piece that is read and its offset, before the rows in it are given; nothing is
            stepped over then.
    """

    def __init__(
        self,
        source: Source,
        *,
        start: int = 0,
        end: int | None = None,
        grammar: Grammar = Grammar.LENIENT,
        containers: frozenset[bytes] = frozenset(),
        key_rules: KeyRules | None = None,
        look: Callable[[memoryview, int], None] | None = None,
    ) -> None:
        self._source = source
        self._end = end
        self._look = look
        self._names: list[tuple[bytes, bytes | None]] = []
        self._scan = Scan(
            ScanOptions(
                start=start, grammar=grammar, containers=containers, rows=True, key_rules=key_rules or {}
            )
        )

    def tally(self) -> TailTally:
        """Return what was counted so far; complete, with its stop, once the iteration has ended."""
        return self._scan.tally()

    def __iter__(self) -> Iterator[Batch]:
        scan = self._scan
        go_to(self._source, scan.offset)
        with memoryview(bytearray(_READ_BYTES)) as buffer:
            while not scan.halted:
                counted = scan.commands
                self._read_piece(buffer)
                if scan.names_count != len(self._names):
                    self._names = scan.names()
                rows = scan.take_rows()
                if rows.offset:
                    yield _batch_of(rows, counted, self._names)

    def _read_piece(self, buffer: memoryview) -> None:
        scan = self._scan
        left = len(buffer) if self._end is None else self._end - scan.offset
        size = self._source.read_into(buffer[: min(left, len(buffer))]) if left > 0 else 0
        if not size:
            scan.finish()
            return
        if self._look is not None:
            self._look(buffer[:size], scan.offset)
        scan.feed(buffer[:size])
        if self._look is not None:
            return
        ahead = scan.skippable if self._end is None else min(scan.skippable, self._end - scan.offset)
        if ahead >= SKIP_BYTES:
            scan.skip(self._source.skip(ahead))


def batches(
    source: Source,
    start: int = 0,
    *,
    end: int | None = None,
    grammar: Grammar = Grammar.LENIENT,
    containers: frozenset[bytes] = frozenset(),
    key_rules: KeyRules | None = None,
) -> Iterator[Batch]:
    """Yield the commands of a stream in batches of bounded size, up to the first that cannot be read.

    For the reason it ended use `BatchReader`, whose arguments these are.
    """
    return iter(
        BatchReader(source, start=start, end=end, grammar=grammar, containers=containers, key_rules=key_rules)
    )
