"""Shows values: as JSON with exact bytes, and as one short line for people.

A byte string in JSON is a string when it is clean UTF-8, else `{"b64": "..."}`.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from itertools import islice
from typing import Any

from aoftool.escape import is_clean_text, printable, shorten
from aoftool.values import (
    ArrayValue,
    ConsumerGroup,
    HashValue,
    ListValue,
    ModuleValue,
    SetValue,
    StreamValue,
    Value,
    ZSetValue,
)

__all__ = ["bytes_json", "score_text", "value_json", "value_line"]

_SHOWN_ITEMS = 8


def bytes_json(raw: bytes) -> Any:
    """Return a JSON string for clean UTF-8, else an object that holds the bytes in base64."""
    if is_clean_text(raw):
        return raw.decode("utf-8")
    return {"b64": base64.b64encode(raw).decode("ascii")}


def score_text(score: float) -> str:
    """Return a score as the servers print it: shortest form, integers without a point, `inf`."""
    if math.isinf(score):
        return "inf" if score > 0 else "-inf"
    if score == int(score) and abs(score) < 1e17:
        return "-0" if score == 0 and math.copysign(1, score) < 0 else str(int(score))
    return repr(score)


def _score_json(score: float) -> Any:
    """JSON knows no infinity: those two scores are strings."""
    return score_text(score) if math.isinf(score) or math.isnan(score) else score


def value_json(value: Value) -> Any:
    """Return the whole value as JSON data; docs/json.md describes each type."""
    if isinstance(value, bytes):
        return bytes_json(value)
    if isinstance(value, ListValue | SetValue):
        return [bytes_json(item) for item in value]
    if isinstance(value, ZSetValue):
        return [{"member": bytes_json(m), "score": _score_json(s)} for s, m in value.ranked()]
    if isinstance(value, HashValue):
        return [_field_json(value, name) for name in value]
    if isinstance(value, StreamValue):
        return _stream_json(value)
    if isinstance(value, ArrayValue):
        return [{"index": place, "value": _element_json(item)} for place, item in value.items()]
    return _module_json(value)


def _element_json(item: bytes | int | float) -> Any:
    return bytes_json(item) if isinstance(item, bytes) else item


def _field_json(value: HashValue, name: bytes) -> dict[str, Any]:
    body = {"field": bytes_json(name), "value": bytes_json(value[name])}
    if name in value.expires:
        body["expire_at_ms"] = value.expires[name]
    return body


def _stream_json(value: StreamValue) -> dict[str, Any]:
    return {
        "entries": [
            {"id": entry_id.encode().decode(), "fields": [[bytes_json(f), bytes_json(v)] for f, v in pairs]}
            for entry_id, pairs in value.entries.items()
        ],
        "last_id": value.last_id.encode().decode(),
        "max_deleted_id": value.max_deleted_id.encode().decode(),
        "entries_added": value.entries_added,
        "groups": [_group_json(name, group) for name, group in value.groups.items()],
    }


def _group_json(name: bytes, group: ConsumerGroup) -> dict[str, Any]:
    return {
        "name": bytes_json(name),
        "last_id": group.last_id.encode().decode(),
        "entries_read": group.entries_read,
        "consumers": [
            {
                "name": bytes_json(consumer),
                "seen_time_ms": state.seen_time_ms,
                "active_time_ms": state.active_time_ms,
            }
            for consumer, state in group.consumers.items()
        ],
        "pending": [
            {
                "id": entry_id.encode().decode(),
                "consumer": bytes_json(entry.consumer),
                "delivery_time_ms": entry.delivery_time_ms,
                "delivery_count": entry.delivery_count,
            }
            for entry_id, entry in group.pel.items()
        ],
    }


def _module_json(value: ModuleValue) -> dict[str, Any]:
    return {
        "module": value.module_name,
        "version": value.module_version,
        "raw_b64": base64.b64encode(value.raw).decode("ascii"),
    }


def value_line(value: Value, width: int = 100) -> str:
    """Return the beginning of a value on one line, with the number of items that are left out."""
    if isinstance(value, bytes):
        return shorten(value, width)
    if isinstance(value, ModuleValue):
        name = printable(value.module_name.encode())
        return f"{name} version {value.module_version}, {len(value.raw)} bytes"
    if isinstance(value, StreamValue):
        groups = f", {len(value.groups)} groups" if value.groups else ""
        items = (f"{i.encode().decode()} {_pairs(p)}" for i, p in value.entries.items())
        return _joined(items, len(value.entries)) + groups
    if isinstance(value, ZSetValue):
        return _joined((f"{shorten(m, 32)} {score_text(s)}" for s, m in value.ranked()), len(value))
    if isinstance(value, HashValue):
        return _joined((f"{shorten(f, 32)}={shorten(v, 32)}" for f, v in value.items()), len(value))
    if isinstance(value, ArrayValue):
        return _joined((f"{place}: {_element_line(item)}" for place, item in value.items()), len(value))
    return _joined((shorten(item, 32) for item in value), len(value))


def _element_line(item: bytes | int | float) -> str:
    return shorten(item, 32) if isinstance(item, bytes) else str(item)


def _pairs(pairs: Iterable[tuple[bytes, bytes]]) -> str:
    return " ".join(f"{shorten(f, 16)}={shorten(v, 16)}" for f, v in islice(pairs, _SHOWN_ITEMS))


def _joined(items: Iterable[str], count: int) -> str:
    text = ", ".join(islice(items, _SHOWN_ITEMS))
    more = count - _SHOWN_ITEMS
    return f"{text}, and {more:,} more" if more > 0 else text or "(empty)"
