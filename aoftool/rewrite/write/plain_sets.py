"""Keys whose value stands in the log, for a plain SET, or a part of an MSET, is their only command."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aoftool.columns import Column, array_of, zeros
from aoftool.commands.effects import EffectTable
from aoftool.liveness.model import DROPPED, Chunk, Op
from aoftool.rewrite.decide.picking import are_sets, distinct_rows, lay_out
from aoftool.rewrite.replay.texts import TextReader

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["plain_set_values", "set_places", "set_records"]


def plain_set_values(
    table: EffectTable,
    chunk: Chunk,
    rows: Column,
    keys: Column,
    reader: TextReader,
) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, value) of keys that plain SETs write, in order.

    Args:
        rows, keys: a key of the trace's table and the row that sets it; a row of several keys once each.
    """
    if are_sets(chunk, rows):
        for _, argv in reader.texts(chunk, rows):
            yield argv[1], argv[2]
        return
    wanted = iter(zip(rows, _ranks(chunk, rows, keys).tolist(), strict=True))
    steps: dict[int, tuple[int, int]] = {}
    wanted_row, rank = next(wanted)
    for row, argv in reader.texts(chunk, distinct_rows(rows)):
        first, step = 1, 0
        if chunk.columns.ops[row] != Op.ONE_SETS:
            name = chunk.columns.names[row]
            if name not in steps:
                form = table.forms(argv[0].upper())[0]
                steps[name] = int(form.keys[0]["first"]), int(form.keys[0]["step"])
            first, step = steps[name]
        while wanted_row == row:
            place = first + step * rank
            yield argv[place], argv[place + 1]
            wanted_row, rank = next(wanted, (-1, 0))


def _ranks(chunk: Chunk, row_column: Column, key_column: Column) -> NDArray[np.int64]:
    """Return which of the keys of its row each key is: of equal ones the last that is not cut out.

    Args:
        row_column, key_column: one key of a row each, rows ascending.
    """
    # Here: only for commands with several keys.
    import numpy as np

    from aoftool.rewrite.decide.touch_arrays import row_refs

    rows, keys = array_of(row_column), array_of(key_column)
    ranks = np.zeros(len(rows), np.int64)
    several = np.flatnonzero(chunk.ops[rows] >= Op.MANY)
    if not len(several):
        return ranks
    many, of_row = np.unique(rows[several], return_inverse=True)
    refs, counts = row_refs(chunk, many)
    rank = np.arange(len(refs)) - np.repeat(np.cumsum(counts) - counts, counts)
    held = (chunk.ref_effects[refs] & DROPPED) == 0
    cells = (np.repeat(np.arange(len(many)), counts) << 32 | chunk.ref_keys[refs])[held]
    order = np.argsort(cells, kind="stable")
    asked = of_row << 32 | keys[several]
    ranks[several] = rank[held][order][np.searchsorted(cells[order], asked, "right") - 1]
    return ranks


def set_places(
    table: EffectTable,
    names: Sequence[bytes],
    chunk: Chunk,
    rows: Column,
    keys: Column,
) -> Column:
    """Return which argument of its row each key is; its value is the next one.

    Args:
        names: of commands, by number.
        rows, keys: a key of the trace's table and the row that sets it; a row of several keys once each.
    """
    if are_sets(chunk, rows):
        return memoryview(array("q", (1,)) * len(rows))
    ranks = _ranks(chunk, rows, keys)
    import numpy as np

    places = np.ones(len(rows), np.int64)
    several = np.flatnonzero(chunk.ops[array_of(rows)] != Op.ONE_SETS)
    of_row = chunk.names[array_of(rows)[several]]
    for name in np.unique(of_row).tolist():
        form = table.forms(names[name])[0]
        here = several[of_row == name]
        places[here] = int(form.keys[0]["first"]) + int(form.keys[0]["step"]) * ranks[here]
    return places.data


def set_records(
    reader: TextReader, chunk: Chunk, in_log: Column, copied: bytearray, places: Column, compress: bool
) -> Iterator[tuple[slice, bytes, Column, Column]]:
    """Yield (which keys, records of those that stand in the log, where each starts, where it ends) in order.

    Args:
        in_log: the row of each key that stands in the log, ascending.
        copied: one byte a key, 1 for those.
        places: of those, see `set_places`.
        compress: pack long strings.
    """
    at = 0
    for data, sizes in reader.pair_records(chunk, in_log, places, compress):
        stop, starts, ends = lay_out(copied, at, sizes)
        yield slice(at, stop), data, starts, ends
        at = stop
    if at < len(copied):
        left = len(copied) - at
        yield slice(at, len(copied)), b"", zeros("q", left), zeros("q", left)
