"""A quicksort that only orders a part of a list, moving equal elements as the servers do.

SORT with BY, ALPHA and LIMIT uses it, and where keys are equal its result shows which elements
were swapped on the way. It is Bentley and McIlroy's ("Engineering a Sort Function", 1993) with a
range outside of which it does not descend.

Source: Redis 7.0 src/pqsort.c
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["partial_sort"]

T = TypeVar("T")
Compare = Callable[[T, T], int]

_INSERTION_BELOW = 7
_NINTHER_ABOVE = 40


def partial_sort(items: list[T], compare: Compare[T], first: int, last: int) -> None:
    """Sort in place so far that the positions `first` to `last`, inclusive, are right."""
    pending = [(0, len(items))]
    while pending:
        start, length = pending.pop()
        if length < _INSERTION_BELOW:
            _insertion_sort(items, compare, start, length)
            continue
        less, more = _partition(items, compare, start, length)
        for begin, size in ((start + length - more, more), (start, less)):
            if size > 1 and not _outside(begin, begin + size - 1, first, last):
                pending.append((begin, size))


def _outside(begin: int, end: int, first: int, last: int) -> bool:
    return (first < begin and last < begin) or (first > end and last > end)


def _insertion_sort(items: list[T], compare: Compare[T], start: int, length: int) -> None:
    for at in range(start + 1, start + length):
        back = at
        while back > start and compare(items[back - 1], items[back]) > 0:
            items[back - 1], items[back] = items[back], items[back - 1]
            back -= 1


def _median(items: list[T], compare: Compare[T], a: int, b: int, c: int) -> int:
    if compare(items[a], items[b]) < 0:
        if compare(items[b], items[c]) < 0:
            return b
        return c if compare(items[a], items[c]) < 0 else a
    if compare(items[b], items[c]) > 0:
        return b
    return a if compare(items[a], items[c]) < 0 else c


def _pivot(items: list[T], compare: Compare[T], start: int, length: int) -> int:
    middle = start + length // 2
    if length <= _INSERTION_BELOW:
        return middle
    low, high = start, start + length - 1
    if length > _NINTHER_ABOVE:
        step = length // 8
        low = _median(items, compare, low, low + step, low + 2 * step)
        middle = _median(items, compare, middle - step, middle, middle + step)
        high = _median(items, compare, high - 2 * step, high - step, high)
    return _median(items, compare, low, middle, high)


def _partition(items: list[T], compare: Compare[T], start: int, length: int) -> tuple[int, int]:
    """Split around a pivot; return how many are less (in front) and how many more (at the end)."""
    _swap(items, start, _pivot(items, compare, start, length))
    end = start + length
    left_equal = left = start + 1
    right_equal = right = end - 1
    while True:
        while left <= right and (order := compare(items[left], items[start])) <= 0:
            if order == 0:
                _swap(items, left_equal, left)
                left_equal += 1
            left += 1
        while left <= right and (order := compare(items[right], items[start])) >= 0:
            if order == 0:
                _swap(items, right, right_equal)
                right_equal -= 1
            right -= 1
        if left > right:
            break
        _swap(items, left, right)
        left += 1
        right -= 1
    less, more = left - left_equal, right_equal - right
    _swap_runs(items, start, left, min(left_equal - start, less))
    _swap_runs(items, left, end, min(more, end - right_equal - 1))
    return less, more


def _swap(items: list[T], one: int, other: int) -> None:
    items[one], items[other] = items[other], items[one]


def _swap_runs(items: list[T], begin: int, end: int, count: int) -> None:
    """Exchange the first `count` items of a range with its last."""
    for at in range(count):
        _swap(items, begin + at, end - count + at)
