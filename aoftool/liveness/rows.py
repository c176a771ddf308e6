"""Rows under construction, sealed into chunks of a bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aoftool.columns import column_of
from aoftool.liveness.model import LAST, Chunk, Fate, Op, RefEffect

__all__ = ["START_FATES", "RowStore", "Rows"]

_SETTLED = {
    Op.NOTHING: Fate.NO_EFFECT,
    Op.FRAMING: Fate.FRAMING,
    Op.UNFINISHED: Fate.UNFINISHED,
}
START_FATES = bytes(_SETTLED.get(op, Fate.LIVE) for op in Op)
"""Fate of each op before the backward pass: rows that write nothing have theirs already."""

Ref = tuple[int, RefEffect, int]
"""Key number, effect, size in bytes (0 unless the row may be trimmed)."""


class RowStore(Protocol):
    """What collects rows for a builder."""

    @property
    def end(self) -> int:
        """Offset behind the last row."""

    def __len__(self) -> int: ...

    def add(self, end: int, name: int, op: Op, key: int = 0, refs: Sequence[Ref] = ()) -> None:
        """Add the row that ends at `end`; with refs, `key` is set to the first of them."""

    def seal(self) -> Chunk:
        """Return the rows as a chunk and start afresh where they end."""


class Rows:
    """Collect the rows of one file. Rows must be added in order and without a gap.

    Args:
        file: number of the file.
        start: offset of its first row.
    """

    def __init__(self, file: int, start: int) -> None:
        self.file = file
        self._begin(start)

    def _begin(self, start: int) -> None:
        self._offsets = [start]
        self._names: list[int] = []
        self._ops: list[int] = []
        self._keys: list[int] = []
        self._refs: list[Ref] = []
        self._ref_lasts: list[int] = []

    def __len__(self) -> int:
        return len(self._ops)

    @property
    def end(self) -> int:
        """Offset behind the last row."""
        return self._offsets[-1]

    def add(self, end: int, name: int, op: Op, key: int = 0, refs: Sequence[Ref] = ()) -> None:
        """Add the row that ends at `end`; with refs, `key` is set to the first of them."""
        if refs:
            key = len(self._refs)
            self._refs.extend(refs)
            self._ref_lasts.append(len(self._refs) - 1)
        self._names.append(name)
        self._ops.append(op)
        self._keys.append(key)
        self._offsets.append(end)

    def seal(self) -> Chunk:
        """Return the rows as a chunk and start afresh where they end."""
        effects = column_of("B", (effect for _, effect, _ in self._refs))
        for last in self._ref_lasts:
            effects[last] |= LAST
        chunk = Chunk(
            file=self.file,
            offsets=column_of("q", self._offsets),
            names=column_of("H", self._names),
            ops=column_of("B", self._ops),
            keys=column_of("I", self._keys),
            fates=column_of("B", (START_FATES[op] for op in self._ops)),
            ref_keys=column_of("I", (key for key, _, _ in self._refs)),
            ref_effects=effects,
            ref_sizes=column_of("I", (min(size, 2**32 - 1) for _, _, size in self._refs)),
        )
        self._begin(self.end)
        return chunk
