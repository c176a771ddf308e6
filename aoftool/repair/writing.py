"""New contents of a file, written as a plan says and read back to be sure."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aoftool.check.reader import Reader
from aoftool.check.textual import restore
from aoftool.errors import VerifyError
from aoftool.files.sink import AtomicFile
from aoftool.files.source import open_source
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.repair.model import FilePlan, Stamp

__all__ = ["planned_pieces", "write_planned"]

# Two buffers of this size stay in the processor's cache; larger or fresh ones take three times as long.
_COMPARED_BYTES = 256 * 1024
# A file below this is on the disk before a thread for it has started.
_LARGE = 16 << 20
Span = tuple[int, int]


def planned_pieces(plan: FilePlan) -> Iterator[bytes | Span]:
    """Yield the new contents: bytes as they are, spans of the original as (start, end)."""
    if plan.contents is not None:
        yield plan.contents
        return
    if plan.transform:
        yield from _restored(plan)
        return
    size = 0 if plan.stamp is None else plan.stamp.size_bytes
    at = 0
    for edit in plan.edits:
        if edit.start > at:
            yield at, edit.start
        if edit.data:
            yield edit.data
        at = max(at, edit.end)
    if at < size:
        yield at, size


def _restored(plan: FilePlan) -> Iterator[bytes]:
    assert plan.stamp is not None
    with open_source(plan.path) as source:
        for piece in restore(Reader(source, plan.stamp.size_bytes), plan.transform):
            if piece.data is not None:
                yield piece.data


def write_planned(plan: FilePlan, path: str, calls: SystemCalls = SYSTEM, *, force: bool = False) -> Stamp:
    """Write a file's new contents under a path, sync it, and read it back.

    Mode, owner and times of the original are carried over.

    Raises:
        VerifyError: it did not read back as planned; it is removed.
    """
    like = os.stat(plan.path) if plan.stamp is not None else None
    source = None if plan.stamp is None else os.open(plan.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with AtomicFile(path, like=like, calls=calls, force=force) as out:
            for piece in planned_pieces(plan):
                if isinstance(piece, bytes):
                    out.write(piece)
                else:
                    assert source is not None
                    out.copy_from(source, piece[0], piece[1] - piece[0])
            with _flushed_meanwhile(out.descriptor):
                _read_back(plan, out.descriptor, source)
            out.commit()
    finally:
        if source is not None:
            os.close(source)
    status = os.stat(path)
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)


def _read_back(plan: FilePlan, written: int, source: int | None) -> None:
    at = 0
    for piece in planned_pieces(plan):
        if isinstance(piece, bytes):
            found = os.pread(written, len(piece), at)
            if found != piece:
                _fail(plan, at)
            at += len(piece)
            continue
        assert source is not None
        length = piece[1] - piece[0]
        differs = _first_difference(written, at, source, piece[0], length)
        if differs is not None:
            _fail(plan, at + differs)
        at += length
    if os.fstat(written).st_size != at:
        _fail(plan, at)


def _first_difference(one: int, one_at: int, two: int, two_at: int, length: int) -> int | None:
    """Return where two spans of open files begin to differ, to a buffer's length; None when they do not."""
    buffers = bytearray(_COMPARED_BYTES), bytearray(_COMPARED_BYTES)
    views = memoryview(buffers[0]), memoryview(buffers[1])
    done = 0
    while done < length:
        size = min(_COMPARED_BYTES, length - done)
        first = os.preadv(one, [views[0][:size]], one_at + done)
        second = os.preadv(two, [views[1][:size]], two_at + done)
        if not first or first != second or not _same(buffers, first):
            return done
        done += first
    return None


def _same(buffers: tuple[bytearray, bytearray], size: int) -> bool:
    # Whole buffers compare as memory does; views of them go byte by byte, a hundred times slower.
    if size == _COMPARED_BYTES:
        return buffers[0] == buffers[1]
    return buffers[0][:size] == buffers[1][:size]


@contextmanager
def _flushed_meanwhile(descriptor: int) -> Iterator[None]:
    """Let a large file go to the disk while it is read back; the commit syncs it for sure."""
    if os.fstat(descriptor).st_size < _LARGE:
        yield
        return
    thread = threading.Thread(target=_flush, args=(descriptor,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _flush(descriptor: int) -> None:
    with suppress(OSError):
        os.fdatasync(descriptor)


def _fail(plan: FilePlan, offset: int) -> None:
    raise VerifyError(
        "what was written did not read back as planned; nothing was changed", path=plan.path, offset=offset
    )
