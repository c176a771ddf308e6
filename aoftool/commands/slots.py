"""The slot of a cluster that a key lies in, and the ranges of slots that commands name.

A slot is the CRC16 of a key, or of what stands in its first pair of braces, modulo 16384.
Source: Valkey 8.0 src/cluster.h keyHashSlot.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from itertools import pairwise

from aoftool.commands.conditions import canonical_int

__all__ = ["SLOTS", "slot_of", "slot_ranges"]

SLOTS = 16384


def slot_of(key: bytes) -> int:
    """Return the slot of a key."""
    start = key.find(b"{")
    if start >= 0:
        end = key.find(b"}", start + 1)
        if end > start + 1:
            key = key[start + 1 : end]
    return binascii.crc_hqx(key, 0) % SLOTS


def slot_ranges(words: Sequence[bytes]) -> list[range] | None:
    """Return the ranges that pairs of first and last slot name; None where a server refuses them.

    Source: Redis 8.6 src/cluster.c parseSlotRangesOrReply, slotRangeArrayNormalizeAndValidate
    """
    numbers = [canonical_int(word) for word in words]
    whole = [number for number in numbers if number is not None and 0 <= number < SLOTS]
    if not whole or len(whole) % 2 or len(whole) != len(words):
        return None
    pairs = sorted(zip(whole[::2], whole[1::2], strict=True))
    ranges = [range(first, last + 1) for first, last in pairs]
    apart = all(left.stop <= right.start for left, right in pairwise(ranges))
    return ranges if apart and all(ranges) else None
