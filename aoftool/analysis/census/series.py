"""What a log holds stretch by stretch, told apart by command, database and prefix: a summary.

A slice is the commands of one file in one stretch of `2 ** shift` bytes under one time step of
`width_s` seconds. Widths only grow, along a ladder on which every step divides the next, so counts stay
exact in any wider bucket. Knows no view of itself.
"""

from __future__ import annotations

from array import array
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from aoftool.analysis.census.model import CellKind, SliceColumns
from aoftool.analysis.census.tables import coarsened
from aoftool.columns import Column, HoldsColumns, array_of, column_of, zeros
from aoftool.dataclass import dataclass, field
from aoftool.escape import printable, unprintable

__all__ = ["CELLS_MOST", "SLICES_MOST", "WIDTHS_S", "Series"]

SLICES_MOST = 8192
CELLS_MOST = 400_000
WIDTHS_S = (1, 5, 15, 60, 300, 900, 3600, 10800, 86400, 604800)
"""Seconds of a time step; each divides the next but the last, which is for logs of many years."""

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Columns of a slice, and of a cell.
FILE, OFFSET, TIME, COMMANDS, BYTES, DEADLINE, STREAM, STREAM_AFTER = range(8)
SLICE, KIND, NAME, CELL_COMMANDS, CELL_BYTES = range(5)
_SLICE_SIZE, _CELL_SIZE = 8, 5


def _empty() -> Column:
    return zeros("q", 0)


