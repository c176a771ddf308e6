"""Another thread that takes what is handed to it, in order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from aoftool.resp.columns import RowColumns

__all__ = ["Pipe"]

_AHEAD = 4

Names = list[tuple[bytes, bytes | None]]


class Pipe:
    """Run a function over what is put in, in order, on another thread."""

    def __init__(self, work: Callable[[RowColumns, Names], None]) -> None:
        self._work = work
        self._queue: queue.Queue[tuple[RowColumns, Names] | None] = queue.Queue(_AHEAD)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._failure is None:
                try:
                    self._work(*item)
                except BaseException as failure:
                    self._failure = failure

    def put(self, rows: RowColumns, names: Names) -> None:
        """Hand on rows, and the names by number; what failed on the other thread is raised here."""
        if self._failure is not None:
            raise self._failure
        self._queue.put((rows, names))

    def close(self) -> None:
        """Wait until all is taken."""
        self._queue.put(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure
