"""Pieces of a buffer side by side: both implementations give the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.kernels import PURE
from aoftool.rewrite.replay import _gather_py
from aoftool.rewrite.replay.gather import gather


@given(data=st.binary(max_size=60), pairs=st.lists(st.tuples(st.integers(-2, 70), st.integers(-2, 70))))
def test_both_implementations_agree(data: bytes, pairs: list[tuple[int, int]]) -> None:
    starts = np.array([start for start, _ in pairs], np.int64)
    sizes = np.array([size for _, size in pairs], np.int64)
    results = []
    for each in (gather, _gather_py.gather):
        try:
            results.append(each(memoryview(data), starts, sizes))
        except ValueError:
            results.append(b"refused")

    assert results[0] == results[1]


def test_pieces_may_repeat_and_overlap() -> None:
    found = gather(memoryview(b"abcdef"), np.array([3, 0, 0, 6]), np.array([2, 3, 3, 0]))

    assert found == b"deabcabc"


@pytest.mark.skipif(PURE, reason="the reference was asked for")
def test_the_compiled_one_is_in_use() -> None:
    pytest.importorskip("aoftool.rewrite.replay._gather_cy")

    assert gather is not _gather_py.gather
