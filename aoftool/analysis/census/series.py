"""What a log holds stretch by stretch, told apart by command, database and prefix: a summary.

A slice is the commands of one file in one stretch of `2 ** shift` bytes under one time step of
`width_s` seconds. Widths only grow, along a ladder on which every step divides the next, so counts stay
exact in any wider bucket. Knows no view of itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from aoftool.analysis.census.model import CellKind, SliceColumns
from aoftool.dataclass import dataclass, field
from aoftool.escape import printable, unprintable

__all__ = ["CELLS_MOST", "SLICES_MOST", "WIDTHS_S", "Series"]

SLICES_MOST = 8192
CELLS_MOST = 400_000
WIDTHS_S = (1, 5, 15, 60, 300, 900, 3600, 10800, 86400, 604800)
"""Seconds of a time step; each divides the next but the last, which is for logs of many years."""

Table = npt.NDArray[np.int64]
# Columns of a slice, and of a cell.
FILE, OFFSET, TIME, COMMANDS, BYTES, DEADLINE, STREAM, STREAM_AFTER = range(8)
SLICE, KIND, NAME, CELL_COMMANDS, CELL_BYTES = range(5)


def _empty(columns: int) -> Table:
    return np.zeros((0, columns), np.int64)


@dataclass(slots=True)
class Series:
    """Counts by stretch.

    Attributes:
        files: their names by number.
        commands, prefixes: names by number; databases go by their own.
        shift, width_s: size of a stretch and of a time step.
        slices: one row each, in the order of the log: file, offset, `#TS` (-1 without), commands,
            bytes, least expire time given (0: none), time of the first stream entry in milliseconds
            (0: none), commands of the slice before that entry.
        cells: slice, kind (`CellKind`), number of the name, commands, bytes.
    """

    files: list[str] = field(default_factory=list)
    commands: list[bytes] = field(default_factory=list)
    prefixes: list[bytes] = field(default_factory=list)
    shift: int = 0
    width_s: int = 1
    slices: Table = field(default_factory=lambda: _empty(8))
    cells: Table = field(default_factory=lambda: _empty(5))

    def add(self, columns: SliceColumns) -> None:
        """Add slices that follow those that are there."""
        read = {name: np.frombuffer(getattr(columns, name), np.int64) for name in columns._fields}
        if not len(read["file"]):
            return
        after = np.where(read["stream_ms"] > 0, read["stream_index"] - read["first_index"], 0)
        rows = (
            read["file"],
            read["offset"],
            read["time_s"],
            read["commands"],
            read["size_bytes"],
            read["deadline_ms"],
            read["stream_ms"],
            after,
        )
        counts = np.diff(read["cell_end"], prepend=0)
        owner = np.repeat(np.arange(len(counts)) + len(self.slices), counts)
        cells = (owner, read["cell_kind"], read["cell_id"], read["cell_commands"], read["cell_bytes"])
        self.slices = np.concatenate((self.slices, np.stack(rows, axis=1)))
        self.cells = np.concatenate((self.cells, np.stack(cells, axis=1)))

    @property
    def is_large(self) -> bool:
        """Tell whether there are more slices or cells than are worth keeping."""
        return len(self.slices) > SLICES_MOST or len(self.cells) > CELLS_MOST

    def shrink(self) -> None:
        """Widen the stretch or the time step until the series is small."""
        while self.is_large and (self.shift < 62 or self.width_s < WIDTHS_S[-1]):
            times, places = self._steps()
            if times >= places and self.width_s < WIDTHS_S[-1]:
                self.coarsen(self.shift, next(width for width in WIDTHS_S if width > self.width_s))
            elif self.shift < 62:
                self.coarsen(self.shift + 1, self.width_s)
            else:
                return

    def _steps(self) -> tuple[int, int]:
        """Return how often the time step changes, and how often the stretch."""
        if len(self.slices) < 2:
            return 0, 0
        places = self.slices[:, OFFSET] >> self.shift
        return int((np.diff(self._when()) != 0).sum()), int((np.diff(places) != 0).sum())

    def _when(self) -> Table:
        times = self.slices[:, TIME]
        steps: Table = np.where(times >= 0, times // self.width_s, -1)
        return steps

    def coarsen(self, shift: int, width_s: int) -> None:
        """Make stretches and time steps wider; both must be at least what they are."""
        self.shift, self.width_s = shift, width_s
        if not len(self.slices):
            return
        old = self.slices
        marks = np.stack((old[:, FILE], old[:, OFFSET] >> shift, self._when()), axis=1)
        new = np.concatenate(([True], (np.diff(marks, axis=0) != 0).any(axis=1)))
        starts = np.flatnonzero(new)
        owner = np.cumsum(new) - 1
        rows = old[starts].copy()
        rows[:, COMMANDS] = np.add.reduceat(old[:, COMMANDS], starts)
        rows[:, BYTES] = np.add.reduceat(old[:, BYTES], starts)
        far = np.where(old[:, DEADLINE] > 0, old[:, DEADLINE], np.iinfo(np.int64).max)
        least = np.minimum.reduceat(far, starts)
        rows[:, DEADLINE] = np.where(least < np.iinfo(np.int64).max, least, 0)
        rows[:, STREAM] = rows[:, STREAM_AFTER] = 0
        _first_streams(old, owner, rows)
        self.slices = rows
        self.cells = self.cells.copy()
        self.cells[:, SLICE] = owner[self.cells[:, SLICE]]
        self.cells = _summed(self.cells)

    def merge(self, other: Series) -> Series:
        """Return both together; stretches of one file are put in order. Neither side is changed."""
        total = Series(
            files=sorted({*self.files, *other.files}),
            commands=sorted({*self.commands, *other.commands}),
            prefixes=sorted({*self.prefixes, *other.prefixes}),
        )
        shift, width_s = max(self.shift, other.shift), max(self.width_s, other.width_s)
        for side in (self, other):
            slices, cells = side._renamed(total)
            cells[:, SLICE] += len(total.slices)
            total.slices = np.concatenate((total.slices, slices))
            total.cells = np.concatenate((total.cells, cells))
        order = np.lexsort((total.slices[:, OFFSET], total.slices[:, FILE]))
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        total.slices = total.slices[order]
        total.cells[:, SLICE] = place[total.cells[:, SLICE]]
        total.coarsen(shift, width_s)
        return total

    def _renamed(self, total: Series) -> tuple[Table, Table]:
        """Return slices and cells with the numbers that names have in a greater series."""
        slices, cells = self.slices.copy(), self.cells.copy()
        slices[:, FILE] = _renumber(self.files, total.files)[slices[:, FILE]]
        for kind, mine, theirs in (
            (CellKind.COMMAND, self.commands, total.commands),
            (CellKind.PREFIX, self.prefixes, total.prefixes),
        ):
            chosen = cells[:, KIND] == kind
            cells[chosen, NAME] = _renumber(mine, theirs)[cells[chosen, NAME]]
        return slices, cells

    def totals(self, kind: CellKind) -> dict[int, tuple[int, int]]:
        """Return (commands, bytes) by number of the name."""
        chosen = self.cells[self.cells[:, KIND] == kind]
        names, owner = np.unique(chosen[:, NAME], return_inverse=True)
        sums = np.zeros((len(names), 2), np.int64)
        np.add.at(sums, owner, chosen[:, CELL_COMMANDS:])
        return {int(name): (int(row[0]), int(row[1])) for name, row in zip(names, sums, strict=True)}

    def to_dict(self) -> dict[str, Any]:
        """Return JSON members; names as printable text."""
        return {
            "files": list(self.files),
            "commands": [printable(name) for name in self.commands],
            "prefixes": [printable(name) for name in self.prefixes],
            "shift": self.shift,
            "width_s": self.width_s,
            "slices": self.slices.tolist(),
            "cells": self.cells.tolist(),
        }

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> Series:
        """Return the series that `to_dict` made members of."""
        return cls(
            files=list(members["files"]),
            commands=[unprintable(name) for name in members["commands"]],
            prefixes=[unprintable(name) for name in members["prefixes"]],
            shift=members["shift"],
            width_s=members["width_s"],
            slices=np.array(members["slices"], np.int64).reshape(-1, 8),
            cells=np.array(members["cells"], np.int64).reshape(-1, 5),
        )


def _renumber(mine: list[Any], theirs: list[Any]) -> Table:
    places = {name: number for number, name in enumerate(theirs)}
    numbers: Table = np.array([places[name] for name in mine] or [0], np.int64)
    return numbers


def _first_streams(old: Table, owner: Table, rows: Table) -> None:
    """Carry the first stream entry of each group, with the commands before it in the group."""
    having = np.flatnonzero(old[:, STREAM] > 0)
    if not len(having):
        return
    before = np.cumsum(old[:, COMMANDS]) - old[:, COMMANDS]
    group, first = np.unique(owner[having], return_index=True)
    chosen = having[first]
    starts = np.searchsorted(owner, group)
    rows[group, STREAM] = old[chosen, STREAM]
    rows[group, STREAM_AFTER] = old[chosen, STREAM_AFTER] + before[chosen] - before[starts]


def _summed(cells: Table) -> Table:
    """Return cells with equal slice, kind and name added up, in that order."""
    if not len(cells):
        return cells
    order = np.lexsort((cells[:, NAME], cells[:, KIND], cells[:, SLICE]))
    cells = cells[order]
    new = np.concatenate(([True], (np.diff(cells[:, :CELL_COMMANDS], axis=0) != 0).any(axis=1)))
    starts = np.flatnonzero(new)
    out: Table = cells[starts].copy()
    out[:, CELL_COMMANDS] = np.add.reduceat(cells[:, CELL_COMMANDS], starts)
    out[:, CELL_BYTES] = np.add.reduceat(cells[:, CELL_BYTES], starts)
    return out
