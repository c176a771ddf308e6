"""Read one object at any offset: small ranges here and there, large blocks ahead of who reads front to back.

Blocks belong to the object and not to a reader, so readers that share its bytes fetch none twice.
Memory is bounded for the process, whatever the size of the objects: `_MOST_BYTES` of blocks, and for each
reader the small range or the block that it is in.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from aoftool.files.remote.rooms import ROOM_BYTES

__all__ = ["BlockCache", "RangeReader"]

_MOST_BYTES = 64 << 20
_BLOCK_BYTES = ROOM_BYTES
_MOST_BLOCKS = _MOST_BYTES // _BLOCK_BYTES
_SMALLEST = 128 << 10
# Ranges double up to this size; whoever reads on behind that reads blocks.
_LARGEST = 512 << 10
_AHEAD = 3
_THREADS = 6

Fetch = Callable[[int, int], memoryview]

_lock = threading.Lock()
_readers = 0
_pool: ThreadPoolExecutor | None = None
# The blocks of all objects, the one used last at the end.
_blocks: OrderedDict[tuple[int, int], Future[memoryview]] = OrderedDict()


def _threads() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(_THREADS, "aoftool-ranges")
    return _pool


class BlockCache:
    """The blocks of one object.

    Args:
        fetch: gives exactly the bytes from one offset to another, or raises; called from any thread.
        size_bytes: of the object.
    """

    def __init__(self, fetch: Fetch, size_bytes: int) -> None:
        self._fetch, self.size_bytes = fetch, size_bytes

    def block(self, number: int) -> Future[memoryview]:
        """Return a block, on its way or there."""
        key = (id(self), number)
        with _lock:
            found = _blocks.get(key)
            if found is None or (found.done() and (found.cancelled() or found.exception() is not None)):
                start = number * _BLOCK_BYTES
                end = min(start + _BLOCK_BYTES, self.size_bytes)
                found = _blocks[key] = _threads().submit(self._fetch, start, end)
            _blocks.move_to_end(key)
            for other in list(_blocks)[: max(0, len(_blocks) - _MOST_BLOCKS)]:
                _blocks.pop(other).cancel()
            return found

    def small(self, start: int, end: int) -> memoryview:
        """Return a range that is not kept, from a block where there is one."""
        number = start // _BLOCK_BYTES
        with _lock:
            found = _blocks.get((id(self), number))
        if found is not None and end <= (number + 1) * _BLOCK_BYTES:
            return found.result()[start % _BLOCK_BYTES : start % _BLOCK_BYTES + end - start]
        return self._fetch(start, end)

    def forget(self) -> None:
        """Let go of every block."""
        with _lock:
            for key in [key for key in _blocks if key[0] == id(self)]:
                _blocks.pop(key).cancel()


class RangeReader:
    """Give bytes of one object to one reader.

    Args:
        cache: of the object.
    """

    def __init__(self, cache: BlockCache) -> None:
        global _readers
        self._cache = cache
        self._start = 0
        self._data = memoryview(b"")
        self._length = 0
        self._closed = False
        self._busy = threading.Lock()
        with _lock:
            _readers += 1

    def piece(self, offset: int, most: int) -> memoryview:
        """Return at least one byte from an offset below the size on, and at most `most`."""
        with self._busy:
            if not self._start <= offset < self._start + len(self._data):
                self._move(offset, most)
            at = offset - self._start
            return self._data[at : at + most]

    def close(self) -> None:
        """Forget everything."""
        global _readers
        if self._closed:
            return
        self._closed = True
        self._data = memoryview(b"")
        with _lock:
            _readers -= 1

    def _move(self, offset: int, most: int) -> None:
        size = self._cache.size_bytes
        follows = bool(self._length) and offset == self._start + len(self._data)
        if follows and self._length >= _LARGEST and _readers * 2 <= _MOST_BLOCKS:
            number = offset // _BLOCK_BYTES
            wanted = self._cache.block(number)
            last = (size - 1) // _BLOCK_BYTES
            ahead = min(_AHEAD, _MOST_BLOCKS // _readers - 1)
            for following in range(number + 1, min(number + ahead, last) + 1):
                self._cache.block(following)
            self._start, self._data = number * _BLOCK_BYTES, wanted.result()
            return
        self._length = min(self._length * 2 if follows else max(_SMALLEST, min(most, _LARGEST)), _LARGEST)
        end = min(offset + self._length, size)
        self._start, self._data = offset, self._cache.small(offset, end)
