"""Read the next piece of a source while the last one is worked on.

Knows threads and buffers, nothing of what is read.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from aoftool.files.source import Source

__all__ = ["MARGIN_BYTES", "ReadAhead"]

MARGIN_BYTES = 64 * 1024
"""Free bytes in front of each piece: room for what the last one left over."""

_BUFFERS = 3

_Piece = tuple[bytearray, int]


class ReadAhead:
    """Iterate over the pieces of a source, once: (buffer, bytes read into it behind the margin).

    A buffer may be written to until the next step; then it is used again. The last piece has 0 bytes.

    Args:
        source: nobody else may read it meanwhile.
        piece_bytes: of one piece at most.
        limit_bytes: bytes to read in all; None reads to the end.
    """

    def __init__(self, source: Source, piece_bytes: int, limit_bytes: int | None) -> None:
        self._source = source
        self._piece_bytes = piece_bytes
        self._left = limit_bytes
        self._free: queue.SimpleQueue[bytearray | None] = queue.SimpleQueue()
        self._filled: queue.SimpleQueue[_Piece | BaseException] = queue.SimpleQueue()
        for _ in range(_BUFFERS):
            self._free.put(bytearray(MARGIN_BYTES + piece_bytes))
        self._thread = threading.Thread(target=self._run, name="reading ahead", daemon=True)

    def __enter__(self) -> ReadAhead:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._free.put(None)
        self._thread.join()

    def __iter__(self) -> Iterator[_Piece]:
        while True:
            piece = self._filled.get()
            if isinstance(piece, BaseException):
                raise piece
            yield piece
            if not piece[1]:
                return
            self._free.put(piece[0])

    def _run(self) -> None:
        try:
            while (buffer := self._free.get()) is not None:
                count = self._fill(buffer)
                self._filled.put((buffer, count))
                if not count:
                    return
        except BaseException as failure:
            self._filled.put(failure)

    def _fill(self, buffer: bytearray) -> int:
        room = self._piece_bytes if self._left is None else min(self._piece_bytes, self._left)
        if room <= 0:
            return 0
        with memoryview(buffer) as view:
            count = self._source.read_into(view[MARGIN_BYTES : MARGIN_BYTES + room])
        if self._left is not None:
            self._left -= count
        return count
