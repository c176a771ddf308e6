"""Copies of files and ranges, by the cheapest way the file system offers.

A clone shares the blocks and takes no time; else the kernel copies; else bytes go through a buffer.
"""

from __future__ import annotations

import errno
import os
import stat
from enum import Enum

from aoftool.files.failures import reading
from aoftool.files.syscalls import READS, SYSTEM, SystemCalls

__all__ = ["CopyMethod", "clone_whole", "copy_range"]

_BUFFER_BYTES = 1024 * 1024
_KERNEL_BYTES = 256 * 1024 * 1024
# What the kernel answers when a way of copying is not for these two files; the next way is tried. So it is
# after an error of a device: only reading and writing apart tells which of the two it was.
_NOT_THIS_WAY = {
    errno.EOPNOTSUPP,
    errno.ENOTSUP,
    errno.EXDEV,
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTTY,
    errno.EPERM,
    errno.EBADF,
    errno.ETXTBSY,
    errno.EIO,
    errno.ESTALE,
}


class CopyMethod(str, Enum):
    """How bytes came across."""

    CLONE = "clone"
    COPY = "copy"


def clone_whole(source: int, destination: int, calls: SystemCalls = SYSTEM) -> bool:
    """Let an empty file share all blocks of an open regular one; tell whether the file system can."""
    assert stat.S_ISREG(os.fstat(source).st_mode)
    try:
        calls.clone(source, destination)
    except OSError as error:
        if error.errno not in _NOT_THIS_WAY:
            raise
        return False
    return True


def copy_range(
    source: int, destination: int, offset: int, length: int, path: str, calls: SystemCalls = SYSTEM
) -> int:
    """Copy a range of an open file to the current place of another; return how many bytes there were.

    Args:
        path: of the source, for errors.

    Raises:
        ReadFailedError: the source cannot be read. OSError is for the destination.
    """
    done = _copy_in_kernel(source, destination, offset, length, calls)
    while done < length:
        with reading(path, offset + done):
            piece = READS.read_at(source, min(_BUFFER_BYTES, length - done), offset + done)
        if not piece:
            break
        view = memoryview(piece)
        while view:
            count = calls.write(destination, view)
            done += count
            view = view[count:]
    return done


def _copy_in_kernel(source: int, destination: int, offset: int, length: int, calls: SystemCalls) -> int:
    """Copy as much as the kernel will; what is left goes through a buffer."""
    done = 0
    while done < length:
        try:
            count = calls.copy_range(source, destination, offset + done, min(_KERNEL_BYTES, length - done))
        except OSError as error:
            if error.errno not in _NOT_THIS_WAY:
                raise
            break
        if not count:
            break  # the end, or a file system that says so of every file
        done += count
    return done
