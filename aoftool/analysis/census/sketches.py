"""Keys that are too many to be counted one by one, in sketches of the `datasketches` library.

The heaviest keys of each emptied table are given to them, and of the others it is kept how heavy one may be.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from aoftool.analysis.census.key_count import KeyCount
from aoftool.columns import Column
from aoftool.errors import MissingExtraError
from aoftool.keyspace.hll import REGISTERS, add_elements, count_registers

if TYPE_CHECKING:
    from aoftool.analysis.census.key_counts import KeyCounts

__all__ = ["Sketches"]

_MAP_BITS = 16
# Keys of one emptying that the sketch is given: what is left out weighs less than one part in so many of it.
_GIVEN = 1 << 15
# Two standard errors of a HyperLogLog.
_COUNT_ERROR = 2 * 1.04 / math.sqrt(REGISTERS)


class Sketches:
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
        """Take in the keys of some columns."""
        add_elements(self.registers, counts.names, counts.name_end, counts.db)
        self.missed_writes += _give(self.writes, counts, "writes", counts.writes)
        self.missed_bytes += _give(self.sizes, counts, "bytes", counts.size_bytes)

    def merge(self, other: Sketches) -> None:
        """Take in what another one was given."""
        self.writes.merge(other.writes)
        self.sizes.merge(other.sizes)
        self.missed_writes += other.missed_writes
        self.missed_bytes += other.missed_bytes
        self.registers = bytearray(map(max, self.registers, other.registers))

    def distinct_bounds(self) -> tuple[int, int]:
        """Return the least and the most distinct keys, at two standard errors."""
        found = count_registers(self.registers)
        return math.floor(found / (1 + _COUNT_ERROR)), math.ceil(found / (1 - _COUNT_ERROR))

    def top(self, by_bytes: bool, limit: int) -> list[KeyCount]:
        """Return the first keys by bytes or by writes."""
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
    ranks = counts.ranked(by, _GIVEN + 1)
    for number in ranks[:_GIVEN]:
        sketch.update(f"{counts.db[number]}:" + counts.name(number).decode("latin-1"), weights[number])
    return weights[ranks[_GIVEN]] if len(ranks) > _GIVEN else 0
