"""The slot of a cluster that a key lies in, and the ranges of slots that commands name.

A slot is the CRC16 of a key, or of what stands in its first pair of braces, modulo 16384.
Source: Valkey 8.0 src/cluster.h keyHashSlot.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from itertools import pairwise

from aoftool.commands.conditions import canonical_int

__all__ = ["SLOTS", "emptied_slots", "slot_of"]

SLOTS = 16384


def slot_of(key: bytes) -> int:
    """Return the slot of a key."""
    start = key.find(b"{")
    if start >= 0:
        end = key.find(b"}", start + 1)
        if end > start + 1:
            key = key[start + 1 : end]
    return binascii.crc_hqx(key, 0) % SLOTS


def emptied_slots(argv: Sequence[bytes]) -> list[range] | None:
    """Return the slots whose keys a command removes; None for any other command, and for one that is refused.

    A server that is no cluster node refuses all of these; the one that wrote them was one.
    Source: Redis 8.6 src/cluster_asm.c trimslotsCommand, src/cluster.c sflushCommand; Valkey 9.1
    src/cluster.c clusterCommandFlushslot
    """
    name, words = argv[0].upper(), argv[1:]
    if name == b"TRIMSLOTS":
        ranges = _ranges(words[2:])
        stated = (
            len(words) > 1
            and words[0].upper() == b"RANGES"
            and canonical_int(words[1]) == len(words[2:]) // 2
        )
        return ranges if stated else None
    if words and words[-1].upper() in _MODES:
        words = words[:-1]
    if name == b"SFLUSH":
        return _ranges(words)
    if name == b"CLUSTER" and len(words) == 2 and words[0].upper() == b"FLUSHSLOT":
        return _ranges([words[1], words[1]])
    return None


_MODES = frozenset({b"SYNC", b"ASYNC"})


def _ranges(words: Sequence[bytes]) -> list[range] | None:
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
