"""Files that stay open for as long as a verb reads them: a new file of the same name changes nothing.

A server that rewrites its log gives names to new files and removes old ones at any moment. Who holds the
files of a set reads all of them as they were when they were opened, however often and by whatever way:
`open_source` looks here first. Sizes are held too, so that two readings of a growing file agree. Knows
nothing of logs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable

from aoftool.dataclass import dataclass
from aoftool.files.carrier import FileCarrier, open_file_carrier
from aoftool.files.remote.names import is_remote

__all__ = [
    "HeldFile",
    "held_file",
    "hold_file",
    "hold_object",
    "is_replaced",
    "release_files",
    "status_of",
]

# Descriptors are few (1024 by default, until more are asked for) and other readings need some; more files
# than these are not held.
_HELD_MOST = 10_000
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

    An object of a store is not open: `hold_object` pins it.

    Raises:
        AoftoolError: as for `open_source`.
    """
    if path not in _held and len(_held) >= _limit() and not _has_room(len(_held) + 1):
        return None
    carrier, status = open_file_carrier(path)
    release_files((path,))
    held = HeldFile(path, carrier.descriptor, status, is_given_up)
    _held[path] = held
    return held


def hold_object(path: str) -> int | None:
    """Let every reading of an object be of its present state until `release_files`; return its size.

    None for what is no object.

    Raises:
        AoftoolError: as for `open_source`.
    """
    from aoftool.files.remote.objects import keep_object

    found = keep_object(path)
    return None if found is None else found.status.size_bytes


def _limit() -> int:
    """Return how many files may be held, a share of those that the process may open."""
    # What getrlimit says, without the module that has it; negative where there is no limit.
    allowed = os.sysconf("SC_OPEN_MAX")
    return _HELD_MOST if allowed < 0 else min(_HELD_MOST, allowed // _HELD_SHARE)


def _has_room(files: int) -> bool:
    """Ask the system for as many descriptors as it grants; tell whether so many files may be held then."""
    if files > _HELD_MOST:
        return False
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _HELD_MOST * _HELD_SHARE
    try:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):
        return False
    return files <= _limit()


def held_file(path: str) -> HeldFile | None:
    """Return the file that is held under a path, None when there is none."""
    return _held.get(path)


def status_of(path: str) -> os.stat_result:
    """Return the status of what is read under a path: of a held file as it was opened.

    Raises:
        OSError: the system refuses.
    """
    held = _held.get(path)
    return os.stat(path) if held is None else held.status


def is_replaced(path: str) -> bool:
    """Tell whether the name of a held file is gone, or of another file by now."""
    if is_remote(path):
        from aoftool.files.remote.objects import kept_object

        kept = kept_object(path)
        return kept is not None and kept.is_replaced()
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
    chosen = None if paths is None else list(paths)
    objects = sys.modules.get("aoftool.files.remote.objects")
    if objects is not None:
        objects.release_objects(chosen)
    for path in list(_held) if chosen is None else chosen:
        held = _held.pop(path, None)
        if held is not None:
            os.close(held.descriptor)
