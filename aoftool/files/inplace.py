"""Changes to a file where it stands: cut its tail, put a tail back, give it another name.

Each is one step for whoever reads the file, synced before it returns. Saving what is cut, first, is
the caller's business.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from aoftool.errors import OutputExistsError, PlanStaleError, SinkError
from aoftool.escape import printable
from aoftool.files.copying import CopyMethod, clone_whole
from aoftool.files.proven import Span, write_proven
from aoftool.files.sink import AtomicFile, sync_parent
from aoftool.files.syscalls import SYSTEM, SystemCalls

__all__ = ["append_tail", "copy_file", "cut_tail", "move_file", "remove_file"]


def cut_tail(path: str, size_bytes: int, *, expected_bytes: int, calls: SystemCalls = SYSTEM) -> None:
    """Cut a file to a size, in place, and sync it.

    Args:
        path: a regular file; a symbolic link is refused.
        size_bytes: the new size, below the old.
        expected_bytes: the size it must have now.

    Raises:
        PlanStaleError: its size is another by now.
        SinkError: the system refuses.
    """
    with _opened(path, calls) as descriptor:
        _require_size(path, descriptor, expected_bytes)
        assert 0 <= size_bytes <= expected_bytes
        calls.truncate(descriptor, size_bytes)
        calls.sync(descriptor)


def append_tail(
    path: str, data: bytes | memoryview, *, expected_bytes: int, calls: SystemCalls = SYSTEM
) -> None:
    """Put bytes behind a file that has a known size, and sync it; a failure cuts back to that size.

    Raises:
        PlanStaleError: its size is another by now.
        SinkError: the system refuses.
    """
    with _opened(path, calls) as descriptor:
        _require_size(path, descriptor, expected_bytes)
        os.lseek(descriptor, expected_bytes, os.SEEK_SET)
        try:
            view = memoryview(data)
            while view:
                view = view[calls.write(descriptor, view) :]
            calls.sync(descriptor)
        except OSError:
            calls.truncate(descriptor, expected_bytes)
            raise


def move_file(old: str, new: str, *, calls: SystemCalls = SYSTEM) -> None:
    """Give a file another name that is free, and sync both directories.

    Raises:
        OutputExistsError: the new name is taken.
        SinkError: the system refuses.
    """
    with _translated(new):
        try:
            calls.link(old, new)
        except FileExistsError as error:
            raise OutputExistsError(f"{_shown(new)} exists already", path=new) from error
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK):
                raise
            if os.path.lexists(new):
                raise OutputExistsError(f"{_shown(new)} exists already", path=new) from error
            calls.rename(old, new)
        else:
            sync_parent(new, calls)
            calls.unlink(old)
        sync_parent(new, calls)
        sync_parent(old, calls)


def copy_file(
    source: str, destination: str, *, force: bool = False, calls: SystemCalls = SYSTEM
) -> CopyMethod:
    """Copy a file with mode, owner and times, as a clone where that is possible; a copy is read back.

    Args:
        force: replace what has the name; without it the name must be free.

    Raises:
        OutputExistsError: the name is taken.
        SinkError: the system refuses.
        VerifyError: the copy reads back as something else.
    """
    with _translated(source):
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        with AtomicFile(destination, like=status, force=force, calls=calls) as file:
            with _translated(destination):
                cloned = clone_whole(descriptor, file.descriptor, calls)
            if not cloned:
                write_proven(file, [Span(descriptor, 0, status.st_size)], calls=calls)
            file.commit()
        return CopyMethod.CLONE if cloned else CopyMethod.COPY
    finally:
        os.close(descriptor)


def remove_file(path: str, *, calls: SystemCalls = SYSTEM) -> None:
    """Remove a name and sync its directory.

    Raises:
        SinkError: the system refuses.
    """
    with _translated(path):
        calls.unlink(path)
        sync_parent(path, calls)


@contextmanager
def _opened(path: str, calls: SystemCalls) -> Iterator[int]:
    with _translated(path):
        descriptor = calls.open_existing(path)
        try:
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
        reason = error.strerror or str(error)
        raise SinkError(f"cannot change {_shown(path)}: {reason}", path=path) from error


def _require_size(path: str, descriptor: int, expected_bytes: int) -> None:
    size = os.fstat(descriptor).st_size
    if size != expected_bytes:
        message = f"{_shown(path)} has {size} bytes and not {expected_bytes} any more"
        raise PlanStaleError(message, path=path, hint="check it again")


def _shown(path: str) -> str:
    return printable(os.fsencode(path))
