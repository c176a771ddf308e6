"""Rows under construction, sealed into chunks of a bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

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
        ops = np.array(self._ops, np.uint8)
        effects = np.array([effect for _, effect, _ in self._refs], np.uint8)
        effects[self._ref_lasts] |= LAST
        chunk = Chunk(
            file=self.file,
            offsets=np.array(self._offsets, np.int64),
            names=np.array(self._names, np.uint16),
            ops=ops,
            keys=np.array(self._keys, np.uint32),
            fates=np.frombuffer(START_FATES, np.uint8)[ops],
            ref_keys=np.array([key for key, _, _ in self._refs], np.uint32),
            ref_effects=effects,
            ref_sizes=np.array([min(size, 2**32 - 1) for _, _, size in self._refs], np.uint32),
        )
        self._begin(self.end)
        return chunk
