"""Rows and keys picked out of columns, and what is told of them; the specification of `_picking_cy.pyx`.

Rows are 64 bits wide and in ascending order, keys 32, flags 8; places are counted from 0.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import compress

from aoftool.columns import Column, column_of, zeros
from aoftool.liveness.model import DROPPED, Chunk, Fate, Op

__all__ = [
    "are_sets",
    "carried_rows",
    "chosen_keys",
    "chosen_rows",
    "count_homes",
    "distinct_rows",
    "flags_of",
    "in_database",
    "lay_out",
    "ranks_of",
    "rows_as_run",
    "set_arguments",
    "spans_of",
]


def spans_of(offsets: Column, rows: Column) -> tuple[Column, Column]:
    """Return where rows start, and where they end.

    Args:
        offsets: of all rows, and the end of the last.

    Raises:
        IndexError: there is no such row.
    """
    _need(rows, len(offsets) - 1)
    return column_of("q", (offsets[row] for row in rows)), column_of("q", (offsets[row + 1] for row in rows))


def _need(rows: Column, count: int) -> None:
    if any(not 0 <= row < count for row in rows):
        raise IndexError("there is no such row")


def chosen_rows(rows: Column, flags: Sequence[int]) -> Column:
    """Return the rows with a flag that is not 0."""
    return column_of("q", compress(rows, flags))


def chosen_keys(keys: Column, flags: Sequence[int]) -> Column:
    """Return the keys with a flag that is not 0."""
    return column_of("I", compress(keys, flags))


def distinct_rows(rows: Column) -> Column:
    """Return rows of which some stand several times in a row, each once."""
    found = array("q")
    for row in rows:
        if not found or row != found[-1]:
            found.append(row)
    return memoryview(found)


def flags_of(flags: Sequence[int], keys: Column) -> bytearray:
    """Return 1 for every key whose flag is not 0, else 0.

    Args:
        flags: one byte for each key that there is.
    """
    return bytearray(flags[key] > 0 for key in keys)


def are_sets(chunk: Chunk, rows: Column) -> bool:
    """Tell whether all rows are plain SETs.

    Raises:
        IndexError: there is no such row.
    """
    _need(rows, len(chunk))
    return all(chunk.columns.ops[row] == Op.ONE_SETS for row in rows)


def count_homes(home: Column, flags: Sequence[int], others: Sequence[int] | None, databases: int) -> Column:
    """Return how many keys of each database have a flag that is not 0.

    Args:
        home: physical database of every key.
        flags, others: one byte a key; with `others`, both have to be set.
    """
    counts = zeros("q", databases)
    for key, db in enumerate(home):
        if flags[key] and (others is None or others[key]) and db < databases:
            counts[db] += 1
    return counts


def in_database(
    rows: Column, keys: Column, home: Column, physical: int, of_key: Sequence[int] | None, number: int
) -> tuple[Column, Column]:
    """Return (rows, keys) of the keys of a physical database that belong to a share.

    Args:
        rows, keys: a key and the row that it belongs to.
        home: physical database of every key.
        of_key: share of each key; None when all belong to this one.
        number: of the share.
    """
    flags = [home[key] == physical and (of_key is None or of_key[key] == number) for key in keys]
    return chosen_rows(rows, flags), chosen_keys(keys, flags)


def rows_as_run(
    chunk: Chunk, rows: Column, codes: bytes, home: Column, final: Column
) -> tuple[Column, bytearray, Column, Column]:
    """Return (start, code, key, database) of each row, as `replay.compiled` runs them.

    Args:
        codes: of command names, by number. Rows of several keys, or of none, have code 0.
        home: physical database of every key.
        final: the number that each physical database has in the end, 64 bits. That of rows that work in none
            is -1.

    Raises:
        IndexError: there is no such row.
    """
    starts, _ = spans_of(chunk.columns.offsets, rows)
    columns = chunk.columns
    keys = column_of("I", (columns.keys[row] for row in rows))
    found, numbers = bytearray(len(rows)), zeros("q", len(rows))
    for place, row in enumerate(rows):
        op, key, db = columns.ops[row], keys[place], -1
        if op <= Op.ONE_SETS:
            found[place] = codes[columns.names[row]]
        if Op.ONE_CHANGES <= op <= Op.ONE_SETS:
            db = home[key]
        elif Op.MANY <= op <= Op.SORT:
            db = home[columns.ref_keys[key]]
        elif op == Op.FLUSH_DB:
            db = key
        numbers[place] = final[db] if db >= 0 else -1
    return starts, found, keys, numbers


def carried_rows(chunk: Chunk, start: int) -> Column:
    """Return the live rows from `start` on, and all that select and frame, but nothing between commands."""
    found = array("q")
    columns = chunk.columns
    for row, (name, op, fate) in enumerate(zip(columns.names, columns.ops, columns.fates, strict=True)):
        if name and (op == Op.FRAMING or (row >= start and fate <= Fate.TRIMMED)):
            found.append(row)
    return memoryview(found)


def ranks_of(chunk: Chunk, rows: Column, keys: Column) -> Column:
    """Return which of the keys of its row each key is: of equal ones the last that is not cut out.

    Args:
        rows, keys: one key of a row each; that of a row with one key is its first.

    Raises:
        IndexError: there is no such row, or the row has no such key.
    """
    _need(rows, len(chunk))
    found, at = array("q"), -1
    ranks: dict[int, int] = {}
    for row, key in zip(rows, keys, strict=True):
        if chunk.columns.ops[row] < Op.MANY:
            found.append(0)
            continue
        if row != at:
            at = row
            ranks = {each: rank for rank, (each, flags) in enumerate(chunk.refs(row)) if not flags & DROPPED}
        if key not in ranks:
            raise IndexError("the row has no such key")
        found.append(ranks[key])
    return memoryview(found)


def set_arguments(chunk: Chunk, rows: Column, keys: Column, firsts: Column, steps: Column) -> Column:
    """Return which argument of its row each key is that the row sets.

    Args:
        rows, keys: as `ranks_of` takes them, and what is raised.
        firsts, steps: by number of the command name, the argument that is its first key, and how many
            arguments on the next one is; 64 bits. Of plain SETs it is 1.
    """
    names, ops = chunk.columns.names, chunk.columns.ops
    ranks = ranks_of(chunk, rows, keys)
    return column_of(
        "q",
        (
            1 if ops[row] == Op.ONE_SETS else firsts[names[row]] + steps[names[row]] * rank
            for row, rank in zip(rows, ranks, strict=True)
        ),
    )


def lay_out(flags: Sequence[int], at: int, sizes: Column) -> tuple[int, Column, Column]:
    """Say where records lie of keys with a flag that is not 0, one behind the other.

    Args:
        flags: one byte a key.
        at: the first key.
        sizes: of the records of as many of these keys, 64 bits.

    Returns:
        (place behind the last of them, where the record of each key starts, where it ends), the last two from
        `at` on, and 0 for keys without the flag.
    """
    starts, ends = array("q"), array("q")
    done = used = 0
    while used < len(sizes):
        size = sizes[used] if flags[at] else 0
        starts.append(done if flags[at] else 0)
        ends.append(done + size if flags[at] else 0)
        used += flags[at] > 0
        done += size
        at += 1
    return at, memoryview(starts), memoryview(ends)
