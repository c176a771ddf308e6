"""Look at a log in bounded memory before it is cut into shares: where its weight lies, what is tied.

Keys are numbered by buckets of their hash, so nothing here grows with their number. Keys that one
command ties together tie their buckets; a bucket goes into one share as a whole, so ties are never cut.
Two keys in one bucket count as tied, which is safe.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aoftool.columns import zeros
from aoftool.commands.effects import EffectTable
from aoftool.dataclass import dataclass, field
from aoftool.files import open_source
from aoftool.liveness.model import LAST, Chunk, Fate, KeyTable, Op, RowPlace, Trace
from aoftool.liveness.native import NATIVE, unite
from aoftool.liveness.native import KeyTable as NewKeys
from aoftool.liveness.reading import Tail, TailEnd, trace_tails
from aoftool.namedtuple import NamedTuple
from aoftool.progress import Progress, no_progress
from aoftool.rdb.records.reader import RecordReader
from aoftool.rewrite.decide import base_rows as baserows

__all__ = [
    "BUCKETS",
    "BUCKET_BITS",
    "CHUNK_ROWS",
    "BaseColumns",
    "Survey",
    "base_columns",
    "before",
    "empty_chunk",
    "ref_counts",
    "survey_log",
]

BUCKET_BITS = 20
BUCKETS = 1 << BUCKET_BITS
CHUNK_ROWS = 1 << 16
_MASK = BUCKETS - 1
# Flags of a row of the RDB walk: it has an expire time; it has a time or counter of any kind.
_EXPIRES, _TIMED = 1, 7

# What a share takes in memory: a row of its trace with the columns made from it, a key with its places
# in the tables, and a byte of what is executed as objects. Measured on shares of strings and of hashes.
_ROW_BYTES = 64
_REF_BYTES = 24
_KEY_BYTES = 160
_OBJECT_FACTOR = 5
_STRING_FACTOR = 1.2


class BaseColumns(NamedTuple):
    """Records of an RDB part, as columns; `numbers` are those of the key table.

    `empty` says how many collections without elements were left out up to here; see `RecordReader`.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    db: NDArray[np.int64]
    numbers: NDArray[np.int64]
    expiring: NDArray[np.bool_]
    type_ids: NDArray[np.int64]
    split: NDArray[np.bool_]
    empty: int


def base_columns(path: str, keys: KeyTable, progress: Progress = no_progress) -> Iterator[BaseColumns]:
    """Yield the records of an RDB part, window by window, in file order."""
    with open_source(path) as source:
        if NATIVE and baserows.NATIVE:
            reader = baserows.RowReader(source, 0, progress, skip_empty=True)
            for packed, numbers in reader.numbered(Trace(0, keys)):
                rows = baserows.rows_of(packed)
                expiring = (rows["flags"] & _EXPIRES) != 0
                split = (rows["start"] == rows["type_at"]) & ((rows["flags"] & _TIMED) != 0)
                columns = rows["start"], rows["end"], rows["db"], numbers, expiring, rows["number"], split
                yield BaseColumns(*columns, reader.empty)
            return
        plain = RecordReader(source, 0, progress, skip_empty=True)
        for batch in plain.batches():
            yield BaseColumns(
                np.array([record.start for record in batch], np.int64),
                np.array([record.end for record in batch], np.int64),
                np.array([record.db for record in batch], np.int64),
                np.array([keys.find(record.db, record.key) for record in batch], np.int64),
                np.array([record.expire_at_ms is not None for record in batch], bool),
                np.array([record.type_id for record in batch], np.int64),
                np.array([record.split_times for record in batch], bool),
                plain.empty,
            )


def empty_chunk(chunk: Chunk) -> Chunk:
    """Return what stands in a trace for rows that were dealt with at once."""
    columns = chunk.columns
    return Chunk(
        chunk.file,
        columns.offsets[:1],
        columns.names[:0],
        zeros("B", 0),
        columns.keys[:0],
        zeros("B", 0),
        columns.ref_keys[:0],
        columns.ref_effects[:0],
        columns.ref_sizes[:0],
    )


