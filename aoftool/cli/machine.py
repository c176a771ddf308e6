"""What the machine offers."""

from __future__ import annotations

import os

__all__ = ["worker_count"]

# More threads than this only wait for memory.
_MOST = 8


def worker_count() -> int:
    """Return how many threads to scan with: the processors this process may use."""
    return min(len(os.sched_getaffinity(0)), _MOST)
