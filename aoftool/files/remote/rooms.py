"""Room for the bytes of ranges: mapped, given back to the system at once, and used again where it is large.

Freed memory of this size would stay with the process, between the many small pieces that packages below take
while it is filled. Mapped anew for each block, half of the time of a fast store went into pages that the
system clears; so some rooms of one size wait for the next block.
"""

from __future__ import annotations

import ctypes
import mmap
import threading
import weakref

__all__ = ["ROOM_BYTES", "room_of"]

ROOM_BYTES = 4 << 20
"""The size of the rooms that are used again."""
_WAITING_MOST = 6

_waiting: list[mmap.mmap] = []
_lock = threading.Lock()


def room_of(length: int) -> memoryview:
    """Return room for so many bytes, one or more, that is not used again while anybody holds a view of it."""
    if length != ROOM_BYTES:
        return memoryview(mmap.mmap(-1, length))
    with _lock:
        mapped = _waiting.pop() if _waiting else mmap.mmap(-1, ROOM_BYTES)
    # Every view of it, and every view of those, holds the array: it goes with the last of them.
    array = (ctypes.c_ubyte * ROOM_BYTES).from_buffer(mapped)
    weakref.finalize(array, _give_back, mapped).atexit = False
    return memoryview(array).cast("B")


def _give_back(mapped: mmap.mmap) -> None:
    # No lock: this may run wherever a view ends, in a thread that holds it too.
    if len(_waiting) < _WAITING_MOST:
        _waiting.append(mapped)
