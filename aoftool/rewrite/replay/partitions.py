"""Cut the keys into shares that are replayed one after the other, so that memory stays bounded.

Keys that live commands tie together stay in one share. The bound is on replayed values; the key table
and the trace are held throughout.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.liveness.model import Trace
from aoftool.liveness.native import find_components
from aoftool.rewrite.decide.picking import spans_of
from aoftool.rewrite.decide.touches import Touches, needed_rows, understood_rows
from aoftool.rewrite.replay.replaying import Partition

__all__ = ["partitions"]

# What a byte of a log becomes in memory as objects: short elements of collections, each an object with a
# header and a place in a table. Measured on mixed logs: 3 to 5.
_OBJECT_FACTOR = 5
_SHARES_MAX = 4096
# Spreads neighbouring component numbers over the shares. Source: Knuth's multiplicative hash.
_SPREAD = 2654435761


def partitions(
    trace: Trace, touches: Touches, base_bytes: int, memory_limit_bytes: int | None
) -> Iterator[Partition]:
    """Yield the shares, one when there is no limit or everything fits.

    Args:
        base_bytes: bytes of base records that are loaded.
    """
    if memory_limit_bytes is None:
        yield Partition()
        return
    needed = (_replayed_bytes(trace, touches) + base_bytes) * _OBJECT_FACTOR
    if needed <= memory_limit_bytes:
        yield Partition()
        return
    # Here: a limit is asked for where logs are large.
    import numpy as np

    count = min(-(-needed // max(memory_limit_bytes, 1)), _SHARES_MAX)
    spread = find_components(trace).astype(np.uint64) * _SPREAD & 0xFFFFFFFF
    of_key = (spread * count >> 32).astype(np.uint16).data
    for number in range(count):
        yield Partition(number, of_key)


def _replayed_bytes(trace: Trace, touches: Touches) -> int:
    """Return the bytes of live rows that must be executed: an upper bound of what they build."""
    total = 0
    for _, chunk, stop in understood_rows(trace):
        rows = needed_rows(chunk, stop, touches.copied, None, 0, False)
        starts, ends = spans_of(chunk.columns.offsets, rows)
        total += sum(ends) - sum(starts)
    return total
