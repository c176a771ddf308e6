"""Intsets: sorted sets of integers as one array.

`u32 LE width (2, 4 or 8) | u32 LE count | count x signed LE`, strictly ascending, not empty.
Source: Valkey 9.1 src/intset.c intsetValidateIntegrity.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from aoftool.rdb.damage import damage

__all__ = ["HEADER_BYTES", "check", "decode", "encode"]

# Bytes of a member and the number of members, little endian on every machine.
HEADER_BYTES = 8
_CODES = {2: "h", 4: "i", 8: "q"}


def decode(blob: bytes | bytearray | memoryview) -> list[int]:
    """Return the members in stored order.

    Raises:
        EncodingDamage: `blob-short`, `intset-width` or `blob-size`.
    """
    if len(blob) < HEADER_BYTES:
        raise damage("blob-short", 0)
    width, count = struct.unpack_from("<II", blob)
    if width not in _CODES:
        raise damage("intset-width", 0)
    if HEADER_BYTES + width * count != len(blob):
        raise damage("blob-size", 4)
    return list(struct.unpack_from(f"<{count}{_CODES[width]}", blob, HEADER_BYTES))


def check(blob: bytes | bytearray | memoryview) -> tuple[str, int] | None:
    """Return (code, offset in the blob) of the first inconsistency, None for a sound intset.

    `blob-count` for an empty one, `intset-order` at the first member not above the one before it.
    """
    members = decode(blob)
    if not members:
        return "blob-count", 4
    width = int.from_bytes(blob[:4], "little")
    for place in range(1, len(members)):
        if members[place] <= members[place - 1]:
            return "intset-order", HEADER_BYTES + place * width
    return None


def encode(members: Iterable[int]) -> bytes:
    """Return the intset of the members, sorted, in the smallest width that holds them all.

    Raises:
        OverflowError: a member does not fit 64 bits.
    """
    # A server looks members up by bisection, so they stand in order.
    ordered = sorted(set(members))
    low, high = (ordered[0], ordered[-1]) if ordered else (0, 0)
    for width, code in _CODES.items():
        if low >= -(1 << 8 * width - 1) and high < 1 << 8 * width - 1:
            return struct.pack(f"<II{len(ordered)}{code}", width, len(ordered), *ordered)
    raise OverflowError("an intset member has 64 bits")
