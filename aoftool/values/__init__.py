"""The values a key can hold, as plain containers. A string is `bytes`; each other type has a class."""

from aoftool.values.array import ArrayValue
from aoftool.values.hash import HashValue
from aoftool.values.list import ListValue
from aoftool.values.module import ModuleValue
from aoftool.values.set import SetValue
from aoftool.values.stream import Consumer, ConsumerGroup, PendingEntry, StreamId, StreamValue
from aoftool.values.types import Value, type_name
from aoftool.values.zset import ZSetValue

__all__ = [
    "ArrayValue",
    "Consumer",
    "ConsumerGroup",
    "HashValue",
    "ListValue",
    "ModuleValue",
    "PendingEntry",
    "SetValue",
    "StreamId",
    "StreamValue",
    "Value",
    "ZSetValue",
    "type_name",
]
