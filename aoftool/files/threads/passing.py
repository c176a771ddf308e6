"""A large new file that leaves the memory of the machine while it grows: finished parts are synced beside.

The system keeps what is written, and what is kept takes the place of files that others read; finding that
place costs more than the writing does once there are gigabytes. Knows nothing of what is written.
"""

from __future__ import annotations

import os
import queue
import threading
from contextlib import suppress

from aoftool.files.sink import AtomicFile, cannot_write
from aoftool.files.syscalls import SYSTEM, SystemCalls

__all__ = ["PART_BYTES", "PassingFile"]

PART_BYTES = 32 << 20
"""A file below this stays in memory."""


class PassingFile:
    """Write to a file that is not yet in place; a thread syncs parts of it and has the system forget them.

    Use as a context manager, inside that of the file: at the end of the block nothing is synced any more.

    Args:
        file: whoever commits it calls `finish` before.
        calls: the system, replaceable in tests.
    """

    def __init__(
        self, file: AtomicFile, *, calls: SystemCalls = SYSTEM, part_bytes: int = PART_BYTES
    ) -> None:
        self._file, self._calls, self._part_bytes = file, calls, part_bytes
        self._begin = file.size_bytes
        # One part waits at most, so that little is in memory.
        self._parts: queue.Queue[tuple[int, int] | None] = queue.Queue(1)
        self._thread: threading.Thread | None = None
        self._descriptor = -1
        self._failure: OSError | None = None
        self._is_given_up = False

    def write(self, data: bytes) -> None:
        """Add bytes at the end; waits while the disk is too far behind.

        Raises:
            SinkError: the system refuses, or the disk reports an error for anything written so far.
        """
        self._file.write(data)
        length = self._file.size_bytes - self._begin
        if length >= self._part_bytes:
            self._start()
            self._parts.put((self._begin, length))
            self._begin += length
            self._raise()

    def finish(self) -> None:
        """Wait until every finished part is on the disk; the rest of the file is not yet.

        Raises:
            SinkError: the disk reports an error.
        """
        self._end()
        self._raise()

    def __enter__(self) -> PassingFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_given_up = True
        self._end()

    def _start(self) -> None:
        if self._thread is None:
            # Its own, so that a failure of the writer cannot close it under the thread.
            self._descriptor = os.dup(self._file.descriptor)
            self._thread = threading.Thread(target=self._run, name="syncing behind", daemon=True)
            self._thread.start()

    def _end(self) -> None:
        if self._thread is not None:
            self._parts.put(None)
            self._thread.join()
            self._thread = None
            os.close(self._descriptor)

    def _raise(self) -> None:
        # The disk tells of an error only once: a later sync of the same file would succeed.
        if self._failure is not None:
            raise cannot_write(self._file.path, self._failure) from self._failure

    def _run(self) -> None:
        while (part := self._parts.get()) is not None:
            if self._failure is not None or self._is_given_up:
                continue
            try:
                self._calls.sync_data(self._descriptor)
            except OSError as failure:
                self._failure = failure
                continue
            if hasattr(os, "posix_fadvise"):
                with suppress(OSError):  # advice
                    os.posix_fadvise(self._descriptor, *part, os.POSIX_FADV_DONTNEED)