def ref_counts(chunk: Chunk, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (first ref, number of refs) of rows with several keys."""
    first = chunk.keys[rows].astype(np.int64)
    lasts = np.flatnonzero(chunk.ref_effects & LAST)
    return first, lasts[np.searchsorted(lasts, first)] - first + 1


@dataclass
class Survey:
    """What is known of a log without holding its keys.

    Attributes:
        keys: gives buckets; the same table must number the keys when the log is read again.
        touched: commands name keys of this bucket.
        flushes: some command empties whole databases.
        split: some record has a time outside of its span.
        sorts: some command reads whole databases by a pattern.
        rows, sizes: commands and bytes by (name number, fate) of rows that do nothing to keys.
        commands, size_bytes: of the whole tail.
        empty: collections without elements in the RDB part.
        trace: names, numbering and places; without rows.
    """

    keys: KeyTable
    trace: Trace
    ends: list[TailEnd] = field(default_factory=list)
    touched: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(BUCKETS, bool))
    flushes: bool = False
    split: bool = False
    sorts: bool = False
    commands: int = 0
    size_bytes: int = 0
    empty: int = 0
    idle: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    _sets: NDArray[np.float32] = field(default_factory=lambda: np.zeros(BUCKETS, np.float32))
    _built: NDArray[np.float32] = field(default_factory=lambda: np.zeros(BUCKETS, np.float32))
    _held: NDArray[np.float32] = field(default_factory=lambda: np.zeros(BUCKETS, np.float32))
    _parents: NDArray[np.uint32] = field(default_factory=lambda: np.arange(BUCKETS, dtype=np.uint32))

    @property
    def weights(self) -> NDArray[np.float64]:
        """Bytes of memory each bucket takes when it is replayed, an upper bound of sorts."""
        filled = max(int(self.touched.sum()), 1)
        # How many keys fill that many buckets when each falls anywhere.
        empty = max(BUCKETS - filled, 1)
        keys = -BUCKETS * np.log(empty / BUCKETS)
        weights = self._held + self._built + self.touched * (_KEY_BYTES * keys / filled)
        return np.asarray(weights + np.where(self._built > 0, self._sets * _STRING_FACTOR, 0.0))

    def shares(self, budget_bytes: float, at_least: int, at_most: int) -> tuple[NDArray[np.uint16], float]:
        """Cut the buckets into shares.

        Returns:
            the share of every bucket, and the weight of the heaviest group of tied buckets.
        """
        by_root = np.bincount(self._parents, weights=self.weights, minlength=BUCKETS)
        total = float(by_root.sum())
        count = int(min(max(-(-total // budget_bytes), at_least, 1), at_most))
        before = np.cumsum(by_root) - by_root
        of_root = np.minimum(before * count / max(total, 1.0), count - 1).astype(np.uint16)
        return of_root[self._parents], float(by_root.max())

    def forget_weights(self) -> None:
        """Free what only `shares` needs."""
        self._sets = self._built = self._held = np.zeros(0, np.float32)
        self._parents = np.zeros(0, np.uint32)

    def near(self, columns: BaseColumns) -> NDArray[np.bool_]:
        """Tell which records go into shares: those that some command may reach."""
        if self.flushes or self.sorts:
            return np.ones(len(columns.start), bool)
        return np.asarray(self.touched[columns.numbers & _MASK])

    def add_base(self, columns: BaseColumns) -> None:
        """Count records that commands may touch."""
        self.split |= bool(columns.split.any())
        buckets = columns.numbers & _MASK
        near = self.near(columns)
        np.add.at(self._held, buckets[near], (columns.end - columns.start)[near] * 2.0)

    def add_rows(self, chunk: Chunk) -> Chunk:
        """Count the rows of a chunk and return an empty one in its place."""
        sizes = np.diff(chunk.offsets)
        ops = chunk.ops
        self.size_bytes += int(sizes.sum())
        self.commands += int((chunk.names != 0).sum())
        self.flushes |= bool(np.isin(ops, (Op.FLUSH_DB, Op.FLUSH_ALL)).any())
        self._add_idle(chunk, sizes)
        one = np.flatnonzero((ops >= Op.ONE_CHANGES) & (ops <= Op.ONE_SETS))
        buckets = (chunk.keys[one] & _MASK).astype(np.int64)
        sets = ops[one] == Op.ONE_SETS
        built = np.isin(ops[one], (Op.ONE_CHANGES, Op.ONE_REPLACES))
        np.add.at(self._held, buckets, float(_ROW_BYTES))
        np.add.at(self._sets, buckets[sets], sizes[one][sets].astype(float))
        np.add.at(self._built, buckets[built], sizes[one][built] * float(_OBJECT_FACTOR))
        self.touched[buckets] = True
        many = np.flatnonzero((ops >= Op.MANY) & (ops <= Op.SORT))
        if len(many):
            self._add_many(chunk, many, sizes)
        return empty_chunk(chunk)

    def _add_many(self, chunk: Chunk, rows: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
        first, counts = ref_counts(chunk, rows)
        buckets = (chunk.ref_keys & _MASK).astype(np.int64)
        self.touched[buckets] = True
        np.add.at(self._held, buckets, float(_ROW_BYTES + _REF_BYTES))
        tying = chunk.ops[rows] != Op.MANY_TRIM
        trims = np.flatnonzero(~tying)
        np.add.at(self._sets, buckets[first[trims]], sizes[rows][trims].astype(float))
        np.add.at(self._built, buckets[first[tying]], sizes[rows][tying] * float(_OBJECT_FACTOR))
        if not tying.any():
            return
        ones = np.repeat(buckets[first[tying]], counts[tying]).astype(np.uint32)
        rows_of = np.repeat(tying, counts)
        refs = (
            np.repeat(first, counts) + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        )
        others = buckets[refs[rows_of]].astype(np.uint32)
        unite(self._parents, ones, others)
        if (chunk.ops[rows] == Op.SORT).any():
            # A pattern reads any key of its database, and buckets know no database.
            self.sorts = True
            self._parents[:] = 0

    def _add_idle(self, chunk: Chunk, sizes: NDArray[np.int64]) -> None:
        """Count rows that never reach a share."""
        fates = np.where(chunk.ops == Op.SCRIPTS, np.uint8(Fate.NO_EFFECT), chunk.fates)
        for fate in (Fate.NO_EFFECT, Fate.FRAMING):
            self._count(chunk.names, fates == fate, sizes, fate, 1)

    def _count(
        self,
        names: NDArray[np.uint16],
        rows: NDArray[np.bool_],
        sizes: NDArray[np.int64],
        fate: Fate,
        sign: int,
    ) -> None:
        for name in np.unique(names[rows]).tolist():
            same = rows & (names == name)
            cell = self.idle.setdefault((name, fate), [0, 0])
            cell[0] += sign * int(same.sum())
            cell[1] += sign * int(sizes[same].sum())

    def never_happened(self, chunk: Chunk, first: int) -> None:
        """Count rows of a transaction that never ends, which were counted for something else before."""
        if first >= len(chunk):
            return
        sizes = np.diff(chunk.offsets)
        sizes[:first] = 0
        late = np.arange(len(chunk)) >= first
        for fate in (Fate.NO_EFFECT, Fate.FRAMING):
            self._count(chunk.names, late & (chunk.fates == fate), sizes, fate, -1)
        self._count(chunk.names, late, sizes, Fate.UNFINISHED, 1)


def survey_log(
    tails: list[Tail], base_path: str | None, table: EffectTable, progress: Progress = no_progress
) -> Survey:
    """Read a log once, the commands and then the RDB part.

    A survey that meets an opaque command says so in `trace.first_opaque`; it is of no use then.
    """
    keys = NewKeys()
    keys.use_buckets(BUCKET_BITS)
    survey = Survey(keys, Trace(table.setting.databases, keys))
    survey.trace, survey.ends = trace_tails(
        tails, table, progress, keys=keys, sealed=survey.add_rows, chunk_rows=CHUNK_ROWS
    )
    if base_path is not None and survey.trace.first_opaque is None:
        for columns in base_columns(base_path, keys, progress):
            survey.add_base(columns)
            survey.empty = columns.empty
    return survey


def before(place: RowPlace | None, chunk: int, rows: int) -> int:
    """Return how many rows of a chunk stand before a place; all of them where there is none."""
    if place is None or place.chunk > chunk:
        return rows
    return place.row if place.chunk == chunk else 0
