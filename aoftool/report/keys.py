"""Shows keys: a line each for people, an object a line for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from aoftool.analysis.keys.model import KeyRow
from aoftool.cells import cell_width, fold
from aoftool.escape import printable, shorten, shown_name
from aoftool.report.csvout import CsvRows
from aoftool.report.values import value_line
from aoftool.units import counted, format_count, format_time_ms
from aoftool.values.json_form import key_members, value_json

__all__ = ["KeyLines", "key_json", "write_keys_csv"]

# Bytes are those of the key as an RDB stores it, not of the commands that wrote it.
_COLUMNS = "{:>3} {:<6} {:<11} {:>9} {:>10} {:<24} "
_WRITER = "{:>7} {:<11} "
_CSV_HEADER = (
    *("db", "key", "type", "encoding", "elements", "size_bytes", "expire_at_ms", "writes", "last_command"),
    "problem",
)
_KEY_WIDTH, _LEAST_KEY = 120, 10
_NAME_WIDTH = 24


class KeyLines:
    """Make lines of keys: one each where the width has room for all columns, else the key and figures below.

    Args:
        width: of the terminal.
        writers: rows tell how often and by what a key was written.
        values: show the value too.
    """

    def __init__(self, width: int, *, writers: bool, values: bool = False) -> None:
        self._width, self._writers, self._values = width, writers, values
        names = ("db", "type", "encoding", "elements", "stored", "expires")
        head = _COLUMNS.format(*names) + (_WRITER.format("writes", "last by") if writers else "")
        self._is_wide = width - len(head) >= _LEAST_KEY
        self.heading = head + "key" if self._is_wide else ""
        self._room = width - len(head)

    def lines(self, row: KeyRow) -> Iterator[str]:
        """Yield the lines of one key."""
        name = shown_name(row.key, min(self._width - 4, _KEY_WIDTH))
        if self._is_wide and cell_width(name) <= self._room:
            yield self._columns(row) + name
        elif self._is_wide:
            yield self._columns(row).rstrip()
            yield f"    {name}"
        else:
            yield name
            figures = ", ".join(filter(None, self._figures(row)))
            yield from (f"  {line}" for line in fold(figures, self._width - 2))
        if row.problem is not None:
            problem = row.problem if row.is_opaque else f"damaged: {row.problem}"
            yield from (f"    {line}" for line in fold(problem, self._width - 4))
        elif self._values and row.value is not None:
            yield from (f"    {line}" for line in fold(value_line(row.value), self._width - 4))

    def _columns(self, row: KeyRow) -> str:
        expires = "no expiry" if row.expire_at_ms is None else format_time_ms(row.expire_at_ms)
        size = "-" if row.is_opaque else format_count(row.size_bytes)
        head = _COLUMNS.format(row.db, row.type_name, row.encoding, _elements(row), size, expires)
        return head + (_WRITER.format(*_writer(row)) if self._writers else "")

    def _figures(self, row: KeyRow) -> Iterator[str]:
        yield f"db {row.db}"
        yield f"{row.type_name} {row.encoding}"
        yield counted(row.elements or 0, "element") if _elements(row) else ""
        yield "" if row.is_opaque else f"{format_count(row.size_bytes)} B stored"
        yield "no expiry" if row.expire_at_ms is None else f"expires {format_time_ms(row.expire_at_ms)}"
        if self._writers:
            _, name = _writer(row)
            yield counted(row.writes or 0, "write")
            yield f"last by {name}" if name != "-" else ""


def _elements(row: KeyRow) -> str:
    """Return how many a value has; empty for a string, and where nobody knows."""
    return "" if row.elements is None or row.type_name == "string" else format_count(row.elements)


def _writer(row: KeyRow) -> tuple[str, str]:
    """Return how often and by what a key was written; nothing where commands were not read."""
    if row.writes is None:
        return "", ""
    return format_count(row.writes), "-" if row.command is None else shorten(row.command, _NAME_WIDTH)


def write_keys_csv(rows: Iterable[KeyRow], stream: TextIO) -> None:
    """Write keys as CSV, one line each, without values."""
    out = CsvRows(stream, _CSV_HEADER)
    for row in rows:
        out.add(
            (
                *(row.db, row.key, row.type_name, row.encoding, row.elements, row.size_bytes),
                *(row.expire_at_ms, row.writes, row.command, row.problem),
            )
        )


def key_json(row: KeyRow, *, with_value: bool = False) -> dict[str, Any]:
    """Return one key as a JSON object."""
    body = key_members(
        db=row.db,
        key=row.key,
        type_name=row.type_name,
        encoding=row.encoding,
        elements=row.elements,
        size_bytes=row.size_bytes,
        expire_at_ms=row.expire_at_ms,
        file=row.file,
        offset=row.offset,
    )
    if row.writes is not None:
        body["command"] = None if row.command is None else printable(row.command)
        body["writes"] = row.writes
    if row.problem is not None:
        body["problem"] = row.problem
    elif with_value and row.value is not None:
        body["value"] = value_json(row.value)
    return body
