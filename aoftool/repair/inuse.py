"""Does a running process have these files open? Told through the process table, where it can be read.

Whoever cannot be seen there, in another container or as another user, is told by the kernel if it writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from aoftool.errors import LogInUseError
from aoftool.escape import printable, shown_path
from aoftool.files.leases import is_written_to

__all__ = [
    "Identity",
    "Opened",
    "is_server",
    "openers_of",
    "refuse_files_in_use",
    "refuse_open_files",
]

_PROC = "/proc"

Identity = tuple[int, int]
"""Device and inode."""

Opened = tuple[str, int, str, bool]
"""Path, process id, process name, whether it is open for writing."""


def openers_of(files: Mapping[Identity, str]) -> Iterator[Opened]:
    """Yield who has one of the files open, this process left out.

    Processes of other users cannot be looked into without privileges; they are passed over.
    """
    if not files:
        return
    own = os.getpid()
    for pid in _processes():
        for descriptor, identity in _open_files(pid):
            path = files.get(identity, "")
            if not path:
                continue
            writes = _writes(pid, descriptor)
            # It may have been closed, and its number given to another file, while it was looked at.
            if pid != own and _identity(pid, descriptor) == identity:
                yield path, pid, _name(pid), writes


def refuse_files_in_use(paths: Iterable[str]) -> None:
    """Refuse to touch files that a running process writes to.

    Raises:
        LogInUseError: one does.
    """
    files: dict[Identity, str] = {}
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            continue
        files[status.st_dev, status.st_ino] = path
    for path, pid, name, writes in openers_of(files):
        if writes:
            raise _in_use(path, pid, name, "open for writing")
    _refuse_unseen(files, {})


def refuse_open_files(files: Mapping[Identity, str], originals: Mapping[str, str] | None = None) -> None:
    """Refuse to put others in the place of files that a process writes to, or that a server loads.

    A server is a process that listens on a socket: it does so before it loads.

    Args:
        files: their paths.
        originals: where files lie that have other names by now, by path.

    Raises:
        LogInUseError: one does.
    """
    for path, pid, name, writes in openers_of(files):
        if writes:
            raise _in_use(path, pid, name, "open for writing")
        if is_server(pid):
            raise _in_use(path, pid, name, "open, and seems to be a server that loads it")
    _refuse_unseen(files, originals or {})


def _refuse_unseen(files: Mapping[Identity, str], originals: Mapping[str, str]) -> None:
    """Refuse files that somebody writes to whom the process table does not show."""
    for identity, path in files.items():
        if is_written_to(originals.get(path, path), identity):
            shown = shown_path(path)
            raise LogInUseError(
                f"a process that cannot be seen from here has {shown} open for writing",
                path=path,
                hint="stop it first: it runs as another user, or in another container; --in-use goes on"
                " regardless",
            )


def _in_use(path: str, pid: int, name: str, how: str) -> LogInUseError:
    return LogInUseError(
        f"process {pid} ({name}) has {shown_path(path)} {how}",
        path=path,
        hint="stop it first; --in-use goes on regardless",
    )


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir(_PROC) if name.isdigit()]
    except OSError:
        return []


def is_server(pid: int) -> bool:
    """Tell whether a process listens on a socket; false where nobody may look."""
    folder = f"{_PROC}/{pid}/fd"
    held: set[bytes] = set()
    try:
        for descriptor in os.listdir(folder):
            target = os.fsencode(os.readlink(f"{folder}/{descriptor}"))
            if target.startswith(b"socket:["):
                held.add(target[len(b"socket:[") : -1])
    except OSError:
        return False
    return bool(held) and not held.isdisjoint(_listening(pid))


def _listening(pid: int) -> Iterator[bytes]:
    """Yield the inodes of the sockets that listen in the network of a process.

    Source: Linux Documentation/networking/proc_net_tcp.rst; net/unix/af_unix.c unix_seq_show.
    """
    for table, flag_at, wanted, inode_at in (
        ("tcp", 3, b"0A", 9),
        ("tcp6", 3, b"0A", 9),
        ("unix", 3, b"00010000", 6),
    ):
        try:
            with open(f"{_PROC}/{pid}/net/{table}", "rb") as file:
                rows = [line.split() for line in file]
        except OSError:
            continue
        for row in rows[1:]:
            if len(row) > inode_at and row[flag_at] == wanted:
                yield row[inode_at]


def _open_files(pid: int) -> Iterator[tuple[str, Identity]]:
    folder = f"{_PROC}/{pid}/fd"
    try:
        descriptors = os.listdir(folder)
    except OSError:
        return
    for descriptor in descriptors:
        identity = _identity(pid, descriptor)
        if identity is not None:
            yield descriptor, identity


def _identity(pid: int, descriptor: str) -> Identity | None:
    """Return which file a descriptor of a process stands for; None when it is closed, or nobody may look."""
    try:
        status = os.stat(f"{_PROC}/{pid}/fd/{descriptor}")
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _writes(pid: int, descriptor: str) -> bool:
    try:
        with open(f"{_PROC}/{pid}/fdinfo/{descriptor}", encoding="ascii") as info:
            for line in info:
                if line.startswith("flags:"):
                    return int(line.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
    except (OSError, ValueError):
        return True
    return True


def _name(pid: int) -> str:
    try:
        with open(f"{_PROC}/{pid}/comm", "rb") as comm:
            return printable(comm.read(64).strip())
    except OSError:
        return "?"
