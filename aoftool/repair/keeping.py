"""What repairs have kept beside a log, and the bound on it: the oldest go first, the newest stays.

A repair that was killed half-way is taken back before anything else is done, and what a killed run left that
never changed the log is removed. Knows folders of repairs and nothing of what is in them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from aoftool.errors import AoftoolError
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.files.temporary import RECEIPT_NAME, is_leftover
from aoftool.repair.apply import FOLDER_PREFIX
from aoftool.repair.folder import change_folders
from aoftool.repair.forget import forget_repair, room_of
from aoftool.repair.guard_model import Kept
from aoftool.repair.reading import read_receipt
from aoftool.repair.receipt import Done
from aoftool.repair.undo import undo_repair

__all__ = ["bound_kept", "kept_repairs", "settle_killed"]


def kept_repairs(directory: str) -> list[Kept]:
    """Return the repairs that are kept beside a log, oldest first; rewrites are not among them."""
    found = []
    for path in _folders(directory):
        try:
            found.append(Kept(path, room_of(path)))
        except AoftoolError:
            continue  # of a killed run, or not for us to look into
    return found


def bound_kept(directory: str, most: int, most_bytes: int, calls: SystemCalls = SYSTEM) -> list[Kept]:
    """Forget the oldest repairs until so many, of so many bytes together, are kept; return those forgotten.

    The newest stays, whatever its size: it is the way back from what was done last.

    Args:
        most: at least 1.
    """
    kept = kept_repairs(directory)
    gone: list[Kept] = []
    while len(kept) > 1 and (len(kept) > most or sum(one.size_bytes for one in kept) > most_bytes):
        oldest = kept.pop(0)
        try:
            forget_repair(oldest.path, calls)
        except AoftoolError:
            continue  # it is needed, or not as it was left: it stays, and counts no more
        gone.append(oldest)
    return gone


def settle_killed(directory: str, calls: SystemCalls = SYSTEM) -> list[str]:
    """Take back repairs that were killed half-way, remove what killed runs left; say what was done.

    Raises:
        PlanStaleError: somebody wrote to the log since; going back would lose that.
        LogInUseError: another run is at work there.
        AoftoolError: as for `undo_repair`.
    """
    done = []
    for path in _folders(directory):
        if not os.path.lexists(os.path.join(path, RECEIPT_NAME)):
            forget_repair(path, calls)
            done.append("what a killed repair left was removed")
        elif read_receipt(path).state in (Done.PREPARED, Done.UNDOING):
            undo_repair(read_receipt(path), calls=calls)
            forget_repair(path, calls)
            done.append("a repair that was killed half-way was taken back")
    for name in _names(directory):
        if is_leftover(os.fsencode(name)):
            try:
                forget_repair(os.path.join(directory, name), calls)
            except AoftoolError:
                continue  # whoever made it may be at work
            done.append("a temporary file of a killed run was removed")
    return done


def _folders(directory: str) -> Iterator[str]:
    """Yield the folders of repairs in the order in which they were made."""
    paths = [path for path in change_folders(directory) if os.path.basename(path).startswith(FOLDER_PREFIX)]
    yield from sorted(paths, key=_age)


def _age(path: str) -> tuple[str, int]:
    """Return what puts repairs in order: the second in their names, and when the receipt was written."""
    second, _, _ = path.rpartition("-")
    try:
        return second, os.stat(os.path.join(path, RECEIPT_NAME)).st_mtime_ns
    except OSError:
        return second, 0


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []
