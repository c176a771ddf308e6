"""List values: plain, ziplist, quicklist of ziplists, quicklist of listpacks."""

from __future__ import annotations

from aoftool.rdb.blobs import listpack, ziplist
from aoftool.rdb.damage import damage
from aoftool.rdb.decode.strings import read_length, read_string, read_strings
from aoftool.values import ListValue

__all__ = ["NODE_PACKED", "NODE_PLAIN", "decode_list"]

# A string an element; one blob; nodes, which are blobs; nodes that may be one large element.
_PLAIN, _ZIPLIST, _QUICKLIST, _QUICKLIST2 = 1, 10, 14, 18
# Containers of a quicklist node. Source: Redis 7.0 src/quicklist.h QUICKLIST_NODE_CONTAINER_PLAIN.
NODE_PLAIN = 1
NODE_PACKED = 2


def decode_list(type_id: int, raw: bytes | memoryview) -> ListValue:
    """Return the list in the value bytes of types 1, 10, 14 and 18.

    Raises:
        EncodingDamage: with the offset in `raw`, or in the blob for what is wrong inside one.
    """
    if type_id == _ZIPLIST:
        return ListValue(ziplist.decode(read_string(raw, 0)[0]))
    count, at = read_length(raw, 0)
    if type_id == _PLAIN:
        return ListValue(read_strings(raw, at, count)[0])
    # From here on the count is that of nodes.
    value = ListValue()
    for _ in range(count):
        if type_id == _QUICKLIST:
            blob, at = read_string(raw, at)
            value.extend(ziplist.decode(blob))
        else:
            at = _node(raw, at, value)
    return value


def _node(raw: bytes | memoryview, at: int, value: ListValue) -> int:
    container, after = read_length(raw, at)
    blob, after = read_string(raw, after)
    if container == NODE_PACKED:
        value.extend(listpack.decode(blob))
    elif container == NODE_PLAIN:
        value.append(blob)
    else:
        raise damage("rdb-variant", at)
    return after
