"""Array values (Redis 8.8, RDB type 28): a sparse sequence of texts and numbers.

No server to measure on; the layout follows published parsers that agree.
"""

from __future__ import annotations

import struct

from aoftool.rdb.damage import damage
from aoftool.rdb.decode.strings import read_length, read_string
from aoftool.values.array import ArrayValue

__all__ = ["decode_array"]

_NUMBERS = {1: struct.Struct("<q"), 2: struct.Struct("<d")}
_TEXTS = (0, 3)


def decode_array(raw: bytes | memoryview) -> ArrayValue:
    """Return the array in the value bytes of type 28.

    Raises:
        EncodingDamage: with the offset in `raw`.
    """
    value = ArrayValue()
    count, at = read_length(raw, 0)
    flag, at = read_length(raw, at)
    if flag:
        value.insert_index, at = read_length(raw, at)
    for _ in range(count):
        index, at = read_length(raw, at)
        tag, after = read_length(raw, at)
        if tag in _TEXTS:
            value[index], at = read_string(raw, after)
        elif tag in _NUMBERS and after + 8 <= len(raw):
            value[index] = _NUMBERS[tag].unpack_from(raw, after)[0]
            at = after + 8
        else:
            raise damage("rdb-variant", at)
    return value
