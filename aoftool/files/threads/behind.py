"""Write to a sink by a thread of its own, while the caller makes what comes next.

Knows order, failures and ends; what is written, and where to, is the sink's business.
"""

from __future__ import annotations

import queue
import threading
from typing import Protocol

__all__ = ["WriteBehind"]

# Pieces that may wait: enough for both sides to go on, and little memory.
_WAITING = 4


class _Sink(Protocol):
    def write(self, data: bytes, /) -> object:
        """Take bytes in order."""


class WriteBehind:
    """A sink that hands pieces to another one, in order, from a thread.

    Use as a context manager: at the end of the block no thread writes any more, and what waits still is
    forgotten unless `finish` was called. A failure of the sink is raised by the next call.

    Args:
        sink: nobody else may write to it before `finish`, or before the end of the block.
    """

    def __init__(self, sink: _Sink) -> None:
        self._sink = sink
        self._pieces: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._failure: BaseException | None = None
        self._given_up = False
        self._thread: threading.Thread | None = None

    def write(self, data: bytes, /) -> None:
        """Take a piece, which nobody changes from now on; waits while too many do.

        Raises:
            whatever the sink raised for an earlier one.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="writing behind", daemon=True)
            self._thread.start()
        if self._failure is not None:
            raise self._failure
        self._pieces.put(data)

    def finish(self) -> None:
        """Wait until all is written; others may use the sink then.

        Raises:
            whatever the sink raised.
        """
        self._end()
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> WriteBehind:
        return self

    def __exit__(self, *_: object) -> None:
        self._given_up = True
        self._end()

    def _end(self) -> None:
        if self._thread is not None:
            self._pieces.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (data := self._pieces.get()) is not None:
            # What follows a failure is taken and forgotten, so that nobody waits for room.
            if self._failure is None and not self._given_up:
                try:
                    self._sink.write(data)
                except BaseException as failure:
                    self._failure = failure
