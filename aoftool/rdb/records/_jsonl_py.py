"""Reference implementation of JSON lines from records; `_jsonl_cy.pyx` is the compiled twin."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from aoftool.errors import UnsupportedError
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.records.record import Record
from aoftool.values.json_form import key_members, value_json

__all__ = ["record_lines"]


def record_lines(records: Iterable[Record], file: str, with_values: bool) -> bytes:
    """Return one line of JSON for each record, every line ended by a line feed.

    Args:
        file: printable name that goes into each line.
        with_values: decode and add the values; what cannot be decoded says why under `problem`.
    """
    return b"".join(_line(_body(record, file, with_values)) for record in records)


def _line(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii") + b"\n"


def _body(record: Record, file: str, with_values: bool) -> dict[str, Any]:
    problem = None
    try:
        key = record.key
    except EncodingDamage as found:
        key, problem = b"", f"the key cannot be read: {found.message}"
    body = key_members(
        db=record.db,
        key=key,
        type_name=record.type_name,
        encoding=record.encoding,
        elements=record.elements,
        size_bytes=record.size_bytes,
        expire_at_ms=record.expire_at_ms,
        file=file,
        offset=record.start,
    )
    if problem is not None:
        return {**body, "problem": problem}
    if with_values:
        try:
            body["value"] = value_json(record.value())
        except (EncodingDamage, UnsupportedError) as found:
            body["problem"] = found.message
    return body
