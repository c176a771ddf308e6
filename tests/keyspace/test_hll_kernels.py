"""Both implementations of the inner HyperLogLog loops agree on every input."""

from __future__ import annotations

from array import array
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.keyspace import _hll_py, hll
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


PLACED = st.lists(st.tuples(st.binary(max_size=20), st.integers(0, 2**31 - 1)), max_size=30)


def added(kernel: ModuleType, placed: list[tuple[bytes, int]]) -> bytearray:
    registers, ends = bytearray(hll.REGISTERS), array("q")
    for element, _ in placed:
        ends.append((ends[-1] if ends else 0) + len(element))
    texts = b"".join(element for element, _ in placed)
    kernel.add_elements(registers, texts, ends, array("q", [home for _, home in placed]))
    return registers


@given(placed=PLACED)
def test_many_elements_raise_the_same_registers(kernel: ModuleType, placed: list[tuple[bytes, int]]) -> None:
    assert added(kernel, placed) == added(_hll_py, placed)


@given(elements=st.lists(st.binary(max_size=20), max_size=10))
def test_elements_of_no_home_count_as_servers_count_them(kernel: ModuleType, elements: list[bytes]) -> None:
    value = hll.new_hll()
    for element in elements:
        hll.add_element(value, element)
    theirs = bytearray(hll.REGISTERS)
    hll.merge_registers(theirs, value)

    assert added(kernel, [(element, 0) for element in elements]) == theirs


def test_equal_elements_of_other_homes_count_apart(kernel: ModuleType) -> None:
    placed = [(b"k%d" % number, home) for number in range(2000) for home in (0, 1, 2)]

    assert 5700 < hll.count_registers(added(kernel, placed)) < 6300


@pytest.mark.parametrize(
    ("size", "ends", "homes"),
    [
        (hll.REGISTERS, [3, 2], [0, 0]),
        (hll.REGISTERS, [-1], [0]),
        (hll.REGISTERS, [5], [0]),
        (hll.REGISTERS, [1], [0, 0]),
        (hll.REGISTERS - 1, [1], [0]),
    ],
)
def test_columns_that_do_not_fit_are_refused(
    kernel: ModuleType, size: int, ends: list[int], homes: list[int]
) -> None:
    with pytest.raises(ValueError, match=r"do not fit|outside"):
        kernel.add_elements(bytearray(size), b"abcd", array("q", ends), array("q", homes))
