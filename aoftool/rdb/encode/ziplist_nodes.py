"""Lists as Redis 6.2 keeps them: ziplists of some 8 KB in a row.

Knows when a push opens a new ziplist; the ziplist itself is `aoftool.rdb.blobs.ziplist`.
"""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.rdb.blobs import ziplist
from aoftool.rdb.encode.encode import encode_string, encode_ziplist, integers

__all__ = ["pack_ziplists"]

_EMPTY_BYTES = ziplist.HEADER_BYTES + 1
_LONG_LINK = 254
_MAX_COUNT = 0xFFFF - 1
_INTEGER_BYTES = ((1, 1), (2, 2), (3, 3), (4, 4), (8, 8))


def pack_ziplists(items: Iterable[bytes], node_bytes: int, compress: bool) -> tuple[int, bytes]:
    """Return a list as (number of ziplists, ziplists), filled as pushes at the tail fill them.

    Source: Redis 6.2 src/quicklist.c _quicklistNodeAllowInsert, with its estimate of an entry's size.
    """
    nodes: list[bytes] = []
    open_node: list[bytes] = []
    used = _EMPTY_BYTES
    before = 0
    for item in items:
        if open_node and (used + len(item) + _estimate(item) > node_bytes or len(open_node) == _MAX_COUNT):
            nodes.append(encode_string(encode_ziplist(open_node), compress))
            open_node, used, before = [], _EMPTY_BYTES, 0
        open_node.append(item)
        size = (1 if before < _LONG_LINK else 5) + _body(item)
        used += size
        before = size
    if open_node:
        nodes.append(encode_string(encode_ziplist(open_node), compress))
    return len(nodes), b"".join(nodes)


def _estimate(item: bytes) -> int:
    """Return the overhead a push counts for an entry, before it knows how the entry is stored."""
    link = 1 if len(item) < _LONG_LINK else 5
    return link + _string_head(len(item))


def _string_head(size: int) -> int:
    return 1 if size < 64 else 2 if size < 16384 else 5


def _body(item: bytes) -> int:
    """Return the bytes of encoding and data."""
    number = integers((item,))
    if number is None:
        return _string_head(len(item)) + len(item)
    value = number[0]
    if 0 <= value <= 12:
        return 1
    return 1 + next(
        width for bits, width in _INTEGER_BYTES if -(1 << 8 * bits - 1) <= value < 1 << 8 * bits - 1
    )
