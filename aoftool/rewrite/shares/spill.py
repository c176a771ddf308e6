"""Distribute a log over shares: small logs of their own in a private directory, one after the other.

A share is an RDB file with the base records of its keys and a file of commands, both as they stand in the
log, and beside each a column of positions, so that the results can be put back into the order of the
whole. Database numbers are final: no SWAPDB, no transactions, no commands that do nothing to keys. A
command that can be cut into its keys (MSET, DEL and their kin) is cut where they fall into several shares.
"""

from __future__ import annotations

import os
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from aoftool.columns import array_of
from aoftool.commands.effects import Effect, EffectTable
from aoftool.dataclass import dataclass, field
from aoftool.files import open_source
from aoftool.liveness.carry import renumber, trim
from aoftool.liveness.model import Chunk, Op, Trace
from aoftool.liveness.reading import Tail, trace_tails
from aoftool.progress import Progress, no_progress
from aoftool.rdb.encode.encode import encode_length, encode_string
from aoftool.resp.encode import encode_command, encode_select
from aoftool.rewrite.replay.gather import gather
from aoftool.rewrite.replay.texts import TextReader
from aoftool.rewrite.shares.survey import (
    BUCKET_BITS,
    BUCKETS,
    CHUNK_ROWS,
    BaseColumns,
    Survey,
    base_columns,
    before,
    empty_chunk,
    ref_counts,
)

__all__ = ["ShareFiles", "Spill"]

_MASK = BUCKETS - 1
_BUFFERS_BYTES = 16 << 20
_BUFFER_MAX = 1 << 16
_COPY_BYTES = 4 << 20
_FUNCTION, _SELECTDB, _EOF = b"\xf5", b"\xfe", b"\xff"
# Checksum 0: not computed.
_RDB_END = _EOF + bytes(8)


@dataclass(frozen=True, slots=True)
class ShareFiles:
    """The files of one share.

    Attributes:
        tail, rows: commands, and the position of each in the whole log (int64).
        base, ordinals: records, and the number of each in the RDB part (int64).
    """

    folder: str
    number: int

    def _path(self, kind: str) -> str:
        return os.path.join(self.folder, f"share-{self.number}.{kind}")

    @property
    def tail(self) -> str:
        """Return the file of commands."""
        return self._path("aof")

    @property
    def rows(self) -> str:
        """Return the positions of the commands."""
        return self._path("rows")

    @property
    def base(self) -> str:
        """Return the RDB file."""
        return self._path("rdb")

    @property
    def ordinals(self) -> str:
        """Return the numbers of the records."""
        return self._path("ordinals")

    def result(self, kind: str) -> str:
        """Return a file that the run of the share writes."""
        return self._path(kind)

    def remove(self) -> None:
        """Remove what was distributed; the results stay."""
        for path in (self.tail, self.rows, self.base, self.ordinals):
            if os.path.exists(path):
                os.unlink(path)


@dataclass
class _Entries:
    """Pieces of text on their way to shares, in any order."""

    shares: list[NDArray[np.int64]] = field(default_factory=list)
    databases: list[NDArray[np.int64]] = field(default_factory=list)
    starts: list[NDArray[np.int64]] = field(default_factory=list)
    sizes: list[NDArray[np.int64]] = field(default_factory=list)
    positions: list[NDArray[np.int64]] = field(default_factory=list)

    def add(
        self,
        shares: NDArray[np.int64],
        databases: NDArray[np.int64],
        starts: NDArray[np.int64],
        sizes: NDArray[np.int64],
        positions: NDArray[np.int64],
    ) -> None:
        """Add columns of one length."""
        self.shares.append(shares)
        self.databases.append(databases)
        self.starts.append(starts)
        self.sizes.append(sizes)
        self.positions.append(positions)

    def columns(self) -> list[NDArray[np.int64]]:
        """Return all columns, by share and inside a share by position."""
        joined = [
            np.concatenate(column)
            for column in (self.shares, self.databases, self.starts, self.sizes, self.positions)
        ]
        order = np.lexsort((joined[4], joined[0]))
        return [column[order] for column in joined]


