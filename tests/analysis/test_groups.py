"""Groups of commands in a row are the same however the stream is cut into batches."""

from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aoftool.analysis.audit.groups import Group, Grouping
from aoftool.resp.batch import Batch


def batch_of(rows: list[tuple[int, int]], first: int) -> Batch:
    offsets = np.arange(first, first + len(rows))
    lengths = np.array([size for _, size in rows], np.int64)
    none = np.zeros(0, np.int64)
    return Batch(
        first, offsets, lengths, none, none, none, none, -offsets, none, none, none, none, none, none, b"", []
    )


@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=4),
    least_commands=st.integers(1, 12),
    least_bytes=st.sampled_from([1, 9, 30, 2**62]),
)
def test_large_groups_are_found_whatever_the_cuts(
    rows: list[tuple[int, int]], cuts: list[int], least_commands: int, least_bytes: int
) -> None:
    found: list[Group] = []
    grouping = Grouping(least_commands, least_bytes)
    places = sorted({0, *(min(cut, len(rows)) for cut in cuts), len(rows)})
    for begin, end in pairwise(places):
        labels = np.array([label for label, _ in rows[begin:end]], np.int64)
        found += grouping.add(batch_of(rows[begin:end], begin), labels)
    found += grouping.end()

    wanted = []
    for label, numbered in groupby(enumerate(rows), key=lambda item: item[1][0]):
        group = list(numbered)
        size = sum(row[1] for _, row in group)
        if label and (len(group) >= least_commands or size >= least_bytes):
            first, last = group[0][0], group[-1][0]
            wanted.append(Group(label, first, last, len(group), size, -first, -last))
    assert found == wanted
