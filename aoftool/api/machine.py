"""What the machine offers."""

from __future__ import annotations

import os

__all__ = ["worker_count"]

# More threads than this only wait for memory.
_MOST = 8


def worker_count(asked: int | None = None) -> int:
    """Return how many threads to scan with: as many as were asked for, else one a processor."""
    return asked or min(len(os.sched_getaffinity(0)), _MOST)
