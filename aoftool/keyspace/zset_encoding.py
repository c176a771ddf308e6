"""The two encodings of a sorted set, as far as the data shows them.

Since 7.0 the small encoding stores whole scores as integers and so turns -0 into 0, which the large
one keeps. A sorted set grows into the large encoding and never shrinks back by itself.

Source: Redis 7.0 src/t_zset.c zsetAdd, zzlInsertAt, zsetConvertToListpackIfNeeded; measured on 6.2.5
to 9.1.2
"""

from __future__ import annotations

from aoftool.keyspace.flavour import Flavour
from aoftool.values import ZSetValue

__all__ = ["COMPACT_ENCODINGS", "MAX_SMALL_MEMBERS", "MAX_SMALL_MEMBER_BYTES", "add_member", "settle"]

# zset-max-listpack-entries and -value (6.2: ziplist) as every release ships them.
MAX_SMALL_MEMBERS = 128
MAX_SMALL_MEMBER_BYTES = 64

COMPACT_ENCODINGS = frozenset({"ziplist", "listpack"})


def add_member(value: ZSetValue, member: bytes, score: float, flavour: Flavour) -> bool:
    """Add a member or change its score, in the encoding that results; tell whether that changed it."""
    old = value.get(member)
    if old is None:
        if not value.is_skiplist and (
            len(value) >= MAX_SMALL_MEMBERS or len(member) > MAX_SMALL_MEMBER_BYTES
        ):
            value.is_skiplist = True
    elif old == score:
        return False
    if not score and not value.is_skiplist and flavour.small_zsets_lose_minus_zero:
        score = 0.0
    value.put(member, score)
    return True


def settle(value: ZSetValue, flavour: Flavour, *, compact: bool = False) -> None:
    """Give a value the encoding it has after it was built at once (*STORE) or read from an RDB.

    Args:
        compact: it was read from a ziplist or listpack, which is kept as it is, with a -0 in it
            that 6.2 wrote.
    """
    value.is_skiplist = len(value) > MAX_SMALL_MEMBERS or (
        not compact and any(len(member) > MAX_SMALL_MEMBER_BYTES for member in value)
    )
    if not value.is_skiplist and not compact and flavour.small_zsets_lose_minus_zero:
        for member, score in value.items():
            if not score:
                value[member] = 0.0
