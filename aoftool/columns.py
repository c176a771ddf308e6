"""Columns of numbers as plain memory, which compiled code fills and reads without numpy.

numpy takes longer to load than a small log to read. So a column is a memoryview of machine numbers, which
Python takes numbers and slices of, compiled code takes as it is, and numpy takes as an array over the same
memory where somebody reckons with whole columns. Knows no column of anything.

Kinds: "B", "H" and "I" for 8, 16 and 32 bits without a sign, "q" for 64 with one.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Column", "HoldsColumns", "array_of", "column_of", "cut", "places_of", "view_of", "zeros"]

Column = memoryview
Kind = Literal["B", "H", "I", "q"]

_SIZES: dict[Kind, int] = {"B": 1, "H": 2, "I": 4, "q": 8}


def zeros(kind: Kind, count: int) -> Column:
    """Return a column of zeros."""
    # No memory of no bytes can be given another kind.
    return memoryview(bytearray(count * _SIZES[kind])).cast(kind) if count else memoryview(array(kind))


def column_of(kind: Kind, numbers: Iterable[int]) -> Column:
    """Return a column of some numbers."""
    return memoryview(array(kind, numbers))


def view_of(kind: Kind, raw: bytes | bytearray) -> Column:
    """Return bytes as a column of the numbers that they are."""
    return memoryview(raw).cast(kind) if raw else memoryview(array(kind))


def cut(column: Column, count: int) -> Column:
    """Return the first cells in memory of their own."""
    return view_of(cast("Kind", column.format), bytearray(column[:count]))


def places_of(column: Column, number: int, stop: int | None = None) -> Iterator[int]:
    """Yield where a number stands in a column of bytes, before `stop`, in order."""
    raw = column.tobytes()
    end = len(raw) if stop is None else stop
    at = raw.find(number, 0, end)
    while at >= 0:
        yield at
        at = raw.find(number, at + 1, end)


class HoldsColumns:
    """What has columns among its attributes, and can be copied and given to another process all the same."""

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: array(value.format, value.tobytes()) if isinstance(value, memoryview) else value
            for name, value in self.__dict__.items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            self.__dict__[name] = memoryview(value) if isinstance(value, array) else value


def array_of(column: Column | bytes | bytearray) -> NDArray[Any]:
    """Return the same memory as an array of numpy, which is loaded for it."""
    import numpy as np

    found = np.asarray(memoryview(column))
    # One name for 64 bits, of the two that C has.
    return found.view(np.int64) if found.dtype.itemsize == _SIZES["q"] else found
