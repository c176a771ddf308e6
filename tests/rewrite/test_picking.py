"""Rows and keys picked out of columns are the same in compiled code and in the reference."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from aoftool.columns import column_of
from aoftool.commands.effects import EffectTable
from aoftool.liveness.model import DROPPED, Chunk, Trace
from aoftool.liveness.native import mark_dead
from aoftool.liveness.reading import Tail, trace_tails
from aoftool.rewrite.decide import _picking_py, picking
from tests import builders
from tests.kernels import needs
from tests.random_logs import Mix, random_log
from tests.servers import Build

NEWEST = Build("valkey", (9, 1, 2), Path())

needs_kernel = needs("picking")


def plain(answer: Any) -> Any:
    """Return columns as lists, wherever they stand in an answer."""
    if isinstance(answer, memoryview):
        return answer.format, answer.tolist()
    return tuple(map(plain, answer)) if isinstance(answer, tuple) else answer


def held_keys(chunk: Chunk, draw: random.Random) -> tuple[memoryview, memoryview]:
    """Return some keys of rows, one of those that are not cut out a row and key."""
    pairs: list[tuple[int, int]] = []
    for row, op in enumerate(chunk.columns.ops):
        if 3 <= op <= 6:
            pairs.append((row, chunk.columns.keys[row]))
        elif 7 <= op <= 9:
            held = {key for key, flags in chunk.refs(row) if not flags & DROPPED}
            pairs += ((row, key) for key in sorted(held) if draw.random() < 0.8)
    return column_of("q", (row for row, _ in pairs)), column_of("I", (key for _, key in pairs))


def answers(trace: Trace, module: Any, seed: int) -> list[Any]:
    draw = random.Random(seed)
    size, home = len(trace.keys), trace.keys.home_column()
    flags = bytearray(draw.randrange(3) for _ in range(size))
    shares = column_of("H", (draw.randrange(3) for _ in range(size)))
    final = column_of("q", (draw.randrange(64) for _ in range(64)))
    codes = bytes(draw.randrange(9) for _ in trace.names)
    found = [module.count_homes(home, flags, others, 64) for others in (None, flags[::-1])]
    for chunk in trace.chunks:
        rows = column_of("q", sorted(draw.sample(range(len(chunk)), len(chunk) // 2)))
        found += [module.spans_of(chunk.columns.offsets, rows), module.are_sets(chunk, rows)]
        found.append(module.rows_as_run(chunk, rows, codes, home, final))
        found += [module.carried_rows(chunk, start) for start in (0, len(chunk) // 2, len(chunk))]
        found += [module.ranks_of(chunk, *held_keys(chunk, draw))]
        firsts, steps = (column_of("q", (draw.randrange(3) for _ in trace.names)) for _ in range(2))
        found.append(module.set_arguments(chunk, *held_keys(chunk, draw), firsts, steps))
        sets = [row for row in rows if chunk.columns.ops[row] == 6]
        found.append(module.are_sets(chunk, column_of("q", sets)))
    keys = column_of("I", (draw.randrange(size) for _ in range(50)))
    rows = column_of("q", sorted(draw.randrange(20) for _ in keys))
    chosen = module.flags_of(flags, keys)
    found += [chosen, module.chosen_rows(rows, chosen), module.chosen_keys(keys, chosen)]
    found.append(module.distinct_rows(rows))
    found += [module.in_database(rows, keys, home, 0, of_key, 1) for of_key in (None, shares)]
    sizes = column_of("q", (draw.randrange(99) for _ in range(chosen.count(1))))
    for first in range(len(sizes) + 1):
        at, *spans = module.lay_out(chosen, 0, sizes[:first])
        found += [at, *spans, module.lay_out(chosen, at, sizes[first:])]
    return [plain(answer) for answer in found]


@needs_kernel
@pytest.mark.parametrize("seed", range(30))
def test_both_pick_the_same_of_random_logs(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(*random_log(seed, NEWEST, 200, Mix(keys=5 + seed % 9))))
    trace, _ = trace_tails([Tail(str(path))], EffectTable(64), chunk_rows=64)
    mark_dead(trace)

    assert answers(trace, picking, seed) == answers(trace, _picking_py, seed)


@pytest.mark.parametrize("module", [picking, _picking_py], ids=["chosen", "py"])
@pytest.mark.parametrize("row", [-1, 2, 1 << 40])
def test_a_row_that_is_not_there_is_an_error(module: Any, row: int) -> None:
    offsets, rows = column_of("q", [0, 10, 20]), column_of("q", [0, row])

    with pytest.raises(IndexError):
        module.spans_of(offsets, rows)


@pytest.mark.parametrize("module", [picking, _picking_py], ids=["chosen", "py"])
def test_records_lie_behind_each_other_and_keys_without_one_have_no_place(module: Any) -> None:
    answer = module.lay_out(bytearray([0, 1, 0, 1, 1, 0]), 0, column_of("q", [7, 2]))

    assert plain(answer) == (4, ("q", [0, 0, 0, 7]), ("q", [0, 7, 0, 9]))


@pytest.mark.parametrize("module", [picking, _picking_py], ids=["chosen", "py"])
def test_of_equal_keys_of_a_row_the_last_that_is_not_cut_out_counts(module: Any, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(["MSET", "a", "1", "b", "2", "a", "3", "c", "4"], ["DEL", "c"]))
    trace, _ = trace_tails([Tail(str(path))], EffectTable(16))
    mark_dead(trace)
    rows, keys = column_of("q", [0, 0]), column_of("I", [0, 1])
    firsts, steps = column_of("q", [0, 1, 0]), column_of("q", [0, 2, 0])

    assert module.ranks_of(trace.chunks[0], rows, keys).tolist() == [2, 1]
    assert module.set_arguments(trace.chunks[0], rows, keys, firsts, steps).tolist() == [5, 3]
    with pytest.raises(IndexError):
        module.ranks_of(trace.chunks[0], rows, column_of("I", [0, 2]))
