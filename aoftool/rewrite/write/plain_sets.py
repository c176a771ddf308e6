"""Keys whose value stands in the log, for a plain SET, or a part of an MSET, is their only command."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from aoftool.columns import Column, column_of, zeros
from aoftool.commands.effects import EffectTable
from aoftool.liveness.model import Chunk, Op
from aoftool.rewrite.decide.picking import are_sets, distinct_rows, lay_out, ranks_of, set_arguments
from aoftool.rewrite.replay.texts import TextReader

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
    wanted = iter(zip(rows, ranks_of(chunk, rows, keys), strict=True))
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
    rules = [next(iter(table.forms(name)[0].keys), {}) for name in names]
    firsts = column_of("q", (int(rule.get("first", 0)) for rule in rules))
    steps = column_of("q", (int(rule.get("step", 1)) for rule in rules))
    return set_arguments(chunk, rows, keys, firsts, steps)


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
