"""Rows of a table as columns: numpy arrays and the bytes of texts, from which Arrow arrays are made uncopied.

A batch is of bounded size, so that whoever takes one after the other needs bounded memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from aoftool.dataclass import dataclass
from aoftool.tables.schema import Kind, Table

__all__ = [
    "Batch",
    "Chosen",
    "Data",
    "Lists",
    "Numbers",
    "Texts",
    "Valid",
    "batches_of_rows",
    "nothing_of",
    "texts_of",
]

Valid: TypeAlias = "npt.NDArray[np.bool_] | None"
"""Which rows have a value; None: all."""

_ROWS = 16384
_MOST = 1 << 63


@dataclass(frozen=True, slots=True)
class Numbers:
    """Integers, times in milliseconds, or truth values."""

    values: npt.NDArray[Any]
    valid: Valid = None


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts laid end to end.

    Attributes:
        offsets: shape (rows + 1,), 32 bits; text i is `data[offsets[i]:offsets[i + 1]]`.
        data: UTF-8.
    """

    offsets: npt.NDArray[np.int32]
    data: bytes
    valid: Valid = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """For each row the number of one of some texts; -1 for none."""

    numbers: npt.NDArray[np.int64]
    texts: Texts


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of texts: list i is `items` from `offsets[i]` to `offsets[i + 1]`."""

    offsets: npt.NDArray[np.int32]
    items: Texts | Chosen
    valid: Valid = None


Data: TypeAlias = "Numbers | Texts | Chosen | Lists"


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a table.

    Attributes:
        columns: by name, at least those of the table that is read.
    """

    rows: int
    columns: Mapping[str, Data]


def texts_of(texts: Sequence[str | None]) -> Texts:
    """Return texts as a column; None is no value."""
    raw = [b"" if text is None else text.encode("utf-8", "replace") for text in texts]
    offsets = np.zeros(len(raw) + 1, np.int32)
    np.cumsum([len(text) for text in raw], out=offsets[1:])
    valid = None if None not in texts else np.array([text is not None for text in texts], np.bool_)
    return Texts(offsets, b"".join(raw), valid)


_DTYPES = {Kind.SHORT: np.int32, Kind.LONG: np.int64, Kind.TIME: np.int64, Kind.FLAG: np.bool_}


def _column(kind: Kind, cells: Sequence[Any]) -> Data:
    if kind in (Kind.TEXT, Kind.WORD):
        return texts_of(cells)
    # A damaged RDB part may tell lengths that no 64 bits with a sign hold; nothing is known then.
    cells = [cell if cell is None or -_MOST <= cell < _MOST else None for cell in cells]
    values: npt.NDArray[Any] = np.array([cell or 0 for cell in cells], _DTYPES[kind])
    valid = None if None not in cells else np.array([cell is not None for cell in cells], np.bool_)
    return Numbers(values, valid)


def batches_of_rows(table: Table, rows: Iterable[Sequence[Any]], most: int = _ROWS) -> Iterator[Batch]:
    """Yield batches of rows that come one by one, cells in the order of the columns; None is no value."""
    rows = iter(rows)
    while taken := list(islice(rows, most)):
        cells = list(zip(*taken, strict=True))
        columns = {
            column.name: _column(column.kind, cells[number]) for number, column in enumerate(table.columns)
        }
        yield Batch(len(taken), columns)


def nothing_of(kind: Kind, rows: int) -> Data:
    """Return a column without any value."""
    none = np.zeros(rows, np.bool_)
    if kind is Kind.TEXTS:
        return Lists(np.zeros(rows + 1, np.int32), texts_of([]), none)
    if kind in (Kind.TEXT, Kind.WORD):
        return Texts(np.zeros(rows + 1, np.int32), b"", none)
    dtype = {Kind.SHORT: np.int32, Kind.FLAG: np.bool_}.get(kind, np.int64)
    return Numbers(np.zeros(rows, dtype), none)
