"""Our reading of an RDB in the terms of the oracle, so that it can be held against a server's answers."""

from __future__ import annotations

from typing import Any

from aoftool.rdb.records.record import Record
from aoftool.values import ConsumerGroup, HashValue, StreamValue, Value
from aoftool.values.stream import StreamIdmp
from tests.oracle import KeyState

__all__ = ["key_state", "state_of"]


def key_state(record: Record, asked: KeyState) -> KeyState:
    """Return one key in the oracle's form.

    Args:
        asked: what the server said of the key; tells which stream details that server knows.
    """
    return state_of(record.type_name, record.value(), record.expire_at_ms, asked)


def state_of(kind: str, value: Value, expire_at_ms: int | None, asked: KeyState) -> KeyState:
    """Return a value in the oracle's form; see `key_state`."""
    fields = dict(value.expires) if isinstance(value, HashValue) else {}
    form: Any = value
    if kind == "list":
        form = list(form)
    elif kind == "set":
        form = frozenset(form)
    elif isinstance(value, StreamValue):
        form = _stream(value, asked.value)
    elif kind in ("hash", "zset"):
        form = dict(form)
    return KeyState(kind, form, expire_at_ms, fields)


def _stream(value: StreamValue, asked: dict[str, Any]) -> dict[str, Any]:
    form: dict[str, Any] = {
        "entries": [
            (entry_id.encode(), tuple(part for pair in pairs for part in pair))
            for entry_id, pairs in value.entries.items()
        ]
    }
    idmp = value.idmp or StreamIdmp()
    details = {
        "idmp-duration": idmp.duration_s,
        "idmp-maxsize": idmp.max_entries,
        "iids-added": idmp.iids_added,
        "iids-duplicates": idmp.iids_duplicates,
        "last-generated-id": value.last_id.encode(),
        "max-deleted-entry-id": value.max_deleted_id.encode(),
        "entries-added": value.entries_added,
    }
    form |= {name: detail for name, detail in details.items() if name in asked}
    groups = asked["groups"]
    form["groups"] = {name: _group(group, groups.get(name, {})) for name, group in value.groups.items()}
    return form


def _group(group: ConsumerGroup, asked: dict[str, Any]) -> dict[str, Any]:
    form: dict[str, Any] = {"last-delivered-id": group.last_id.encode()}
    if "entries-read" in asked:
        form["entries-read"] = group.entries_read
    form["consumers"] = sorted(group.consumers)
    form["pending"] = [
        (entry_id.encode(), entry.consumer, entry.delivery_time_ms, entry.delivery_count)
        for entry_id, entry in group.pel.items()
    ]
    return form
