"""Pieces put into a new file and proven: synced, then read back and compared with where they came from.

A large file is cut into windows. While one is written, the one before it goes to the disk and is read
back by a thread, so that all of it takes little longer than the disk does. Proven windows leave the page
cache: a repaired log of 100 GB must not push out what the machine is working with. Memory is two buffers
and a few windows' worth of bytes that come from no file. Knows nothing of what the bytes mean.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from aoftool.dataclass import dataclass, field
from aoftool.errors import VerifyError
from aoftool.escape import shown_path
from aoftool.files.failures import reading
from aoftool.files.sink import AtomicFile, cannot_write
from aoftool.files.syscalls import READS, SYSTEM, SystemCalls
from aoftool.progress import Progress, no_progress

__all__ = ["LITERAL_BYTES", "WINDOW_BYTES", "Piece", "Span", "write_proven"]

WINDOW_BYTES = 64 << 20
"""What is synced at once. Less makes the disk wait more often, more leaves more to do at the end."""
LITERAL_BYTES = 4 << 20
"""A window with so many bytes that are held in memory ends early."""
_AHEAD = 2
# Two buffers of this size stay in the processor's cache; larger or fresh ones take three times as long.
_COMPARED_BYTES = 256 * 1024


@dataclass(frozen=True)
class Span:
    """Bytes [start, end) of an open file, whose path is for errors."""

    descriptor: int
    start: int
    end: int
    path: str


Piece = bytes | Span


@dataclass
class _Window:
    """A stretch of the new file, and what it must be the same as."""

    start: int
    end: int
    pieces: list[Piece] = field(default_factory=list)
    literal_bytes: int = 0


_Windows = queue.SimpleQueue[_Window | None]


def write_proven(
    out: AtomicFile, pieces: Iterable[Piece], *, calls: SystemCalls = SYSTEM, progress: Progress = no_progress
) -> None:
    """Write pieces to a file that is not yet in place, and prove them; committing it is left to the caller.

    Args:
        out: a new file; its present end is where the first piece goes.
        pieces: bytes, or spans of files that stay open and do not change meanwhile.
        calls: the system, replaceable in tests.
        progress: told of bytes written.

    Raises:
        SinkError: the system refuses, or the disk reports an error for anything written so far.
        ReadFailedError: a file cannot be read, or ends before a span of it does.
        VerifyError: the file reads back as something else.
    """
    with _Prover(out, calls) as prover:
        for window in _windows(out, pieces, progress):
            prover.take(window)
        prover.finish()
    if os.fstat(out.descriptor).st_size != out.size_bytes:
        raise _differs(out.path, out.size_bytes)


def _windows(out: AtomicFile, pieces: Iterable[Piece], progress: Progress) -> Iterator[_Window]:
    """Write, and yield every window that is written to its end."""
    window = _Window(out.size_bytes, out.size_bytes)
    for piece in pieces:
        for part in _parts(piece, out.size_bytes):
            if isinstance(part, bytes):
                out.write(part)
                window.literal_bytes += len(part)
            else:
                out.copy_from(part.descriptor, part.start, part.end - part.start, part.path)
            progress(out.size_bytes - window.end)
            window.end = out.size_bytes
            window.pieces.append(part)
            full = window.end // WINDOW_BYTES > window.start // WINDOW_BYTES
            if full or window.literal_bytes >= LITERAL_BYTES:
                yield window
                window = _Window(out.size_bytes, out.size_bytes)
    if window.pieces:
        yield window


def _parts(piece: Piece, at: int) -> Iterator[Piece]:
    """Cut a span where the new file comes to the end of a window.

    Windows end at multiples of their size, so that a file system which can share blocks between files
    shares all but those around an edit.
    """
    if isinstance(piece, bytes):
        yield piece
        return
    start = piece.start
    while start < piece.end:
        end = min(piece.end, start + WINDOW_BYTES - at % WINDOW_BYTES)
        yield Span(piece.descriptor, start, end, piece.path)
        at += end - start
        start = end


class _Prover:
    """Prove windows in the order they come, by threads once there is enough to do.

    One thread syncs, the next reads back: the disk works on one window while another is compared.
    """

    def __init__(self, out: AtomicFile, calls: SystemCalls) -> None:
        self._path = out.path
        self._calls = calls
        # Its own, so that a failure of the writer cannot close it under the threads.
        self._descriptor = os.dup(out.descriptor)
        self._buffers = bytearray(_COMPARED_BYTES), bytearray(_COMPARED_BYTES)
        self._threads: list[threading.Thread] = []
        self._written: _Windows = queue.SimpleQueue()
        self._synced: _Windows = queue.SimpleQueue()
        self._slots = threading.Semaphore(_AHEAD)
        self._error: BaseException | None = None

    def __enter__(self) -> _Prover:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None:
            self._error = self._error or error
        self._join()
        os.close(self._descriptor)

    def take(self, window: _Window) -> None:
        """Prove a window, now or soon; raises what an earlier one came to."""
        if not self._threads:
            if window.end - window.start < LITERAL_BYTES:
                self._sync(window)
                self._compare(window)
                return
            self._start()
        self._slots.acquire()
        self._raise()
        self._written.put(window)

    def finish(self) -> None:
        """Wait until everything is proven."""
        self._join()
        self._raise()

    def _start(self) -> None:
        for work in (self._work_on_written, self._work_on_synced):
            self._threads.append(threading.Thread(target=work, name="proving", daemon=True))
            self._threads[-1].start()

    def _join(self) -> None:
        if self._threads:
            self._written.put(None)
        while self._threads:
            self._threads.pop(0).join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work_on_written(self) -> None:
        while (window := self._written.get()) is not None:
            self._do(self._sync, window)
            self._synced.put(window)
        self._synced.put(None)

    def _work_on_synced(self) -> None:
        while (window := self._synced.get()) is not None:
            self._do(self._compare, window)
            self._do(self._forget, window)
            self._slots.release()

    def _do(self, act: Callable[[_Window], None], window: _Window) -> None:
        if self._error is None:
            try:
                act(window)
            except BaseException as error:
                # The disk tells of an error only once: a later sync of the same file would succeed.
                self._error = self._error or error

    def _sync(self, window: _Window) -> None:
        try:
            self._calls.sync_data(self._descriptor)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def _compare(self, window: _Window) -> None:
        at = window.start
        try:
            for piece in window.pieces:
                at = self._compare_piece(piece, at)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def _forget(self, window: _Window) -> None:
        if hasattr(os, "posix_fadvise"):
            with suppress(OSError):  # advice
                length = window.end - window.start
                os.posix_fadvise(self._descriptor, window.start, length, os.POSIX_FADV_DONTNEED)

    def _compare_piece(self, piece: Piece, at: int) -> int:
        """Compare a piece with what stands in the file; return where it ends there."""
        if isinstance(piece, bytes):
            if os.pread(self._descriptor, len(piece), at) != piece:
                raise _differs(self._path, at)
            return at + len(piece)
        found, wanted = self._buffers
        start = piece.start
        while start < piece.end:
            size = min(_COMPARED_BYTES, piece.end - start)
            first = os.preadv(self._descriptor, [memoryview(found)[:size]], at)
            with reading(piece.path, start):
                second = READS.read_into(piece.descriptor, memoryview(wanted)[:size], start)
            both = min(first, second)
            if not both or not _same(found, wanted, both):
                raise _differs(self._path, at)
            at += both
            start += both
        return at


def _same(one: bytearray, other: bytearray, size: int) -> bool:
    # Whole buffers compare as memory does; views of them go byte by byte, a hundred times slower.
    if size == _COMPARED_BYTES:
        return one == other
    return one[:size] == other[:size]


def _differs(path: str, offset: int) -> VerifyError:
    message = f"{shown_path(path)} did not read back as it was written"
    return VerifyError(message, path=path, offset=offset)
