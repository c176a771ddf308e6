"""Both implementations of the inner HyperLogLog loops agree on every input."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.keyspace import _hll_py
from tests.kernels import twin


@pytest.fixture(scope="module", params=["py", "cy"])
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    found: ModuleType = twin("hll", request.param)
    return found


@given(element=st.binary(max_size=40))
def test_hash_is_the_same_for_any_element(kernel: ModuleType, element: bytes) -> None:
    assert kernel.hash_element(element) == _hll_py.hash_element(element)


@given(
    runs=st.binary(max_size=40),
    start=st.integers(0, 16),
    index=st.integers(0, 20_000),
    kind=st.sampled_from([bytes, bytearray]),
)
def test_run_is_the_same_for_any_runs_and_index(
    kernel: ModuleType, runs: bytes, start: int, index: int, kind: type
) -> None:
    value = kind(bytes(start) + runs)

    assert kernel.find_run(value, start, index) == _hll_py.find_run(value, start, index)


def test_end_of_the_runs_is_told(kernel: ModuleType) -> None:
    assert kernel.find_run(b"\x00\x3f", 0, 64) == (1, 0, 1, 64)
    assert kernel.find_run(b"\x00\x3f", 0, 65)[0] == -1
    assert kernel.find_run(b"", 0, 0)[0] == -1
