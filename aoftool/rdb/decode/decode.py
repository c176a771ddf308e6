"""Value bytes to values: the one place that knows which type number is read by whom."""

from __future__ import annotations

import sys
from collections.abc import Callable

from aoftool.errors import UnsupportedError
from aoftool.kernels import kernel
from aoftool.rdb.decode.array import decode_array
from aoftool.rdb.decode.hash import Templates, decode_hash
from aoftool.rdb.decode.list import decode_list
from aoftool.rdb.decode.set import decode_set
from aoftool.rdb.decode.stream import decode_stream
from aoftool.rdb.decode.strings import read_length, read_string
from aoftool.rdb.decode.unpacking import UNPACKS_FROM, need_room
from aoftool.rdb.decode.zset import decode_zset
from aoftool.rdb.modules import split_module_id
from aoftool.rdb.opcodes import Family, type_info
from aoftool.values import ModuleValue, Value

__all__ = ["decode_value"]

_NO_TEMPLATES: Templates = {}
# Decodes sound values of the common types and gives None for everything else.
_decode_sound: Callable[[bool, int, bytes | memoryview], Value | None] | None
_decode_sound = getattr(kernel("aoftool.rdb.decode._values_cy", sys.modules[__name__]), "decode", None)


def decode_value(
    family: Family, type_id: int, raw: bytes | memoryview, templates: Templates = _NO_TEMPLATES
) -> Value:
    """Return the value in the bytes that follow the key of a record.

    Args:
        family: gives the numbers from 22 on their meaning.
        raw: the value, whole; nothing is looked at beyond its end.
        templates: field names of the hash templates defined before the key.

    Raises:
        EncodingDamage: with the offset in `raw`, or in the blob for what is wrong inside one.
        UnsupportedError: the type is known by name only, or needs a template that is not there.
        OverBudgetError: its packed elements would take too much memory.
    """
    if len(raw) >= UNPACKS_FROM:
        need_room(family, type_id, raw)
    if _decode_sound is not None:
        value = _decode_sound(family is Family.VALKEY, type_id, raw)
        if value is not None:
            return value
    if type_id == 0:
        return read_string(raw, 0)[0]
    info = type_info(family, type_id)
    kind = info.type_name if info else "unknown"
    if kind == "hash":
        return decode_hash(family, type_id, raw, templates)
    if kind == "list":
        return decode_list(type_id, raw)
    if kind == "set":
        return decode_set(type_id, raw)
    if kind == "zset":
        return decode_zset(type_id, raw)
    if kind == "stream":
        return decode_stream(type_id, raw)
    if kind == "array":
        return decode_array(raw)
    if type_id == 7:
        name, version = split_module_id(read_length(raw, 0)[0])
        return ModuleValue(name, version, bytes(raw))
    raise UnsupportedError(f"values of RDB type {type_id} ({kind}) can be copied but not decoded")
