"""Shows keys: a line each for people, an object a line for machines."""

from __future__ import annotations

from typing import Any

from aoftool.analysis.keys_model import KeyRow
from aoftool.escape import shorten
from aoftool.report.values import value_line
from aoftool.units import format_count, format_time_ms
from aoftool.values.json_form import key_members, value_json

__all__ = ["HEADINGS", "key_json", "key_line"]

_COLUMNS = "{:>3} {:<6} {:<11} {:>9} {:>10} {:<24} {}"
HEADINGS = _COLUMNS.format("db", "type", "encoding", "elements", "bytes", "expires", "key")
_KEY_WIDTH = 120


def key_line(row: KeyRow, *, with_value: bool = False) -> str:
    """Return one line, and a second one for the value when it was asked for."""
    line = _COLUMNS.format(
        row.db,
        row.type_name,
        row.encoding,
        "" if row.elements is None or row.type_name == "string" else format_count(row.elements),
        format_count(row.size_bytes),
        "never" if row.expire_at_ms is None else format_time_ms(row.expire_at_ms),
        shorten(row.key, _KEY_WIDTH),
    )
    if row.problem is not None:
        return f"{line}\n    damaged: {row.problem}"
    if with_value and row.value is not None:
        return f"{line}\n    {value_line(row.value)}"
    return line


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
    if row.problem is not None:
        body["problem"] = row.problem
    elif with_value and row.value is not None:
        body["value"] = value_json(row.value)
    return body