@dataclass
class Series(HoldsColumns):
    """Counts by stretch.

    Attributes:
        files: their names by number.
        commands, prefixes: names by number; databases go by their own.
        shift, width_s: size of a stretch and of a time step.
        slice_numbers: a row of each slice, one behind the other, in the order of the log: file, offset, `#TS`
            (-1 without), commands, bytes, least expire time given (0: none), time of the first stream entry
            in milliseconds (0: none), commands of the slice before that entry. 64 bits each, as in the next.
        cell_numbers: of each cell slice, kind (`CellKind`), number of the name, commands, bytes.
    """

    files: list[str] = field(default_factory=list)
    commands: list[bytes] = field(default_factory=list)
    prefixes: list[bytes] = field(default_factory=list)
    shift: int = 0
    width_s: int = 1
    slice_numbers: Column = field(default_factory=_empty)
    cell_numbers: Column = field(default_factory=_empty)

    @property
    def slices(self) -> NDArray[np.int64]:
        """The rows of slices as an array."""
        return array_of(self.slice_numbers).reshape(-1, _SLICE_SIZE)

    @property
    def cells(self) -> NDArray[np.int64]:
        """The rows of cells as an array."""
        return array_of(self.cell_numbers).reshape(-1, _CELL_SIZE)

    @property
    def slice_count(self) -> int:
        """How many slices there are."""
        return len(self.slice_numbers) // _SLICE_SIZE

    def of_slices(self, column: int) -> list[int]:
        """Return a column of the slices, one of those named above."""
        return self.slice_numbers[column::_SLICE_SIZE].tolist() if len(self.slice_numbers) else []

    def of_cells(self, column: int) -> list[int]:
        """Return a column of the cells."""
        return self.cell_numbers[column::_CELL_SIZE].tolist() if len(self.cell_numbers) else []

    def add(self, columns: SliceColumns) -> None:
        """Add slices that follow those that are there."""
        read = {name: array("q", getattr(columns, name)) for name in columns._fields}
        count = len(read["file"])
        if not count:
            return
        entries = zip(read["stream_ms"], read["stream_index"], read["first_index"], strict=True)
        after = array("q", (index - first if time_ms > 0 else 0 for time_ms, index, first in entries))
        owner, begin = array("q"), 0
        for number, end in enumerate(read["cell_end"], self.slice_count):
            owner.extend(array("q", (number,)) * (end - begin))
            begin = end
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
        cells = (owner, read["cell_kind"], read["cell_id"], read["cell_commands"], read["cell_bytes"])
        self.slice_numbers = _behind(self.slice_numbers, rows)
        self.cell_numbers = _behind(self.cell_numbers, cells)

    @property
    def is_large(self) -> bool:
        """Tell whether there are more slices or cells than are worth keeping."""
        return self.slice_count > SLICES_MOST or len(self.cell_numbers) // _CELL_SIZE > CELLS_MOST

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
        steps = [time_s // self.width_s if time_s >= 0 else -1 for time_s in self.of_slices(TIME)]
        places = [offset >> self.shift for offset in self.of_slices(OFFSET)]
        return _changes(steps), _changes(places)

    def coarsen(self, shift: int, width_s: int) -> None:
        """Make stretches and time steps wider; both must be at least what they are."""
        self.shift, self.width_s = shift, width_s
        if self.slice_count:
            made = coarsened(self.slice_numbers, self.cell_numbers, shift, width_s)
            self.slice_numbers, self.cell_numbers = made

    def merge(self, other: Series) -> Series:
        """Return both together; stretches of one file are put in order. Neither side is changed."""
        total = Series(
            files=sorted({*self.files, *other.files}),
            commands=sorted({*self.commands, *other.commands}),
            prefixes=sorted({*self.prefixes, *other.prefixes}),
        )
        # Here, as below: only logs of many nodes are merged, and numpy takes longer to load than one to read.
        import numpy as np

        shift, width_s = max(self.shift, other.shift), max(self.width_s, other.width_s)
        slices, cells = self._renamed(total)
        more_slices, more_cells = other._renamed(total)
        more_cells[:, SLICE] += len(slices)
        slices, cells = np.concatenate((slices, more_slices)), np.concatenate((cells, more_cells))
        order = np.lexsort((slices[:, OFFSET], slices[:, FILE]))
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        cells[:, SLICE] = place[cells[:, SLICE]]
        total.slice_numbers = column_of("q", slices[order].ravel().tolist())
        total.cell_numbers = column_of("q", cells.ravel().tolist())
        total.coarsen(shift, width_s)
        return total

    def _renamed(self, total: Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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
        found: dict[int, tuple[int, int]] = {}
        columns = map(self.of_cells, (KIND, NAME, CELL_COMMANDS, CELL_BYTES))
        for of_kind, name, commands, size_bytes in zip(*columns, strict=True):
            if of_kind == kind:
                before = found.get(name, (0, 0))
                found[name] = before[0] + commands, before[1] + size_bytes
        return {name: found[name] for name in sorted(found)}

    def to_dict(self) -> dict[str, Any]:
        """Return JSON members; names as printable text."""
        return {
            "files": list(self.files),
            "commands": [printable(name) for name in self.commands],
            "prefixes": [printable(name) for name in self.prefixes],
            "shift": self.shift,
            "width_s": self.width_s,
            "slices": _rows(self.slice_numbers, _SLICE_SIZE),
            "cells": _rows(self.cell_numbers, _CELL_SIZE),
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
            slice_numbers=column_of("q", (number for row in members["slices"] for number in row)),
            cell_numbers=column_of("q", (number for row in members["cells"] for number in row)),
        )


def _behind(numbers: Column, columns: tuple[array[int], ...]) -> Column:
    """Return rows, one behind the other, with those of some columns behind them."""
    width = len(columns)
    rows = array("q", bytes(len(columns[0]) * width * 8))
    for place, column in enumerate(columns):
        rows[place::width] = column
    return memoryview(array("q", numbers.tobytes()) + rows)


def _rows(numbers: Column, width: int) -> list[list[int]]:
    flat: list[int] = numbers.tolist()
    return [flat[at : at + width] for at in range(0, len(flat), width)]


def _changes(figures: list[int]) -> int:
    """Return how often a figure differs from the one before it."""
    return sum(one != other for one, other in pairwise(figures))


def _renumber(mine: list[Any], theirs: list[Any]) -> NDArray[np.int64]:
    import numpy as np

    places = {name: number for number, name in enumerate(theirs)}
    return np.array([places[name] for name in mine] or [0], np.int64)
