"""Files that stay open for as long as a verb reads them: a new file of the same name changes nothing.

A server that rewrites its log gives names to new files and removes old ones at any moment. Who holds the
files of a set reads all of them as they were when they were opened, however often and by whatever way:
`open_source` looks here first. Sizes are held too, so that two readings of a growing file agree. Knows
nothing of logs.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aoftool.files.carrier import FileCarrier, open_file_carrier

__all__ = ["HeldFile", "held_file", "hold_file", "is_replaced", "release_files"]

# Descriptors are few (1024 by default) and other readings need some; more files than these are not held.
_HELD_MOST = 200
_HELD_SHARE = 5


def _never() -> bool:
    return False


@dataclass(slots=True)
class HeldFile:
    """One open file.

    Attributes:
        descriptor: open for reading, until `release_files`.
        status: what fstat said; its size is where every reading ends.
        is_given_up: tells, once the name is gone, whether whoever writes the set has given it up.
    """

    path: str
    descriptor: int
    status: os.stat_result
    is_given_up: Callable[[], bool] = _never

    def carrier(self) -> FileCarrier:
        """Return a reader of its own, as of the moment when the file was opened."""
        return FileCarrier(os.dup(self.descriptor), self.status.st_size)


_held: dict[str, HeldFile] = {}


def hold_file(path: str, is_given_up: Callable[[], bool] = _never) -> HeldFile | None:
    """Open a file and keep it so for `open_source`; None where too many are held already.

    Raises:
        AoftoolError: as for `open_source`.
    """
    if path not in _held and len(_held) >= _limit():
        return None
    carrier, status = open_file_carrier(path)
    release_files((path,))
    held = HeldFile(path, carrier.descriptor, status, is_given_up)
    _held[path] = held
    return held


def _limit() -> int:
    """Return how many files may be held, a share of those that the process may open."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _HELD_MOST if allowed == resource.RLIM_INFINITY else min(_HELD_MOST, allowed // _HELD_SHARE)


def held_file(path: str) -> HeldFile | None:
    """Return the file that is held under a path, None when there is none."""
    return _held.get(path)


def is_replaced(path: str) -> bool:
    """Tell whether the name of a held file is gone, or of another file by now."""
    held = _held.get(path)
    if held is None:
        return False
    try:
        now = os.stat(path)
    except OSError:
        return True
    return (now.st_dev, now.st_ino) != (held.status.st_dev, held.status.st_ino)


def release_files(paths: Iterable[str] | None = None) -> None:
    """Let go of some files, or of all of them."""
    for path in list(_held) if paths is None else paths:
        held = _held.pop(path, None)
        if held is not None:
            os.close(held.descriptor)
