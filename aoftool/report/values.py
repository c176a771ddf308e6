"""Shows values as one short line for people."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from aoftool.escape import shorten, shown_text
from aoftool.units import and_more, counted
from aoftool.values import (
    ArrayValue,
    HashValue,
    ModuleValue,
    StreamValue,
    Value,
    ZSetValue,
)
from aoftool.values.json_form import score_text

__all__ = ["value_line"]

_SHOWN_ITEMS = 8


def value_line(value: Value, width: int = 100) -> str:
    """Return the beginning of a value on one line, with the number of items that are left out."""
    if isinstance(value, bytes):
        return shorten(value, width)
    if isinstance(value, ModuleValue):
        name = shown_text(value.module_name)
        if not value.is_known:
            return f"{name}, made by commands: only its module knows what it holds"
        return f"{name} version {value.module_version}, {counted(len(value.raw), 'byte')}"
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
    return (text or "(empty)") + and_more(more, ", ")