class Spill:
    """Write the files of all shares.

    Args:
        survey: of the same log.
        share_of: share of every bucket.
        folder: a private directory.
        header: magic and version of the RDB part, nine bytes; empty without one.
        starts: position of the first byte of each file in the whole log.
    """

    def __init__(
        self,
        survey: Survey,
        share_of: NDArray[np.uint16],
        table: EffectTable,
        folder: str,
        paths: list[str],
        header: bytes,
        starts: list[int],
    ) -> None:
        self._survey = survey
        self._share_of = share_of.astype(np.int64)
        self._table = table
        self._header = header
        self._file_starts = starts
        self._chunk = 0
        self._final = np.array(
            [survey.trace.final_number(physical) for physical in range(table.setting.databases)], np.int64
        )
        self._named_databases = _named_databases(survey.trace, table)
        count = int(share_of.max()) + 1
        self.shares = [ShareFiles(folder, number) for number in range(count)]
        self._selected = np.zeros(count, np.int64)
        self._reader = TextReader(paths)
        self._buffer = max(4096, min(_BUFFER_MAX, _BUFFERS_BYTES // (2 * count)))
        self._texts: list[BinaryIO] = []
        self._places: list[BinaryIO] = []

    def __enter__(self) -> Spill:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self._reader.close()

    def _open(self, texts: list[str], places: list[str]) -> None:
        self._texts = [self._new(path) for path in texts]
        self._places = [self._new(path) for path in places]

    def _new(self, path: str) -> BinaryIO:
        return open(path, "wb", buffering=self._buffer)

    def _close(self) -> None:
        for file in self._texts + self._places:
            file.close()
        self._texts, self._places = [], []

    # -- commands ----------------------------------------------------------------------------

    def commands(self, tails: list[Tail], progress: Progress = no_progress) -> None:
        """Distribute the commands."""
        self._open([share.tail for share in self.shares], [share.rows for share in self.shares])
        trace_tails(
            tails,
            self._table,
            progress,
            keys=self._survey.keys,
            sealed=self._take,
            chunk_rows=CHUNK_ROWS,
        )
        self._close()

    def _take(self, chunk: Chunk) -> Chunk:
        stop = before(self._survey.trace.unfinished, self._chunk, len(chunk))
        self._chunk += 1
        self._survey.never_happened(chunk, stop)
        ops = chunk.ops[:stop]
        rows = np.flatnonzero((ops >= Op.ONE_CHANGES) & (ops <= Op.FUNCTIONS))
        for group, data, base in self._reader.pieces(chunk, rows.data):
            self._group(chunk, array_of(group), data, base)
        return empty_chunk(chunk)

    def _group(self, chunk: Chunk, rows: NDArray[np.int64], data: bytes, base: int) -> None:
        """Distribute rows whose text lies in one piece."""
        ops = chunk.ops[rows]
        extra = bytearray()
        entries = _Entries()
        one = rows[(ops >= Op.ONE_CHANGES) & (ops <= Op.ONE_SETS)]
        keys = chunk.keys[one].astype(np.int64)
        self._verbatim(entries, chunk, one, base, self._share_of[keys & _MASK], keys >> BUCKET_BITS)
        many = rows[(ops >= Op.MANY) & (ops <= Op.SORT)]
        if len(many):
            self._many(entries, chunk, many, data, base, extra)
        for row in rows[ops >= Op.FLUSH_DB].tolist():
            self._everywhere(entries, chunk, row, base)
        self._write(entries, data, extra)

    def _verbatim(
        self,
        entries: _Entries,
        chunk: Chunk,
        rows: NDArray[np.int64],
        base: int,
        shares: NDArray[np.int64],
        physical: NDArray[np.int64],
    ) -> None:
        offsets = chunk.offsets[rows]
        positions = offsets + self._file_starts[chunk.file]
        entries.add(
            shares, self._final[physical], offsets - base, chunk.offsets[rows + 1] - offsets, positions
        )

    def _many(
        self,
        entries: _Entries,
        chunk: Chunk,
        rows: NDArray[np.int64],
        data: bytes,
        base: int,
        extra: bytearray,
    ) -> None:
        """Distribute rows with several keys: whole where that is possible, else cut or written anew."""
        first, counts = ref_counts(chunk, rows)
        share_of_ref = self._share_of[chunk.ref_keys & _MASK]
        bounds = np.stack((first, first + counts), axis=1).ravel()
        padded = np.append(share_of_ref, 0)
        least = np.minimum.reduceat(padded, bounds)[::2]
        most = np.maximum.reduceat(padded, bounds)[::2]
        whole = (least == most) & ~self._named_databases[chunk.names[rows]]
        physical = chunk.ref_keys[first].astype(np.int64) >> BUCKET_BITS
        self._verbatim(entries, chunk, rows[whole], base, least[whole], physical[whole])
        rest = rows[~whole]
        for row, argv in zip(rest.tolist(), self._reader.split(data, base, chunk, rest.data), strict=True):
            self._anew(entries, chunk, row, argv, len(data), extra)

    def _anew(
        self, entries: _Entries, chunk: Chunk, row: int, argv: list[bytes], size: int, extra: bytearray
    ) -> None:
        effect = self._table.of(argv)
        numbers = [key for key, _ in chunk.refs(row)]
        final = [int(self._final[number >> BUCKET_BITS]) for number in numbers]
        argv = renumber(argv, effect, final)
        texts = _cut(argv, effect) if chunk.columns.ops[row] == Op.MANY_TRIM else [argv]
        position = chunk.columns.offsets[row] + self._file_starts[chunk.file]
        for index, text in enumerate(texts):
            encoded = encode_command(text)
            entries.add(
                self._share_of[[numbers[index] & _MASK]],
                np.array([final[0]], np.int64),
                np.array([size + len(extra)], np.int64),
                np.array([len(encoded)], np.int64),
                np.array([position + index], np.int64),
            )
            extra += encoded

    def _everywhere(self, entries: _Entries, chunk: Chunk, row: int, base: int) -> None:
        """Give flushes to every share, and functions to the first."""
        op = chunk.columns.ops[row]
        shares = np.arange(1 if op == Op.FUNCTIONS else len(self.shares), dtype=np.int64)
        physical = chunk.columns.keys[row] if op == Op.FLUSH_DB else 0
        self._verbatim(
            entries, chunk, np.full(len(shares), row), base, shares, np.full(len(shares), physical)
        )

    def _write(self, entries: _Entries, data: bytes, extra: bytearray) -> None:
        shares, databases, starts, sizes, positions = entries.columns()
        if not len(shares):
            return
        changes = self._changes(shares, databases)
        if len(changes):
            selects = [encode_select(db) for db in databases[changes].tolist()]
            select_sizes = np.array([len(text) for text in selects], np.int64)
            select_starts = len(data) + len(extra) + np.cumsum(select_sizes) - select_sizes
            extra += b"".join(selects)
            starts = np.insert(starts, changes, select_starts)
            sizes = np.insert(sizes, changes, select_sizes)
            shares = np.insert(shares, changes, shares[changes])
            positions = np.insert(positions, changes, positions[changes])
        text = gather(memoryview(data + bytes(extra) if extra else data), starts, sizes)
        self._hand_out(text, shares, sizes, positions)

    def _changes(self, shares: NDArray[np.int64], databases: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where a share needs another database than it has selected, and note what it has then."""
        heads = np.flatnonzero(np.diff(shares, prepend=-1))
        previous = np.concatenate(([0], databases[:-1]))
        previous[heads] = self._selected[shares[heads]]
        lasts = np.append(heads[1:], len(shares)) - 1
        self._selected[shares[lasts]] = databases[lasts]
        return np.flatnonzero(databases != previous)

    def _hand_out(
        self,
        text: bytes,
        shares: NDArray[np.int64],
        sizes: NDArray[np.int64],
        positions: NDArray[np.int64],
    ) -> None:
        """Append text that is in order of shares to their files."""
        heads = np.flatnonzero(np.diff(shares, prepend=-1))
        ends = np.cumsum(sizes)
        at = 0
        with memoryview(text) as view:
            for head, stop in zip(heads.tolist(), [*heads[1:].tolist(), len(shares)], strict=True):
                number, end = int(shares[head]), int(ends[stop - 1])
                self._texts[number].write(view[at:end])
                self._places[number].write(positions[head:stop].tobytes())
                at = end

    # -- records -----------------------------------------------------------------------------

    def base(self, path: str, functions: list[bytes], progress: Progress = no_progress) -> None:
        """Distribute the records that commands may reach, and the functions to the first share."""
        self._open([share.base for share in self.shares], [share.ordinals for share in self.shares])
        for file in self._texts:
            file.write(self._header)
        for code in functions:
            self._texts[0].write(_FUNCTION + encode_string(code, False))
        self._selected[:] = -1
        ordinal = 0
        with open_source(path) as source:
            for columns in base_columns(path, self._survey.keys, progress):
                count = len(columns.start)
                for group in _pieces(columns, np.flatnonzero(self._survey.near(columns))):
                    start, end = int(columns.start[group[0]]), int(columns.end[group[-1]])
                    self._records(columns, group, source.read_at(start, end - start), ordinal)
                ordinal += count
        for file in self._texts:
            file.write(_RDB_END)
        self._close()

    def _records(self, columns: BaseColumns, rows: NDArray[np.int64], data: bytes, ordinal: int) -> None:
        starts = columns.start[rows] - columns.start[rows[0]]
        sizes = columns.end[rows] - columns.start[rows]
        entries = _Entries()
        databases = self._final[columns.db[rows]]
        entries.add(self._share_of[columns.numbers[rows] & _MASK], databases, starts, sizes, ordinal + rows)
        shares, databases, starts, sizes, ordinals = entries.columns()
        changes = self._changes(shares, databases)
        selects = [_SELECTDB + encode_length(db) for db in databases[changes].tolist()]
        select_sizes = np.array([len(text) for text in selects], np.int64)
        text = gather(
            memoryview(data + b"".join(selects)),
            np.insert(starts, changes, len(data) + np.cumsum(select_sizes) - select_sizes),
            np.insert(sizes, changes, select_sizes),
        )
        sizes = sizes.copy()
        sizes[changes] += select_sizes
        self._hand_out(text, shares, sizes, ordinals)


def _cut(argv: list[bytes], effect: Effect) -> list[list[bytes]]:
    """Return one command for each key of a command that can be cut."""
    count = len(effect.keys)
    return [trim(argv, effect, [index != kept for index in range(count)]) for kept in range(count)]


def _named_databases(trace: Trace, table: EffectTable) -> NDArray[np.bool_]:
    """Tell of each name of the trace whether its commands may name databases."""
    return np.array(
        [
            any("db_at" in rule or "db_option" in rule for form in table.forms(name) for rule in form.keys)
            for name in trace.names
        ]
    )


def _pieces(columns: BaseColumns, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Split records into groups whose bytes fit a piece, at least one record each."""
    groups = []
    first = 0
    starts, ends = columns.start[rows], columns.end[rows]
    while first < len(rows):
        stop = max(first + 1, int(np.searchsorted(ends, starts[first] + _COPY_BYTES, "right")))
        groups.append(rows[first:stop])
        first = stop
    return groups
