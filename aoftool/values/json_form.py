"""Keys and values as JSON data with exact bytes; docs/json.md describes the form.

A byte string is a JSON string when it is clean UTF-8, else `{"b64": "..."}`. This is the one
definition: whatever prints keys or values as JSON, compiled or not, gives what these functions give.
"""

from __future__ import annotations

import base64
import math
from typing import Any

from aoftool.escape import is_clean_text, json_bytes
from aoftool.values.array import ArrayValue
from aoftool.values.hash import HashValue
from aoftool.values.list import ListValue
from aoftool.values.module import ModuleValue
from aoftool.values.set import SetValue
from aoftool.values.stream import ConsumerGroup, StreamIdmp, StreamValue
from aoftool.values.types import Value
from aoftool.values.zset import ZSetValue

__all__ = ["KEY_SCHEMA", "bytes_json", "key_members", "score_text", "value_json"]

KEY_SCHEMA = "aoftool.key/1"


def key_members(
    *,
    db: int,
    key: bytes,
    type_name: str,
    encoding: str,
    elements: int | None,
    size_bytes: int,
    expire_at_ms: int | None,
    file: str,
    offset: int,
) -> dict[str, Any]:
    """Return the members that describe a key; `value` or `problem` may follow them."""
    return {
        "schema": KEY_SCHEMA,
        "db": db,
        **json_bytes("key", key),
        "type": type_name,
        "encoding": encoding,
        "elements": elements,
        "size_bytes": size_bytes,
        "expire_at_ms": expire_at_ms,
        "file": file,
        "offset": offset,
    }


def bytes_json(raw: bytes) -> Any:
    """Return a JSON string for clean UTF-8, else an object that holds the bytes in base64."""
    if is_clean_text(raw):
        return raw.decode("utf-8")
    return {"b64": base64.b64encode(raw).decode("ascii")}


def score_text(score: float) -> str:
    """Return a score as the servers print it: shortest form, integers without a point, `inf`."""
    if math.isnan(score):
        return "nan"
    if math.isinf(score):
        return "inf" if score > 0 else "-inf"
    if score == int(score) and abs(score) < 1e17:
        return "-0" if score == 0 and math.copysign(1, score) < 0 else str(int(score))
    return repr(score)


def _score_json(score: float) -> Any:
    """JSON knows neither infinity nor NaN: those scores are strings."""
    return score if math.isfinite(score) else score_text(score)


def value_json(value: Value) -> Any:
    """Return a whole value as JSON data."""
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
    body = {
        "entries": [
            {"id": entry_id.encode().decode(), "fields": [[bytes_json(f), bytes_json(v)] for f, v in pairs]}
            for entry_id, pairs in value.entries.items()
        ],
        "last_id": value.last_id.encode().decode(),
        "max_deleted_id": value.max_deleted_id.encode().decode(),
        "entries_added": value.entries_added,
        "groups": [_group_json(name, group) for name, group in value.groups.items()],
    }
    return body if value.idmp is None else body | {"idempotence": _idmp_json(value.idmp)}


def _idmp_json(idmp: StreamIdmp) -> dict[str, Any]:
    return {
        "duration_s": idmp.duration_s,
        "max_entries": idmp.max_entries,
        "producers": [
            {
                "name": bytes_json(name),
                "ids": [{"iid": bytes_json(iid), "id": at.encode().decode()} for iid, at in held.items()],
            }
            for name, held in idmp.producers.items()
        ],
        "iids_added": idmp.iids_added,
        "iids_duplicates": idmp.iids_duplicates,
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
    if not value.is_known:
        return {"module": value.module_name, "version": None, "raw_b64": None, "made_by": value.raw.hex()}
    return {
        "module": value.module_name,
        "version": value.module_version,
        "raw_b64": base64.b64encode(value.raw).decode("ascii"),
    }
