"""What goes over every key and cell of a summary is the same in compiled code and in the reference."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.analysis.census import _tables_py, tables
from aoftool.analysis.census.series import WIDTHS_S
from aoftool.columns import column_of
from tests.kernels import needs

needs_kernel = needs("tables")

SMALL = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40)
DEADLINES = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([-1, 0, 1, 999, 1000, 10**15])), max_size=40
)


@needs_kernel
@given(rows=SMALL, limit=st.integers(0, 45))
def test_the_first_keys_are_ranked_alike(rows: list[tuple[int, int]], limit: int) -> None:
    first, second = (column_of("q", (row[place] for row in rows)) for place in range(2))

    found = tables.ranked(first, second, limit).tolist()

    assert found == _tables_py.ranked(first, second, limit).tolist()
    assert found == sorted(range(len(rows)), key=lambda n: (-first[n], -second[n], n))[:limit]


@needs_kernel
@given(rows=DEADLINES)
def test_prefixes_and_expire_times_are_counted_alike(rows: list[tuple[int, int]]) -> None:
    prefix, deadline_ms = (column_of("q", (row[place] for row in rows)) for place in range(2))

    counts = [
        [column.tolist() for column in module.count_prefixes(prefix, deadline_ms, 5)] for module in BOTH
    ]
    seconds = [module.seconds_of(deadline_ms).tolist() for module in BOTH]

    assert counts[0] == counts[1]
    assert sum(counts[0][0]) == len(rows)
    assert seconds[0] == seconds[1]


BOTH: list[Any] = [tables, _tables_py]


def random_tables(seed: int) -> tuple[list[int], list[int]]:
    """Return slices of two files in order, some with times, and cells of them."""
    draw = random.Random(seed)
    slices: list[int] = []
    cells: list[int] = []
    offset, time_s = 0, 1_700_000_000
    count = draw.randrange(60)
    for number in range(count):
        offset = offset + draw.randrange(1, 600) if number != count // 2 else 0
        time_s += draw.choice((0, 0, 1, 3, 70))
        told = -1 if draw.random() < 0.3 else time_s
        deadline_ms, stream_ms = (draw.choice((0, 0, draw.randrange(1, 10**13))) for _ in range(2))
        slices += [number >= count // 2, offset, told, draw.randrange(1, 9), draw.randrange(1, 999)]
        slices += [deadline_ms, stream_ms, draw.randrange(3)]
        for kind in range(3):
            for name in draw.sample(range(-1, 4), draw.randrange(4)):
                cells += [number, kind, name, draw.randrange(9), draw.randrange(99)]
    return slices, cells


@needs_kernel
@pytest.mark.parametrize("seed", range(40))
def test_slices_are_joined_alike(seed: int) -> None:
    slices, cells = (column_of("q", numbers) for numbers in random_tables(seed))
    shift, width_s = seed % 14, WIDTHS_S[seed % len(WIDTHS_S)]

    answers = [module.coarsened(slices, cells, shift, width_s) for module in BOTH]

    joined, added = (column.tolist() for column in answers[0])
    assert [column.tolist() for column in answers[1]] == [joined, added]
    for column in (3, 4):
        assert sum(joined[column::8]) == sum(slices.tolist()[column::8])
        assert sum(added[column::5]) == sum(cells.tolist()[column::5])


@pytest.mark.parametrize("module", BOTH, ids=["chosen", "py"])
@pytest.mark.parametrize("number", [-1, 1])
def test_a_cell_of_no_slice_is_an_error(module: Any, number: int) -> None:
    slices, cells = column_of("q", [0, 0, -1, 1, 9, 0, 0, 0]), column_of("q", [number, 0, 0, 1, 9])

    with pytest.raises(IndexError):
        module.coarsened(slices, cells, 0, 1)
