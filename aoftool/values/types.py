"""The names of the value types, as the TYPE command gives them."""

from __future__ import annotations

from typing import TypeAlias

from aoftool.values.array import ArrayValue
from aoftool.values.hash import HashValue
from aoftool.values.list import ListValue
from aoftool.values.module import ModuleValue
from aoftool.values.set import SetValue
from aoftool.values.stream import StreamValue
from aoftool.values.zset import ZSetValue

__all__ = ["Value", "type_name"]

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
}


def type_name(value: Value) -> str:
    """Return `string`, `list`, `set`, `zset`, `hash`, `stream`, `array` or `module`."""
    return _NAMES[type(value)]
