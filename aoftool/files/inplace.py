"""Changes to a file where it stands: cut its tail, put a tail back, give it another name.

Each is one step for whoever reads the file, synced before it returns. Saving what is cut, first, is
the caller's business.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aoftool.errors import (
    AoftoolError,
    OutputExistsError,
    PlanStaleError,
    SourceError,
    UnsafePathError,
)
from aoftool.escape import shown_path
from aoftool.files.copying import CopyMethod, clone_whole, copy_range
from aoftool.files.failures import cannot_change, reading
from aoftool.files.folder import Folder
from aoftool.files.held import held_file
from aoftool.files.leases import alone_with
from aoftool.files.proven import Span, write_proven
from aoftool.files.sink import AtomicFile
from aoftool.files.syscalls import READS, SYSTEM, SystemCalls
from aoftool.next_step import again
from aoftool.units import counted

__all__ = ["append_tail", "copy_file", "cut_tail", "move_file"]


def _any(status: os.stat_result) -> bool:
    return True


def cut_tail(
    folder: Folder,
    name: str,
    size_bytes: int,
    *,
    expected_bytes: int,
    is_same: Callable[[os.stat_result], bool] = _any,
    calls: SystemCalls = SYSTEM,
) -> None:
    """Cut a file to a size, in place, and sync it; nobody opens it between the last look and the cut.

    Args:
        folder, name: a regular file; a symbolic link is refused.
        size_bytes: the new size, below the old.
        expected_bytes: the size it must have now.
        is_same: tells whether the open file is the one that is meant.

    Raises:
        PlanStaleError: its size is another by now, or it is another file.
        SinkError: the system refuses.
    """
    path = folder.join(name)
    with _opened(folder, name, calls) as descriptor, alone_with(descriptor):
        _require_size(path, descriptor, expected_bytes)
        if not is_same(os.fstat(descriptor)):
            raise PlanStaleError(f"{shown_path(path)} changed after it was read", path=path, hint=again())
        assert 0 <= size_bytes <= expected_bytes
        calls.truncate(descriptor, size_bytes)
        calls.sync(descriptor)


def append_tail(
    folder: Folder,
    name: str,
    source: int,
    offset: int,
    length: int,
    kept: str,
    *,
    expected_bytes: int,
    calls: SystemCalls = SYSTEM,
) -> None:
    """Put a range of an open file behind a file that has a known size, and sync it.

    A failure cuts back to that size; a kill can leave a part of the range.

    Args:
        source, offset, length: the range.
        kept: path of the open file, for errors.

    Raises:
        ReadFailedError: the range cannot be read.
        PlanStaleError: its size is another by now.
        SourceError: the range is not all there.
        SinkError: the system refuses.
    """
    path = folder.join(name)
    with _opened(folder, name, calls) as descriptor, alone_with(descriptor):
        _require_size(path, descriptor, expected_bytes)
        os.lseek(descriptor, expected_bytes, os.SEEK_SET)
        try:
            copied = copy_range(source, descriptor, offset, length, kept, calls)
            if copied < length:
                raise SourceError(f"the tail of {shown_path(path)} that was kept is too short", path=path)
            calls.sync(descriptor)
        except (OSError, AoftoolError):
            calls.truncate(descriptor, expected_bytes)
            raise


def move_file(old_in: Folder, old: str, new_in: Folder, new: str, *, calls: SystemCalls = SYSTEM) -> None:
    """Give a file another name that is free, and sync both directories.

    Raises:
        OutputExistsError: the new name is taken.
        SinkError: the system refuses.
    """
    path = new_in.join(new)
    source, target = old_in.descriptor, new_in.descriptor
    with _translated(path):
        try:
            calls.link(old, new, source, target)
        except FileExistsError as error:
            raise OutputExistsError(f"{shown_path(path)} exists already", path=path) from error
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK):
                raise
            if new_in.look(new) is not None:
                raise OutputExistsError(f"{shown_path(path)} exists already", path=path) from error
            calls.rename(old, new, source, target)
        else:
            new_in.sync(calls)
            calls.unlink(old, source)
        new_in.sync(calls)
        old_in.sync(calls)


def copy_file(
    source: str,
    destination: str,
    *,
    force: bool = False,
    folder: Folder | None = None,
    calls: SystemCalls = SYSTEM,
) -> CopyMethod:
    """Copy a file with mode, owner and times, as a clone where that is possible; a copy is read back.

    A file that is held (`aoftool.files.held`) is copied as it was then.

    Args:
        folder: the directory of the destination, where it is open already.
        force: replace what has the name; without it the name must be free.

    Raises:
        OutputExistsError: the name is taken.
        ReadFailedError: the source cannot be read.
        SinkError: the system refuses.
        VerifyError: the copy reads back as something else.
    """
    held = held_file(source)
    with reading(source):
        descriptor = (
            READS.open(source, os.O_RDONLY | os.O_CLOEXEC) if held is None else os.dup(held.descriptor)
        )
    try:
        status = os.fstat(descriptor)
        size = status.st_size if held is None else held.status.st_size
        with AtomicFile(destination, like=status, force=force, folder=folder, calls=calls) as file:
            with _translated(destination):
                cloned = clone_whole(descriptor, file.descriptor, calls)
                if cloned and os.fstat(file.descriptor).st_size > size:
                    # It was written to since it is held.
                    calls.truncate(file.descriptor, size)
            if not cloned:
                write_proven(file, [Span(descriptor, 0, size, source)], calls=calls)
            file.commit()
        return CopyMethod.CLONE if cloned else CopyMethod.COPY
    finally:
        os.close(descriptor)


@contextmanager
def _opened(folder: Folder, name: str, calls: SystemCalls) -> Iterator[int]:
    path = folder.join(name)
    with _translated(path):
        descriptor = calls.open_existing(name, folder.descriptor)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UnsafePathError(f"{shown_path(path)} is no regular file", path=path)
            yield descriptor
        except BaseException:
            os.close(descriptor)
            raise
        calls.close(descriptor)


@contextmanager
def _translated(path: str) -> Iterator[None]:
    """Turn what the system says into an error of ours that names the file."""
    try:
        yield
    except OSError as error:
        raise cannot_change(error, path, f"change {shown_path(path)}") from error


def _require_size(path: str, descriptor: int, expected_bytes: int) -> None:
    size = os.fstat(descriptor).st_size
    if size != expected_bytes:
        message = f"{shown_path(path)} has {counted(size, 'byte')} and not {expected_bytes} any more"
        raise PlanStaleError(message, path=path, hint="check it again")
