"""Writes and bytes of every key, exact while they fit and a library's sketch behind that: a summary.

Exact counts are columns, some 70 bytes and the name for each key. When more distinct keys come than
`CensusOptions.key_limit` says, the table is emptied: the heaviest keys go to frequent-items sketches of the
`datasketches` library (the extra `sketches`), and of the others it is kept how heavy one may be: a key that
weighs much weighs much in some emptying. Without the library the keys in the table stay exact and later ones
are counted together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from aoftool.analysis.census.model import DELETED, KeyColumns
from aoftool.dataclass import dataclass, field, replace
from aoftool.errors import MissingExtraError
from aoftool.escape import printable, unprintable
from aoftool.keyspace.hll import REGISTERS, add_elements, count_registers

__all__ = ["KeyCount", "KeyCounts", "have_sketches"]

Column = npt.NDArray[np.int64]
_MAP_BITS = 16
# Keys of one emptying that the sketch is given: what is left out weighs less than one part in so many of it.
_GIVEN = 1 << 15
# Two standard errors of a HyperLogLog.
_COUNT_ERROR = 2 * 1.04 / math.sqrt(REGISTERS)


@dataclass(frozen=True, slots=True)
class KeyCount:
    """One key of a top list.

    Attributes:
        writes, size_bytes: the most it can be; exact when `writes_over` and `bytes_over` are 0.
        writes_over, bytes_over: by how much that may be too much.
        deadline_ms: its expire time as the commands left it, 0 for none, -1 when it was deleted; None
            when only a sketch is left.
    """

    db: int
    key: bytes
    writes: int
    size_bytes: int
    writes_over: int = 0
    bytes_over: int = 0
    deadline_ms: int | None = None


def have_sketches() -> bool:
    """Tell whether the sketch library is there."""
    import importlib.util

    return importlib.util.find_spec("datasketches") is not None


class _Sketches:
    """Frequent keys by writes and by bytes, and how many distinct ones."""

    def __init__(self) -> None:
        try:
            import datasketches
        except ImportError as error:
            raise MissingExtraError(
                "counting more keys than fit needs the datasketches library",
                hint="pip install datasketches",
            ) from error
        self._library = datasketches
        self.writes = datasketches.frequent_strings_sketch(_MAP_BITS)
        self.sizes = datasketches.frequent_strings_sketch(_MAP_BITS)
        # The most that a key may have had where it was left out.
        self.missed_writes = self.missed_bytes = 0
        self.registers = bytearray(REGISTERS)

    def add(self, counts: KeyCounts) -> None:
        add_elements(self.registers, counts.names, counts.name_end.data, counts.db.data)
        self.missed_writes += _give(self.writes, counts, "writes", counts.writes)
        self.missed_bytes += _give(self.sizes, counts, "bytes", counts.size_bytes)

    def merge(self, other: _Sketches) -> None:
        self.writes.merge(other.writes)
        self.sizes.merge(other.sizes)
        self.missed_writes += other.missed_writes
        self.missed_bytes += other.missed_bytes
        self.registers = bytearray(map(max, self.registers, other.registers))

    def distinct_bounds(self) -> tuple[int, int]:
        found = count_registers(self.registers)
        return math.floor(found / (1 + _COUNT_ERROR)), math.ceil(found / (1 - _COUNT_ERROR))

    def top(self, by_bytes: bool, limit: int) -> list[KeyCount]:
        ranked = self.sizes if by_bytes else self.writes
        kind = self._library.frequent_items_error_type.NO_FALSE_NEGATIVES
        found = sorted(ranked.get_frequent_items(kind), key=lambda item: (-item[1], item[0]))[:limit]
        return [self._count(item[0]) for item in found]

    def _count(self, text: str) -> KeyCount:
        db, _, name = text.partition(":")
        writes = int(self.writes.get_upper_bound(text)) + self.missed_writes
        size = int(self.sizes.get_upper_bound(text)) + self.missed_bytes
        return KeyCount(
            int(db),
            name.encode("latin-1"),
            writes,
            size,
            writes - int(self.writes.get_lower_bound(text)),
            size - int(self.sizes.get_lower_bound(text)),
        )


def _give(sketch: Any, counts: KeyCounts, by: str, weights: Column) -> int:
    """Give the heaviest keys to a sketch; return the weight of the heaviest of the others, 0 without any."""
    given = counts.ranked(by, _GIVEN)
    for number in given.tolist():
        sketch.update(f"{counts.db[number]}:" + counts.name(number).decode("latin-1"), int(weights[number]))
    left = np.ones(len(weights), bool)
    left[given] = False
    return int(weights[left].max(initial=0))


def _no_column() -> Column:
    return np.zeros(0, np.int64)


@dataclass
class KeyCounts:
    """What was counted of keys.

    Attributes:
        db, prefix, writes, size_bytes, deadline_ms, name_end, names: columns as in `KeyColumns`, with
            numbers of `prefixes`.
        loose_writes, loose_bytes: counted of keys that found no place and are in no sketch.
    """

    prefixes: list[bytes] = field(default_factory=list)
    db: Column = field(default_factory=_no_column)
    prefix: Column = field(default_factory=_no_column)
    writes: Column = field(default_factory=_no_column)
    size_bytes: Column = field(default_factory=_no_column)
    deadline_ms: Column = field(default_factory=_no_column)
    name_end: Column = field(default_factory=_no_column)
    names: bytes = b""
    loose_writes: int = 0
    loose_bytes: int = 0
    _sketches: _Sketches | None = None

    @classmethod
    def of(cls, columns: KeyColumns, prefixes: list[bytes]) -> KeyCounts:
        """Return the counts of some columns."""
        db, prefix, writes, size_bytes, deadline_ms, name_end = (
            np.frombuffer(column, np.int64) for column in columns[:6]
        )
        return cls(prefixes, db, prefix, writes, size_bytes, deadline_ms, name_end, columns.names)

    def __len__(self) -> int:
        return len(self.db)

    @property
    def exact(self) -> bool:
        """Tell whether every key was counted by itself."""
        return self._sketches is None and not self.loose_writes

    def name(self, number: int) -> bytes:
        """Return the name of a key by its number in the columns."""
        start = int(self.name_end[number - 1]) if number else 0
        return self.names[start : int(self.name_end[number])]

    def rows(self) -> Iterator[tuple[int, bytes, int, int]]:
        """Yield (db, name, writes, bytes) of every key in the columns."""
        start = 0
        columns = zip(
            self.db.tolist(),
            self.name_end.tolist(),
            self.writes.tolist(),
            self.size_bytes.tolist(),
            strict=True,
        )
        for db, end, writes, size in columns:
            yield db, self.names[start:end], writes, size
            start = end

    def absorb(self, drained: KeyCounts) -> None:
        """Give keys that were taken out of a full table to the sketches.

        Raises:
            MissingExtraError: the library is not installed.
        """
        if self._sketches is None:
            self._sketches = _Sketches()
        self._sketches.add(drained)

    def settle(self) -> None:
        """Give the columns to the sketches too, when there are any, so that one place holds all."""
        if self._sketches is not None and len(self):
            self._sketches.add(self)
            self.db = self.prefix = self.writes = self.size_bytes = _no_column()
            self.deadline_ms = self.name_end = _no_column()
            self.names = b""

    def distinct(self) -> tuple[int, int]:
        """Return the least and the most distinct keys there are; for a sketch at two standard errors."""
        if self._sketches is not None:
            least, most = self._sketches.distinct_bounds()
            return least, most + self.loose_writes
        return len(self), len(self) + self.loose_writes

    def top(self, by: str, limit: int) -> list[KeyCount]:
        """Return the first keys by `bytes` or `writes`, the other figure breaking ties."""
        if self._sketches is not None:
            found = self._sketches.top(by == "bytes", limit)
            # What found no place anywhere may belong to any of them.
            return [self._widened(count) for count in found]
        order = self.ranked(by, limit)
        return [self.count(int(number)) for number in order]

    def _widened(self, count: KeyCount) -> KeyCount:
        return replace(
            count,
            writes=count.writes + self.loose_writes,
            writes_over=count.writes_over + self.loose_writes,
            size_bytes=count.size_bytes + self.loose_bytes,
            bytes_over=count.bytes_over + self.loose_bytes,
        )

    def ranked(self, by: str, limit: int) -> Column:
        """Return the numbers of the first keys by `bytes` or `writes`; of equals the one met first."""
        first, second = (self.size_bytes, self.writes) if by == "bytes" else (self.writes, self.size_bytes)
        chosen = np.arange(len(first))
        if len(first) > limit:
            least = np.partition(first, len(first) - limit)[len(first) - limit]
            above, level = np.flatnonzero(first > least), np.flatnonzero(first == least)
            # Millions of keys may be level: of those the ones that lead by the other figure.
            level = level[np.argsort(-second[level], kind="stable")[: limit - len(above)]]
            chosen = np.concatenate((above, level))
        return chosen[np.lexsort((chosen, -second[chosen], -first[chosen]))]

    def count(self, number: int) -> KeyCount:
        """Return one key by its number in the columns."""
        return KeyCount(
            int(self.db[number]),
            self.name(number),
            int(self.writes[number]),
            int(self.size_bytes[number]),
            deadline_ms=int(self.deadline_ms[number]),
        )

    def by_prefix(self) -> dict[bytes, tuple[int, int, int]]:
        """Return (keys, keys that expire, keys deleted last) by prefix; of keys in the columns only."""
        size = len(self.prefixes)
        keys = np.bincount(self.prefix, minlength=size)
        expiring = np.bincount(self.prefix[self.deadline_ms > 0], minlength=size)
        deleted = np.bincount(self.prefix[self.deadline_ms == DELETED], minlength=size)
        return {
            name: (int(keys[number]), int(expiring[number]), int(deleted[number]))
            for number, name in enumerate(self.prefixes)
            if keys[number]
        }

    def merge(self, other: KeyCounts) -> KeyCounts:
        """Return both together; neither is changed. Of two expire times the later stands.

        For parts of one log in order this is not what replaying them in a row gives.
        """
        total = KeyCounts(prefixes=sorted({*self.prefixes, *other.prefixes}))
        total.loose_writes = self.loose_writes + other.loose_writes
        total.loose_bytes = self.loose_bytes + other.loose_bytes
        found: dict[tuple[int, bytes], list[int]] = {}
        places = {name: number for number, name in enumerate(total.prefixes)}
        for side in (self, other):
            for number, (db, name, writes, size) in enumerate(side.rows()):
                row = found.setdefault(
                    (db, name), [places[side.prefixes[int(side.prefix[number])]], 0, 0, DELETED]
                )
                row[1] += writes
                row[2] += size
                row[3] = max(row[3], int(side.deadline_ms[number]))
            if side._sketches is not None:
                total._sketches = total._sketches or _Sketches()
                total._sketches.merge(side._sketches)
        keys = sorted(found)
        total.db = np.array([db for db, _ in keys], np.int64)
        rows = np.array([found[key] for key in keys], np.int64).reshape(-1, 4)
        total.prefix, total.writes, total.size_bytes, total.deadline_ms = (
            rows[:, n].copy() for n in range(4)
        )
        total.name_end = np.cumsum([len(name) for _, name in keys], dtype=np.int64)
        total.names = b"".join(name for _, name in keys)
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return JSON members of exact counts; names as printable text.

        Raises:
            ValueError: a sketch has taken over.
        """
        if self._sketches is not None:
            raise ValueError("counts held in sketches have no dict form")
        return {
            "keys": [
                [
                    db,
                    printable(name),
                    printable(self.prefixes[int(self.prefix[n])]),
                    writes,
                    size,
                    int(self.deadline_ms[n]),
                ]
                for n, (db, name, writes, size) in enumerate(self.rows())
            ],
            "loose_writes": self.loose_writes,
            "loose_bytes": self.loose_bytes,
        }

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> KeyCounts:
        """Return the counts that `to_dict` made members of."""
        rows = members["keys"]
        prefixes = sorted({unprintable(row[2]) for row in rows})
        places = {name: number for number, name in enumerate(prefixes)}
        names = [unprintable(row[1]) for row in rows]
        return cls(
            prefixes,
            np.array([row[0] for row in rows], np.int64),
            np.array([places[unprintable(row[2])] for row in rows], np.int64),
            np.array([row[3] for row in rows], np.int64),
            np.array([row[4] for row in rows], np.int64),
            np.array([row[5] for row in rows], np.int64),
            np.cumsum([len(name) for name in names], dtype=np.int64),
            b"".join(names),
            members["loose_writes"],
            members["loose_bytes"],
        )
