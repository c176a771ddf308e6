"""The values a key can hold, as plain containers. A string is `bytes`; each other type has a class."""

from aoftool.values.array import ArrayValue
from aoftool.values.hash import HashValue
from aoftool.values.list import ListValue
from aoftool.values.module import ModuleValue
from aoftool.values.set import SetValue
from aoftool.values.stream import (
    IDMP_DURATION_S,
    IDMP_MAX_ENTRIES,
    Consumer,
    ConsumerGroup,
    PendingEntry,
    StreamId,
    StreamIdmp,
    StreamValue,
)
from aoftool.values.types import Value, length_of, module_type, type_name
from aoftool.values.zset import ZSetValue

__all__ = [
    "IDMP_DURATION_S",
    "IDMP_MAX_ENTRIES",
    "ArrayValue",
    "Consumer",
    "ConsumerGroup",
    "HashValue",
    "ListValue",
    "ModuleValue",
    "PendingEntry",
    "SetValue",
    "StreamId",
    "StreamIdmp",
    "StreamValue",
    "Value",
    "ZSetValue",
    "length_of",
    "module_type",
    "type_name",
]
