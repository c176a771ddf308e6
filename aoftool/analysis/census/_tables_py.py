"""What takes a look at every key or every cell of a summary; the specification of `_tables_cy.pyx`.

Columns are 64 bits wide. A slice and a cell are rows of a table, their numbers one behind the other, in the
order that `series.py` says.
"""

from __future__ import annotations

import heapq
from array import array

from aoftool.analysis.census.model import DELETED
from aoftool.columns import Column, column_of, zeros

__all__ = ["coarsened", "count_prefixes", "ranked", "seconds_of"]

_SLICE, _CELL = 8, 5


def ranked(first: Column, second: Column, limit: int) -> Column:
    """Return the numbers of the first cells by one column, the other and then the place breaking ties."""
    return column_of("q", heapq.nsmallest(limit, range(len(first)), key=lambda n: (-first[n], -second[n], n)))


def count_prefixes(prefix: Column, deadline_ms: Column, size: int) -> tuple[Column, Column, Column]:
    """Return (keys, keys that expire, keys deleted last) by number of the prefix.

    Args:
        prefix, deadline_ms: of every key.
        size: prefixes there are.

    Raises:
        IndexError: there is no such prefix.
    """
    keys, expiring, deleted = zeros("q", size), zeros("q", size), zeros("q", size)
    for number, deadline in zip(prefix, deadline_ms, strict=True):
        keys[number] += 1
        expiring[number] += deadline > 0
        deleted[number] += deadline == DELETED
    return keys, expiring, deleted


def seconds_of(deadline_ms: Column) -> Column:
    """Return the seconds of the expire times that there are, in the order of the keys."""
    return column_of("q", (deadline // 1000 for deadline in deadline_ms if deadline > 0))


def coarsened(slices: Column, cells: Column, shift: int, width_s: int) -> tuple[Column, Column]:
    """Return slices joined that are in one stretch and time step now, and cells that say the same added up.

    Args:
        slices: in the order of the log.
        cells: with numbers of slices.
        shift, width_s: a stretch is `2 ** shift` bytes of a file, a time step so many seconds.

    Raises:
        IndexError: a cell is of no slice.
    """
    rows: list[list[int]] = []
    owner: list[int] = []
    last: tuple[int, int, int] | None = None
    for at in range(0, len(slices), _SLICE):
        file, offset, time_s, commands, size_bytes, deadline_ms, stream_ms, stream_after = slices[at : at + 8]
        mark = file, offset >> shift, time_s // width_s if time_s >= 0 else -1
        if mark != last:
            rows.append([file, offset, time_s, 0, 0, 0, 0, 0])
            last = mark
        row = rows[-1]
        if stream_ms > 0 and not row[6]:
            row[6:] = stream_ms, stream_after + row[3]
        row[3] += commands
        row[4] += size_bytes
        if deadline_ms > 0:
            row[5] = min(row[5] or deadline_ms, deadline_ms)
        owner.append(len(rows) - 1)
    sums: dict[tuple[int, int, int], list[int]] = {}
    for at in range(0, len(cells), _CELL):
        number, kind, name, commands, size_bytes = cells[at : at + _CELL]
        if number < 0:
            raise IndexError("a cell of no slice")
        total = sums.setdefault((owner[number], kind, name), [0, 0])
        total[0] += commands
        total[1] += size_bytes
    joined = array("q", (number for row in rows for number in row))
    added = array("q", (number for key in sorted(sums) for number in (*key, *sums[key])))
    return memoryview(joined), memoryview(added)
