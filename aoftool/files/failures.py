"""What a read that fails becomes: one error, with the file, the place, the system's words, and what to do.

An error of the disk is not the end of the file. Nothing is read a second time: bytes that came at the second
try would be as good as any, but a disk that says so once is not one to write a log from.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from aoftool.errors import AoftoolError, ReadFailedError, SinkError, SourceError
from aoftool.escape import shown_path
from aoftool.files.permission import not_permitted
from aoftool.units import counted

__all__ = [
    "PlacedError",
    "ShrunkError",
    "cannot_change",
    "cannot_open",
    "hint_of",
    "naming",
    "read_failed",
    "reading",
    "system_error",
]

# What the name, the rights or the limits of the process are to blame for; the file may be as sound as ever.
_OF_THE_NAME = frozenset(
    (
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EACCES,
        errno.EPERM,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.EISDIR,
        errno.EMFILE,
        errno.ENFILE,
        errno.EINVAL,
        errno.ENXIO,
    )
)
_OF_THE_RIGHTS = frozenset((errno.EACCES, errno.EPERM))
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
# What no code can help.
_OF_THE_MACHINE = frozenset(
    (
        errno.EACCES,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.EPERM,
        errno.EROFS,
        errno.ESTALE,
        errno.ETIMEDOUT,
    )
)
_HINTS = {
    errno.ENOSPC: "free some space, then run this again",
    errno.EDQUOT: "free some of your space, then run this again",
    errno.ESTALE: "the file on the server is another by now: mount it again, then run this again",
    errno.EMFILE: "allow more open files (ulimit -n), then run this again",
    errno.ENFILE: "close some programs, then run this again",
    errno.ENOMEM: "free some memory, then run this again",
}
_FAILING_DISK = (
    "look for disk errors in the kernel log (dmesg), copy the file to a sound disk, then run this again"
)
_FAILING_CHANGE = "look for disk errors in the kernel log (dmesg), then run this again"


class PlacedError(OSError):
    """What the system says, with the absolute offset in the file where it says so."""

    def __init__(self, error: OSError, offset: int) -> None:
        super().__init__(error.errno, error.strerror or str(error))
        self.offset = offset


class ShrunkError(OSError):
    """A file ends before the size that it had when it was opened.

    Args:
        offset: where there is nothing more.
        size_bytes: what it had.
    """

    def __init__(self, offset: int, size_bytes: int) -> None:
        super().__init__(f"the file ends here, and had {counted(size_bytes, 'byte')} when it was opened")
        self.offset = offset


def read_failed(
    error: OSError, path: str | None, offset: int | None, name: str = "", action: str = "read"
) -> ReadFailedError:
    """Return the error for a read that failed.

    Args:
        path: the file; None for a stream.
        offset: absolute offset in it where the read began, unless the error itself has a better one; None
            where it could not even be opened.
        name: printable, for what has no path.
        action: what failed, for the message.
    """
    shown = name or (shown_path(path) if path is not None else "the input")
    if isinstance(error, (PlacedError, ShrunkError)):
        offset = error.offset
    if isinstance(error, ShrunkError):
        hint = "something cuts it while it is read: stop that, then run this again"
        reason = str(error)
    else:
        hint = _HINTS.get(error.errno or 0, _FAILING_DISK)
        reason = error.strerror or str(error)
    place = "" if offset is None else f" at offset {offset}"
    return ReadFailedError(f"cannot {action} {shown}{place}: {reason}", path=path, offset=offset, hint=hint)


def hint_of(error: OSError) -> str | None:
    """Return what to do about an error of the machine; None where it is of the name, or nothing helps."""
    return _FAILING_CHANGE if error.errno == errno.EIO else _HINTS.get(error.errno or 0)


def cannot_change(error: OSError, path: str, action: str) -> SinkError:
    """Return the error for a change that the system refuses, which may be tried again.

    Args:
        action: what was tried and on what, as in "remove a.aof"; printable.
    """
    return SinkError(f"cannot {action}: {error.strerror or error}", path=path, hint=hint_of(error))


def cannot_open(error: OSError, path: str, action: str = "read") -> AoftoolError:
    """Return the error for a file that could not be opened: the device failed, or the name is not right."""
    if error.errno not in _OF_THE_NAME:
        return read_failed(error, path, None, action=action)
    if error.errno in _OF_THE_RIGHTS:
        return not_permitted(error, path, action)
    reason = error.strerror or str(error)
    hint = "check the name" if isinstance(error, FileNotFoundError) else _HINTS.get(error.errno)
    return SourceError(f"cannot {action} {shown_path(path)}: {reason}", path=path, hint=hint)


@contextmanager
def naming(shown: str, path: str) -> Iterator[None]:
    """Let a failed read in this block name a file by the path that a user knows, and not by `shown`."""
    try:
        yield
    except ReadFailedError as error:
        if error.path == shown:
            error.path = path
            old, new = (shown_path(name) for name in (shown, path))
            error.message = error.message.replace(old, new, 1)
        raise


def system_error(error: OSError) -> AoftoolError | None:
    """Return what an error comes to that nobody looked for; None where it may be a fault of ours."""
    if error.errno not in _OF_THE_MACHINE:
        return None
    name = error.filename if isinstance(error.filename, (str, bytes)) else None
    path = None if name is None else os.fsdecode(name)
    what = "write the output" if error.errno in _FULL else "go on"
    if path is not None:
        what = f"work with {shown_path(path)}"
    hint = _HINTS.get(error.errno, _FAILING_DISK if error.errno == errno.EIO else None)
    return SinkError(f"cannot {what}: {error.strerror}", path=path, hint=hint)


@contextmanager
def reading(path: str, offset: int | None = None) -> Iterator[None]:
    """Make of what the system says in this block the error for a file, opened or read at an offset."""
    try:
        yield
    except OSError as error:
        raise (cannot_open(error, path) if offset is None else read_failed(error, path, offset)) from error
