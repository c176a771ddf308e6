"""The value types together: their names, as the TYPE command gives them, and how long a value is."""

from __future__ import annotations

from typing import TypeAlias

from aoftool.values.array import ArrayValue
from aoftool.values.hash import HashValue
from aoftool.values.list import ListValue
from aoftool.values.module import ModuleValue, UnknownValue
from aoftool.values.set import SetValue
from aoftool.values.stream import StreamValue
from aoftool.values.zset import ZSetValue

__all__ = ["TYPE_NAMES", "Value", "length_of", "module_type", "type_name"]

Value: TypeAlias = (
    bytes | ListValue | SetValue | ZSetValue | HashValue | StreamValue | ArrayValue | ModuleValue
)

_NAMES: dict[type, str] = {
    bytes: "string",
    ListValue: "list",
    SetValue: "set",
    ZSetValue: "zset",
    HashValue: "hash",
    StreamValue: "stream",
    ArrayValue: "array",
    ModuleValue: "module",
    UnknownValue: "unknown",
}
TYPE_NAMES = tuple(_NAMES.values())
"""Every name that `type_name` gives."""


def type_name(value: Value) -> str:
    """Return `string`, `list`, `set`, `zset`, `hash`, `stream`, `array`, `module` or `unknown`."""
    return _NAMES[type(value)]


def module_type(value: Value) -> str:
    """Return the name of the type that a module registered, such as `ReJSON-RL`; empty for other values."""
    return value.module_name if isinstance(value, ModuleValue) and value.is_known else ""


def length_of(value: Value) -> int | None:
    """Return the bytes of a string, the entries of a stream, else the elements; None where a module knows."""
    if isinstance(value, ModuleValue):
        return None
    return len(value.entries) if isinstance(value, StreamValue) else len(value)
