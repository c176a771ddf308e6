"""Columns of numbers: memory that Python, compiled code and numpy share."""

from __future__ import annotations

import pytest

from aoftool.columns import Kind, array_of, column_of, cut, places_of, view_of, zeros

KINDS: list[Kind] = ["B", "H", "I", "q"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_column_of_zeros_can_be_written_and_an_array_sees_it(kind: Kind, count: int) -> None:
    column = zeros(kind, count)
    array = array_of(column)
    for place in range(count):
        column[place] = place + 1

    assert column.tolist() == array.tolist() == list(range(1, count + 1))
    assert column.format == kind
    assert array.dtype.itemsize == column.itemsize


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_column_has_memory_of_its_own(kind: Kind) -> None:
    column = column_of(kind, [3, 4, 5])

    first = cut(column, 2)
    column[0] = 9

    assert first.tolist() == [3, 4]
    assert (first.format, cut(column, 0).tolist()) == (kind, [])


def test_bytes_are_seen_as_the_numbers_that_they_are() -> None:
    assert view_of("H", b"\x01\x00\x02\x00").tolist() == column_of("H", [1, 2]).tolist()
    assert view_of("q", b"").tolist() == []


@pytest.mark.parametrize("number", [0, 7, 255])
def test_a_number_is_found_wherever_it_stands(number: int) -> None:
    column = column_of("B", [number, 1, number, 2, number])

    assert list(places_of(column, number)) == [0, 2, 4]
    assert list(places_of(column, number, 4)) == [0, 2]
    assert list(places_of(column, 9)) == list(places_of(zeros("B", 0), number)) == []
