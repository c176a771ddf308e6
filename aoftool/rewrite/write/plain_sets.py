"""Keys whose value stands in the log, for a plain SET, or a part of an MSET, is their only command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from aoftool.commands.effects import EffectTable
from aoftool.liveness.model import DROPPED, Chunk, Op
from aoftool.rewrite.decide.touches import row_refs
from aoftool.rewrite.replay.texts import TextReader

__all__ = ["plain_set_values", "set_places", "set_records"]


def plain_set_values(
    table: EffectTable,
    chunk: Chunk,
    rows: NDArray[np.int64],
    keys: NDArray[np.uint32],
    reader: TextReader,
) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, value) of keys that plain SETs write, in order.

    Args:
        rows, keys: a key of the trace's table and the row that sets it; a row of several keys once each.
    """
    if (chunk.ops[rows] == Op.ONE_SETS).all():
        for _, argv in reader.texts(chunk, rows):
            yield argv[1], argv[2]
        return
    wanted = iter(zip(rows.tolist(), _ranks(chunk, rows, keys).tolist(), strict=True))
    steps: dict[int, tuple[int, int]] = {}
    wanted_row, rank = next(wanted)
    for row, argv in reader.texts(chunk, rows[np.diff(rows, prepend=-1) > 0]):
        first, step = 1, 0
        if chunk.ops[row] != Op.ONE_SETS:
            name = int(chunk.names[row])
            if name not in steps:
                form = table.forms(argv[0].upper())[0]
                steps[name] = int(form.keys[0]["first"]), int(form.keys[0]["step"])
            first, step = steps[name]
        while wanted_row == row:
            place = first + step * rank
            yield argv[place], argv[place + 1]
            wanted_row, rank = next(wanted, (-1, 0))


def _ranks(chunk: Chunk, rows: NDArray[np.int64], keys: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return which of the keys of its row each key is: of equal ones the last that is not cut out.

    Args:
        rows, keys: one key of a row each, rows ascending.
    """
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
    rows: NDArray[np.int64],
    keys: NDArray[np.uint32],
) -> NDArray[np.int64]:
    """Return which argument of its row each key is; its value is the next one.

    Args:
        names: of commands, by number.
        rows, keys: a key of the trace's table and the row that sets it; a row of several keys once each.
    """
    places = np.ones(len(rows), np.int64)
    several = np.flatnonzero(chunk.ops[rows] != Op.ONE_SETS)
    if not len(several):
        return places
    ranks = _ranks(chunk, rows, keys)
    of_row = chunk.names[rows[several]]
    for name in np.unique(of_row).tolist():
        form = table.forms(names[name])[0]
        here = several[of_row == name]
        places[here] = int(form.keys[0]["first"]) + int(form.keys[0]["step"]) * ranks[here]
    return places


def set_records(
    reader: TextReader,
    chunk: Chunk,
    rows: NDArray[np.int64],
    copied: NDArray[np.bool_],
    places: NDArray[np.int64],
    compress: bool,
) -> Iterator[tuple[slice, bytes, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield (which keys, records of those that stand in the log, where each starts, where it ends) in order.

    Args:
        rows: one for each key, ascending.
        copied: which of the keys stand in the log.
        places: of those, see `set_places`.
        compress: pack long strings.
    """
    in_log = np.flatnonzero(copied)
    at = first = 0
    for data, sizes in reader.pair_records(chunk, rows[in_log], places, compress):
        here = in_log[first : first + len(sizes)]
        first += len(sizes)
        stop = int(here[-1]) + 1
        starts, ends = np.zeros((2, stop - at), np.int64)
        ends[here - at] = np.cumsum(sizes)
        starts[here - at] = ends[here - at] - sizes
        yield slice(at, stop), data, starts, ends
        at = stop
    if at < len(rows):
        starts, ends = np.zeros((2, len(rows) - at), np.int64)
        yield slice(at, len(rows)), b"", starts, ends
