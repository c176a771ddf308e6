"""A private directory for what does not fit into memory, beside the output, that leaves nothing behind.

Its name says whose it is: `.OUT.aoftool-spill-PID-xxxx`. It is removed at the end and on interruption. A
process that was killed cannot remove its own, so the next one for the same output does: a directory whose
lock is free, and whose process is gone, belongs to nobody.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from aoftool.files.folder import private_place
from aoftool.files.sink import cannot_write
from aoftool.files.spool import room_for_copies
from aoftool.files.temporary import Unfinished
from aoftool.regex import regex

__all__ = ["remove_stale", "spill_folder"]

_MARK = ".aoftool-spill-"
_LOCK = "lock"
_KEPT_BYTES = 200
_PROCESS = regex(re.escape(_MARK) + r"([0-9]+)-[0-9a-f]{8}\Z")


@contextmanager
def spill_folder(out: str | None) -> Iterator[str]:
    """Give a new directory beside `out`, or where temporary files go; it is removed at the end.

    Raises:
        SinkError: the system refuses.
    """
    parent, name = _place_of(out)
    remove_stale(out)
    folder = os.path.join(parent, f"{name}{_MARK}{os.getpid()}-{secrets.token_hex(4)}")
    unfinished = Unfinished(lambda: shutil.rmtree(folder, ignore_errors=True))
    try:
        os.mkdir(folder, 0o700)
    except OSError as error:
        unfinished.over()
        raise cannot_write(folder, error) from error
    lock = _lock(folder)
    try:
        yield folder
    finally:
        unfinished.remove()
        unfinished.over()
        os.close(lock)


def _lock(folder: str) -> int:
    """Keep others from taking a directory for one that nobody works in; it goes when that cannot be done."""
    try:
        lock = os.open(os.path.join(folder, _LOCK), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise cannot_write(folder, error) from error
    return lock


def remove_stale(out: str | None) -> list[str]:
    """Remove directories that killed processes left for the same output; return their paths."""
    parent, name = _place_of(out)
    removed = []
    try:
        entries = sorted(os.listdir(parent))
    except OSError:
        return []
    for entry in entries:
        path = os.path.join(parent, entry)
        if entry.startswith(name + _MARK) and _is_free(path):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path)
    return removed


def _place_of(out: str | None) -> tuple[str, str]:
    """Return (directory, beginning of names)."""
    if out is None:
        return room_for_copies(), ""
    whole = os.path.abspath(out)
    place = private_place(os.path.dirname(whole)) or room_for_copies()
    # As much of the name as leaves room for the rest of what is put together with it.
    return place, os.fsdecode(b"." + os.fsencode(os.path.basename(whole))[:_KEPT_BYTES])


def _is_free(folder: str) -> bool:
    """Tell whether a directory is ours and nobody works in it."""
    process = _PROCESS.search(os.path.basename(folder))
    try:
        # Between making it and locking it, only its name says that somebody is at work.
        if os.lstat(folder).st_uid != os.getuid() or process is None or os.path.exists(f"/proc/{process[1]}"):
            return False
        lock = os.open(os.path.join(folder, _LOCK), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return os.path.isdir(folder)  # it was killed before it made one
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
