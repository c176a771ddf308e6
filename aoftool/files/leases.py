"""Is a file open for writing anywhere on this machine? The kernel tells, whoever has it open.

Processes of other users and of other containers cannot be looked into, but a read lease is given only for a
file that nobody has open for writing. It is given back at once. Knows nothing of logs.

Source: Linux fs/locks.c check_conflicting_open, __break_lease; fcntl(2), "Leases".
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["alone_with", "is_written_to"]

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
# What the kernel sends when somebody wants the file while there is a lease. By default it is ignored; the one
# that is sent unless another is chosen would end this process.
_SIGNAL = getattr(signal, "SIGURG", None)


def is_written_to(path: str, identity: tuple[int, int] | None = None) -> bool:
    """Tell whether any process on this machine has a regular file open for writing.

    False also where that is not to be known: on a network file system, or of another user's file.

    Args:
        path: of the file; this process must not have it open for writing.
        identity: device and inode that it must have to be asked about.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError:
        return False
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or identity not in (None, (status.st_dev, status.st_ino)):
            return False
        given = _lease(descriptor, fcntl.F_RDLCK)
        if given:
            _give_back(descriptor)
        return given is False
    finally:
        os.close(descriptor)


@contextmanager
def alone_with(descriptor: int) -> Iterator[None]:
    """Keep others from opening a file that nobody else has open, as long as the block runs.

    Who opens it waits until the block has ended. Where somebody has it open, if only to read it, or where the
    file system gives no leases, nothing is kept.

    Args:
        descriptor: the only one of this process that stands for the file.
    """
    given = _lease(descriptor, fcntl.F_WRLCK)
    try:
        yield
    finally:
        if given:
            _give_back(descriptor)


def _lease(descriptor: int, kind: int) -> bool | None:
    """Take a lease; false where somebody's use of the file stands against it, None where there are none."""
    if _SIGNAL is None or not hasattr(fcntl, "F_SETLEASE"):
        return None
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, _SIGNAL)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, kind)
    except OSError as error:
        return False if error.errno == errno.EAGAIN else None
    return True


def _give_back(descriptor: int) -> None:
    with suppress(OSError):
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
