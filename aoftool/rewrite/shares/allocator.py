"""Ask the C allocator to give freed memory back to the system, where it can be asked.

Work in phases frees large blocks that the next phase cannot use; left alone, glibc keeps them. On other
systems nothing happens.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from functools import cache

__all__ = ["give_back", "keep_little"]

# Source: glibc malloc.h M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_BLOCK_BYTES = 128 << 10


@cache
def _library() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        found = ctypes.CDLL(None)
        return found if hasattr(found, "mallopt") and hasattr(found, "malloc_trim") else None
    except OSError:
        return None


def keep_little() -> None:
    """Give every large block its own mapping from now on, so that freeing it returns it at once."""
    library = _library()
    if library is not None:
        library.mallopt(_MMAP_THRESHOLD, _BLOCK_BYTES)
        library.mallopt(_TRIM_THRESHOLD, _BLOCK_BYTES)


def give_back() -> None:
    """Return what is free at this moment, cycles of objects included."""
    gc.collect()
    library = _library()
    if library is not None:
        library.malloc_trim(0)
