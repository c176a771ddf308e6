"""The set of files that a verb reads, opened together and kept open: one generation of a log in use.

A server that rewrites its log opens a file with the next number, lists it, renames a new base, lists
that, and removes what is no longer listed, at any moment. So all files are opened before anything is
read; where one is gone by then the manifest is read again. What is open stays whole whatever the server
does next, and it is read as it was then (`aoftool.files.held`).

Source: Valkey 8.0 src/aof.c openNewIncrAofForAppend, backgroundRewriteDoneHandler, aofDelHistoryFiles;
the same on Redis 7.0.15, 8.6.3 and Valkey 9.1.2. Redis 6.2 renames one new file over the old one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from aoftool.aof.layout import find_log
from aoftool.aof.manifest import parse_manifest
from aoftool.aof.model import FileRole, LayoutCode, Log, LogFile, LogKind
from aoftool.aof.multipart import manifest_bytes
from aoftool.dataclass import replace
from aoftool.errors import AoftoolError, NotPermittedError, ReadFailedError, SourceError
from aoftool.files import open_source
from aoftool.files.held import HeldFile, held_file, hold_file, hold_object, is_replaced, release_files
from aoftool.files.remote.names import is_remote
from aoftool.resp.pieces.resync import boundaries
from aoftool.resp.scanner import tally

__all__ = ["hold_log", "is_superseded"]

# A server needs some 20 ms from the first to the last step of a switch; each look takes at least `_PAUSE_S`.
_LOOKS = 80
_PAUSE_S = 0.003
# So often a set must look the same before names in it are believed that a server leaves for a moment only.
_SAME_LOOKS = 40
# What was written to longer ago than this is not in the middle of being written.
_FRESH_S = 1.0
# Looks without any growth after which a torn end is no command that is being written.
_QUIET_LOOKS = 8
_TAIL_BYTES = 64 * 1024
_UNSURE = frozenset({LayoutCode.ORPHAN_FILE, LayoutCode.ORPHAN_NEXT, LayoutCode.NEWER_GENERATION})


def hold_log(path: str | os.PathLike[str] | None = None) -> Log:
    """Find a log, as `find_log`, and open its files: readings by path are of this state of it then.

    Of a set of more files than may be held (`aoftool.files.held`) the others are read as they are when their
    turn comes; so is a set that never stood still for long enough. That ends when
    `aoftool.files.held.release_files` is called, or with the process.

    Raises:
        SourceError, InputError: as for `find_log`.
    """
    before: tuple[object, ...] | None = None
    same = 0
    for look in range(_LOOKS):
        if look:
            time.sleep(_PAUSE_S)
        log = _found(path, last=look == _LOOKS - 1)
        if log is None:
            continue
        listing = _listing(log)
        same = same + 1 if listing == before else 0
        before = listing
        held = _hold(log)
        if held is None and (same or not _is_fresh(log.manifest_path)):
            # The manifest still lists what is not there: that is how the set is.
            return log
        if held is not None and (same >= _SAME_LOOKS or not _may_be_passing(log)):
            return _as_held(log, held)
        release_files(held or ())
    return find_log(path)


def is_superseded(log: Log) -> bool:
    """Tell whether files of a held log have been replaced or given up by now."""
    return any(is_replaced(file.path) for file in log.files if file.exists)


def _found(path: str | os.PathLike[str] | None, *, last: bool) -> Log | None:
    """Return the log, None where a name was gone before it could be looked at."""
    try:
        return find_log(path)
    except SourceError as error:
        passing = isinstance(error.__cause__, FileNotFoundError)
        if last or not passing or not os.path.lexists(path or os.curdir) or error.path == path:
            raise
        return None


def _listing(log: Log) -> tuple[object, ...]:
    found = tuple((file.name, file.exists) for file in (*log.files, *log.history))
    return (log.manifest, found, tuple(problem.message for problem in log.problems))


def _hold(log: Log) -> list[str] | None:
    """Open every file of a log and return those opened now; None when one is not there."""
    held: list[str] = []
    for file in log.files if log.kind is not LogKind.STDIN else ():
        if file.is_unsafe or held_file(file.path) is not None:
            continue
        gone = not file.exists
        try:
            if is_remote(file.path):
                if not gone and hold_object(file.path) is not None:
                    held.append(file.path)
            elif not gone and hold_file(file.path, _giver_up(log, file)) is not None:
                held.append(file.path)
        except NotPermittedError:
            release_files(held)
            raise
        except ReadFailedError:
            continue  # whoever reads it says so
        except AoftoolError as error:
            gone = isinstance(error.__cause__, FileNotFoundError)
        if gone:
            release_files(held)
            return None
    return held


def _giver_up(log: Log, file: LogFile) -> Callable[[], bool]:
    def is_given_up() -> bool:
        names = None if log.manifest_path is None else _names_in(log.manifest_path)
        return names is not None and file.name not in names

    return is_given_up


def _names_in(path: str) -> set[bytes] | None:
    """Return what a manifest lists now as files to load; None where it cannot be read."""
    try:
        with open_source(path) as source:
            raw = manifest_bytes(source)
    except AoftoolError:
        return None
    return {entry.name for entry in parse_manifest(raw).load_order}


def _may_be_passing(log: Log) -> bool:
    """Tell whether names were seen that a server at work leaves for a moment only."""
    return any(problem.code in _UNSURE and _is_fresh(problem.path) for problem in log.problems)


def _is_fresh(path: str | None) -> bool:
    """Tell whether a file was written to just now, or is gone by now."""
    if path is None or is_remote(path):
        # No server writes to a store: what is there is a copy, and stays.
        return False
    try:
        return time.time() - os.stat(path).st_mtime < _FRESH_S
    except OSError:
        return True


def _as_held(log: Log, new: list[str]) -> Log:
    """Return the log with the sizes under which its files will be read."""
    files = []
    for file in log.files:
        opened = held_file(file.path)
        if opened is not None:
            if file is log.last_file and file.role is not FileRole.RDB and file.path in new:
                _settle(opened)
            file = replace(file, size_bytes=opened.status.st_size)
        elif is_remote(file.path) and file.path in new:
            file = replace(file, size_bytes=hold_object(file.path))
        files.append(file)
    return replace(log, files=tuple(files))


def _settle(opened: HeldFile) -> None:
    """Wait until a file that is being written to does not end inside a command.

    A write of a server becomes visible in pieces. Only what was written to a moment ago is waited for, and
    not longer than it grows.
    """
    quiet = 0
    for _ in range(_LOOKS):
        if time.time() - opened.status.st_mtime > _FRESH_S or _ends_whole(opened):
            return
        time.sleep(_PAUSE_S)
        now = os.fstat(opened.descriptor)
        quiet = quiet + 1 if now.st_size == opened.status.st_size else 0
        opened.status = now
        if quiet >= _QUIET_LOOKS:
            return


def _ends_whole(opened: HeldFile) -> bool:
    """Tell whether a file is empty, or ends with a whole command and outside of a transaction."""
    size = opened.status.st_size
    if not size:
        return True
    with open_source(opened.path) as source:
        if not source.seekable:
            return True
        for found in boundaries(source, max(0, size - _TAIL_BYTES), size, proof=1):
            if found.reaches_end:
                return tally(source, start=found.offset, end=size).transactions.open_offset is None
    return False
