"""Rows of a table as CSV or JSON lines: the reference of the compiled `_cells_cy`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from aoftool.tables.batch import Batch, Chosen, Data, Lists, Numbers, Texts
from aoftool.tables.schema import Kind, Table

__all__ = ["CellWriter"]

Cell = bytes | int | bool | list[bytes] | None
Read = Callable[[int], Cell]

_DAY_MS = 86_400_000
_FORMULA = b"=+-@'"
_NAMED = {0x22: rb"\"", 0x5C: rb"\\", 0x08: rb"\b", 0x09: rb"\t", 0x0A: rb"\n", 0x0C: rb"\f", 0x0D: rb"\r"}
_IN_JSON = [_NAMED.get(byte, b"\\u%04x" % byte if byte < 0x20 else bytes((byte,))) for byte in range(256)]


class _Time(bytes):
    """A time as text, which nobody but us wrote."""


class CellWriter:
    """Write the rows of a table as text.

    Times are written as ISO 8601 in UTC. In CSV nothing stands for no value, text that a spreadsheet would
    take for a formula gets an apostrophe in front, as does text that begins with one, and lists are joined by
    blanks, with quotes around items that are empty or hold a blank or a quote. In JSON text stands as it is,
    but for what JSON has to escape.

    Args:
        is_csv: otherwise lines of JSON.

    Attributes:
        head: what stands in front of the first row.
    """

    implementation = "python"

    def __init__(self, table: Table, is_csv: bool) -> None:
        self._columns, self._is_csv = table.columns, is_csv
        self.head = ",".join(table.names).encode() + b"\n" if is_csv else b""
        self._lines: Iterator[bytes] = iter(())

    def load(self, batch: Batch) -> None:
        """Take the rows that are to be written next.

        Raises:
            ValueError: a column has another number of rows.
        """
        readers = [_reader(column.kind, batch.columns[column.name], batch.rows) for column in self._columns]
        self._lines = (self._line([read(row) for read in readers]) for row in range(batch.rows))

    def take(self, most: int) -> bytes:
        """Return the next rows of what was loaded, up to one that reaches so many bytes; nothing at the end.

        Raises:
            ValueError: a cell stands outside of its column.
        """
        taken: list[bytes] = []
        size = 0
        for line in self._lines:
            taken.append(line)
            size += len(line)
            if size >= most:
                break
        return b"".join(taken)

    def _line(self, cells: Sequence[Cell]) -> bytes:
        if self._is_csv:
            return b",".join(map(_csv, cells)) + b"\n"
        named = zip(self._columns, cells, strict=True)
        return b"{%b}\n" % b",".join(json.dumps(c.name).encode() + b":" + _json(cell) for c, cell in named)


def _csv(cell: Cell) -> bytes:
    if isinstance(cell, _Time):
        return cell
    if isinstance(cell, list):
        cell = b" ".join(
            b'"%b"' % item if not item or b" " in item or b'"' in item else item for item in cell
        )
    elif not isinstance(cell, bytes):
        return b"" if cell is None else _plain(cell)
    if cell[:1] and cell[:1] in _FORMULA:
        cell = b"'" + cell
    return b'"%b"' % cell.replace(b'"', b'""') if any(odd in cell for odd in b',"\r\n') else cell


def _json(cell: Cell) -> bytes:
    if isinstance(cell, list):
        return b"[%b]" % b",".join(map(_json, cell))
    if isinstance(cell, bytes):
        return b'"%b"' % b"".join(map(_IN_JSON.__getitem__, cell))
    return b"null" if cell is None else _plain(cell)


def _plain(cell: int | bool) -> bytes:
    return str(cell).lower().encode()


def _need(right: bool) -> None:
    if not right:
        raise ValueError("a column that does not fit its rows")


def _reader(kind: Kind, data: Data, rows: int) -> Read:
    """Return what gives the cell of a row."""
    if isinstance(data, Lists):
        return _lists(data, rows)
    if isinstance(data, Numbers):
        return _numbers(kind, data, rows)
    count, read = _texts(data)
    _need(count == rows)
    return read


def _numbers(kind: Kind, data: Numbers, rows: int) -> Read:
    values: list[Any] = data.values.tolist()
    valid = [True] * rows if data.valid is None else data.valid.tolist()
    _need(len(values) == len(valid) == rows)
    if kind is Kind.TIME:
        return lambda row: _time(values[row]) if valid[row] else None
    return lambda row: values[row] if valid[row] else None


def _texts(data: Texts | Chosen) -> tuple[int, Read]:
    """Return how many texts there are, and what gives one."""
    if isinstance(data, Chosen):
        numbers: list[int] = data.numbers.tolist()
        _, own = _texts(data.texts)
        return len(numbers), lambda row: own(numbers[row]) if numbers[row] >= 0 else None
    offsets: list[int] = data.offsets.tolist()
    count, raw = max(len(offsets) - 1, 0), data.data
    valid = [True] * count if data.valid is None else data.valid.tolist()
    _need(len(valid) == count)

    def read(number: int) -> Cell:
        _need(number < count)
        if not valid[number]:
            return None
        begin, end = offsets[number], offsets[number + 1]
        _need(0 <= begin <= end <= len(raw))
        return raw[begin:end]

    return count, read


def _lists(data: Lists, rows: int) -> Read:
    offsets: list[int] = data.offsets.tolist()
    valid = [True] * rows if data.valid is None else data.valid.tolist()
    _need(len(offsets) == rows + 1 and len(valid) == rows)
    count, item = _texts(data.items)

    def read(row: int) -> Cell:
        if not valid[row]:
            return None
        begin, end = offsets[row], offsets[row + 1]
        _need(0 <= begin <= end <= count)
        items = [item(number) for number in range(begin, end)]
        _need(None not in items)
        return [each for each in items if isinstance(each, bytes)]

    return read


def _time(time_ms: int) -> _Time:
    """Return a Unix time as ISO 8601; years that need it have a sign."""
    days, in_day = divmod(time_ms, _DAY_MS)
    year, month, day = _date(days)
    seconds, ms = divmod(in_day, 1000)
    shown = f"{year:04d}" if 0 <= year <= 9999 else f"{year:+05d}"
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return _Time(f"{shown}-{month:02d}-{day:02d}T{clock}{f'.{ms:03d}' if ms else ''}Z".encode())


def _date(days: int) -> tuple[int, int, int]:
    """Return year, month and day, so many days from 1 January 1970 on, in the calendar of today for any year.

    Source: Howard Hinnant, chrono-compatible low-level date algorithms, civil_from_days.
    """
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    # Years begin in March here, so that the day that not every year has is their last.
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return year_of_era + era * 400 + (month <= 2), month, day
