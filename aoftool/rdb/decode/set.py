"""Set values: plain, intset, listpack."""

from __future__ import annotations

from aoftool.rdb.blobs import intset, listpack
from aoftool.rdb.decode.strings import read_length, read_string, read_strings
from aoftool.values import SetValue

__all__ = ["decode_set"]

# What is neither is type 20, a listpack of members.
_PLAIN, _INTSET = 2, 11


def decode_set(type_id: int, raw: bytes | memoryview) -> SetValue:
    """Return the set in the value bytes of types 2, 11 and 20, members in stored order.

    Raises:
        EncodingDamage: with the offset in `raw`, or in the blob for what is wrong inside one.
    """
    if type_id == _PLAIN:
        count, at = read_length(raw, 0)
        return _members(read_strings(raw, at, count)[0])
    blob, _ = read_string(raw, 0)
    if type_id == _INTSET:
        return _members([b"%d" % member for member in intset.decode(blob)])
    return _members(listpack.decode(blob))


def _members(texts: list[bytes]) -> SetValue:
    return SetValue(dict.fromkeys(texts))
