"""Whether a value may be unpacked: LZF lets a small one stand for millions of elements.

A megabyte stands for up to 88, and each element in it, which may have two bytes, becomes an object of forty.
Nothing is unpacked to find out: the sizes stand in front of what is packed, and a size that is not reached
is damage later. Knows where a value has packed elements, and not what they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.budget import HOW_TO_RAISE, most_unpacked
from aoftool.errors import OverBudgetError
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.decode.strings import read_length, skip_string, string_frame
from aoftool.rdb.opcodes import Family
from aoftool.units import format_bytes

__all__ = ["UNPACKS_FROM", "need_room"]

UNPACKS_FROM = 1 << 16
"""Values of fewer bytes never unpack to too much: `most_unpacked(0)` is 88 times as much and more."""

_BLOBS = frozenset({9, 10, 11, 12, 13, 16, 17, 20})
_REDIS_BLOBS = {23: 0, 25: 8}
_QUICKLIST, _QUICKLIST2 = 14, 18
_STREAMS = frozenset({15, 19, 21, 26, 27})


def need_room(family: Family, type_id: int, raw: bytes | memoryview) -> None:
    """Refuse a value whose packed elements would take too much memory.

    Args:
        raw: the value as it is stored; damage in it is looked for by whoever decodes it.

    Raises:
        OverBudgetError: it would.
    """
    most, total = most_unpacked(len(raw)), 0
    try:
        for size in _unpacked_sizes(family, type_id, raw):
            total += size
            if total > most:
                raise OverBudgetError(
                    f"a value of {format_bytes(len(raw))} would unpack to more than {format_bytes(most)};"
                    f" {HOW_TO_RAISE}"
                )
    except EncodingDamage:
        return


def _unpacked_sizes(family: Family, type_id: int, raw: bytes | memoryview) -> Iterator[int]:
    """Yield what each blob of packed elements says it unpacks to, the plain ones left out."""
    if type_id in _BLOBS:
        yield string_frame(raw, 0)[2]
    elif type_id in _REDIS_BLOBS and family is Family.REDIS:
        yield string_frame(raw, _REDIS_BLOBS[type_id])[2]
    elif type_id in (_QUICKLIST, _QUICKLIST2):
        count, at = read_length(raw, 0)
        for _ in range(count):
            if type_id == _QUICKLIST2:
                _, at = read_length(raw, at)
            start, size, unpacked = string_frame(raw, at)
            at = start + size
            yield max(unpacked, 0)
    elif type_id in _STREAMS:
        count, at = read_length(raw, 0)
        for _ in range(count):
            start, size, unpacked = string_frame(raw, skip_string(raw, at))
            at = start + size
            yield max(unpacked, 0)
