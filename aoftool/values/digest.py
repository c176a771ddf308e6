"""A digest of a whole value: equal for equal data, however it came about and in whatever order it is held."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from aoftool.values import HashValue, ListValue, SetValue, Value, ZSetValue, type_name
from aoftool.values.json_form import score_text, value_json

__all__ = ["value_digest"]

# What a group remembers of when its consumers were seen is not data: every reading changes it.
_VOLATILE = ("seen_time_ms", "active_time_ms")


def value_digest(value: Value) -> str:
    """Return 32 hex digits; lists are digested in order, everything else whatever its order."""
    digest = blake2b(type_name(value).encode(), digest_size=16)
    for piece in _pieces(value):
        digest.update(b"%d:" % len(piece))
        digest.update(piece)
    return digest.hexdigest()


def _pieces(value: Value) -> Iterable[bytes]:
    if isinstance(value, bytes):
        return (value,)
    if isinstance(value, ListValue):
        return value
    if isinstance(value, SetValue):
        return sorted(value)
    if isinstance(value, ZSetValue):
        return (part for score, member in value.ranked() for part in (member, score_text(score).encode()))
    if isinstance(value, HashValue):
        return (part for name in sorted(value) for part in _field(value, name))
    return (json.dumps(_stable(value_json(value)), sort_keys=True).encode(),)


def _field(value: HashValue, name: bytes) -> tuple[bytes, bytes, bytes]:
    expire = value.expires.get(name)
    return name, value[name], b"" if expire is None else b"%d" % expire


def _stable(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _stable(item) for name, item in data.items() if name not in _VOLATILE}
    return [_stable(item) for item in data] if isinstance(data, list) else data
