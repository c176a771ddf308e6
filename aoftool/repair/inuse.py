"""Is a running process writing to these files? Told through the process table, where it can be read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from aoftool.errors import LogInUseError
from aoftool.escape import printable

__all__ = ["refuse_files_in_use", "writers_of"]

_PROC = "/proc"


def writers_of(paths: Iterable[str]) -> Iterator[tuple[str, int, str]]:
    """Yield (path, process id, process name) for every process that has one of the files open to write.

    Processes of other users cannot be looked into without privileges; they are passed over.
    """
    wanted: dict[tuple[int, int], str] = {}
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            continue
        wanted[status.st_dev, status.st_ino] = path
    if not wanted:
        return
    own = os.getpid()
    for pid in _processes():
        if pid == own:
            continue
        for descriptor, identity in _open_files(pid):
            path = wanted.get(identity, "")
            if path and _writes(pid, descriptor):
                yield path, pid, _name(pid)


def refuse_files_in_use(paths: Iterable[str]) -> None:
    """Refuse to touch files that a running process writes to.

    Raises:
        LogInUseError: one does.
    """
    for path, pid, name in writers_of(paths):
        raise LogInUseError(
            f"process {pid} ({name}) has {printable(os.fsencode(path))} open for writing",
            path=path,
            hint="stop the server first; --in-use goes on regardless",
        )


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir(_PROC) if name.isdigit()]
    except OSError:
        return []


def _open_files(pid: int) -> Iterator[tuple[str, tuple[int, int]]]:
    folder = f"{_PROC}/{pid}/fd"
    try:
        descriptors = os.listdir(folder)
    except OSError:
        return
    for descriptor in descriptors:
        try:
            status = os.stat(f"{folder}/{descriptor}")
        except OSError:
            continue
        yield descriptor, (status.st_dev, status.st_ino)


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
