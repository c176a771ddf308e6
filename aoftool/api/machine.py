"""What the machine offers, and what may be taken of it unasked."""

from __future__ import annotations

import os

__all__ = ["REPLAYED_UNASKED_BYTES", "worker_count"]

REPLAYED_UNASKED_BYTES = 16 << 20
"""Logs up to this size are replayed, command by command in interpreted code, in a second or two."""

# More threads than this only wait for memory.
_MOST = 8


def worker_count(asked: int | None = None) -> int:
    """Return how many threads to scan with: as many as were asked for, else one a processor."""
    return asked or min(len(os.sched_getaffinity(0)), _MOST)
