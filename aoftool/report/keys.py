"""Shows keys: a line each for people, an object a line for machines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TextIO

from aoftool.analysis.keys_model import KeyRow
from aoftool.escape import printable, shorten
from aoftool.report.csvout import CsvRows
from aoftool.report.values import value_line
from aoftool.units import format_count, format_time_ms
from aoftool.values.json_form import key_members, value_json

__all__ = ["HEADINGS", "WRITER_HEADINGS", "key_json", "key_line", "write_keys_csv"]

_COLUMNS = "{:>3} {:<6} {:<11} {:>9} {:>10} {:<24} {}"
_WRITER = "{:>7} {:<11} "
HEADINGS = _COLUMNS.format("db", "type", "encoding", "elements", "bytes", "expires", "key")
WRITER_HEADINGS = _COLUMNS.format(
    "db", "type", "encoding", "elements", "bytes", "expires", _WRITER.format("writes", "last by") + "key"
)
"""Headings of rows that say who wrote a key."""
_CSV_HEADER = (
    *("db", "key", "type", "encoding", "elements", "size_bytes", "expire_at_ms", "writes", "last_command"),
    "problem",
)
_KEY_WIDTH = 120
_NAME_WIDTH = 24


def key_line(row: KeyRow, *, with_value: bool = False) -> str:
    """Return one line, and a second one for the value when it was asked for."""
    line = _COLUMNS.format(
        row.db,
        row.type_name,
        row.encoding,
        "" if row.elements is None or row.type_name == "string" else format_count(row.elements),
        format_count(row.size_bytes),
        "never" if row.expire_at_ms is None else format_time_ms(row.expire_at_ms),
        _writer(row) + shorten(row.key, _KEY_WIDTH),
    )
    if row.problem is not None:
        return f"{line}\n    damaged: {row.problem}"
    if with_value and row.value is not None:
        return f"{line}\n    {value_line(row.value)}"
    return line


def _writer(row: KeyRow) -> str:
    """Return how often and by what a key was written, empty when commands were not read."""
    if row.writes is None:
        return ""
    name = "-" if row.command is None else shorten(row.command, _NAME_WIDTH)
    return _WRITER.format(format_count(row.writes), name)


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
