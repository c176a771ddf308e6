"""Files that nothing can leave behind: without a name from the start, or without one a moment later."""

from __future__ import annotations

import errno
import os
import secrets
import socket

from aoftool.files.sink import cannot_write
from aoftool.files.syscalls import SYSTEM, SystemCalls

__all__ = ["open_nameless"]

# What systems say that have no nameless files; older kernels take the flag for a directory to be written.
_UNSUPPORTED = frozenset((errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT))


def open_nameless(directory: str, calls: SystemCalls = SYSTEM) -> tuple[int, bool]:
    """Return a descriptor of an empty file in a directory, and whether it never had a name.

    Raises:
        SinkError: none can be made there.
    """
    try:
        return calls.create_nameless(directory, 0o600), True
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise cannot_write(directory, error) from error
    return _unlinked(directory, calls), False


def _unlinked(directory: str, calls: SystemCalls) -> int:
    """Let another process make the file and take its name away, in a session of its own.

    Whatever ends this process, that one does its two calls to the end.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    pid = os.fork()
    if not pid:
        _make_and_send(directory, theirs, calls)
    theirs.close()
    with ours:
        try:
            said, descriptors, _, _ = socket.recv_fds(ours, 16, 1)
        finally:
            os.waitpid(pid, 0)
    if not descriptors:
        number = int(said or b"5")
        raise cannot_write(directory, OSError(number, os.strerror(number)))
    return descriptors[0]


def _make_and_send(directory: str, channel: socket.socket, calls: SystemCalls) -> None:
    try:
        os.setsid()
        name = os.path.join(directory, f".aoftool-probe-{secrets.token_hex(8)}")
        try:
            descriptor = calls.create(name, 0o600)
            calls.unlink(name)
        except OSError as error:
            channel.sendall(b"%d" % (error.errno or errno.EIO))
        else:
            socket.send_fds(channel, [b"ok"], [descriptor])
    finally:
        os._exit(0)
