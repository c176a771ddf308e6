"""Writes and bytes of every key, exact while they fit and a library's sketch behind that: a summary.

Exact counts are columns, some 70 bytes and the name for each key. When more distinct keys come than
`CensusOptions.key_limit` says, the table is emptied: the heaviest keys go to frequent-items sketches of the
`datasketches` library (the extra `sketches`), and of the others it is kept how heavy one may be: a key that
weighs much weighs much in some emptying. Without the library the keys in the table stay exact and later ones
are counted together.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from aoftool.analysis.census.key_count import KeyCount
from aoftool.analysis.census.model import DELETED, KeyColumns
from aoftool.analysis.census.tables import count_prefixes, ranked
from aoftool.columns import Column, HoldsColumns, column_of, view_of, zeros
from aoftool.dataclass import dataclass, field, replace
from aoftool.escape import printable, unprintable

if TYPE_CHECKING:
    from aoftool.analysis.census.sketches import Sketches

__all__ = ["KeyCount", "KeyCounts", "have_sketches"]


def have_sketches() -> bool:
    """Tell whether the sketch library is there."""
    import importlib.util

    return importlib.util.find_spec("datasketches") is not None


def _no_column() -> Column:
    return zeros("q", 0)


@dataclass
class KeyCounts(HoldsColumns):
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
    _sketches: Sketches | None = None

    @classmethod
    def of(cls, columns: KeyColumns, prefixes: list[bytes]) -> KeyCounts:
        """Return the counts of some columns."""
        db, prefix, writes, size_bytes, deadline_ms, name_end = (
            view_of("q", column) for column in columns[:6]
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
        start = self.name_end[number - 1] if number else 0
        return self.names[start : self.name_end[number]]

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
            self._sketches = _new_sketches()
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
        return [self.count(number) for number in self.ranked(by, limit)]

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
        return ranked(first, second, limit)

    def count(self, number: int) -> KeyCount:
        """Return one key by its number in the columns."""
        return KeyCount(
            self.db[number],
            self.name(number),
            self.writes[number],
            self.size_bytes[number],
            deadline_ms=self.deadline_ms[number],
        )

    def by_prefix(self) -> dict[bytes, tuple[int, int, int]]:
        """Return (keys, keys that expire, keys deleted last) by prefix; of keys in the columns only."""
        counts = count_prefixes(self.prefix, self.deadline_ms, len(self.prefixes))
        rows = zip(self.prefixes, *counts, strict=True)
        return {name: (keys, expiring, deleted) for name, keys, expiring, deleted in rows if keys}

    def deleted(self) -> int:
        """Return how many keys were deleted last; of those in the columns only."""
        return sum(count_prefixes(self.prefix, self.deadline_ms, len(self.prefixes))[2])

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
                    (db, name), [places[side.prefixes[side.prefix[number]]], 0, 0, DELETED]
                )
                row[1] += writes
                row[2] += size
                row[3] = max(row[3], side.deadline_ms[number])
            if side._sketches is not None:
                total._sketches = total._sketches or _new_sketches()
                total._sketches.merge(side._sketches)
        keys = sorted(found)
        total.db = column_of("q", (db for db, _ in keys))
        total.prefix, total.writes, total.size_bytes, total.deadline_ms = (
            column_of("q", (found[key][place] for key in keys)) for place in range(4)
        )
        total.name_end = column_of("q", accumulate(len(name) for _, name in keys))
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
                    printable(self.prefixes[self.prefix[n]]),
                    writes,
                    size,
                    self.deadline_ms[n],
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
            column_of("q", (row[0] for row in rows)),
            column_of("q", (places[unprintable(row[2])] for row in rows)),
            column_of("q", (row[3] for row in rows)),
            column_of("q", (row[4] for row in rows)),
            column_of("q", (row[5] for row in rows)),
            column_of("q", accumulate(len(name) for name in names)),
            b"".join(names),
            members["loose_writes"],
            members["loose_bytes"],
        )


def _new_sketches() -> Sketches:
    # Here: they are for more keys than most logs hold.
    from aoftool.analysis.census.sketches import Sketches

    return Sketches()
