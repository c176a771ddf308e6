"""A directory of files that appears whole, or not at all.

It grows under a temporary name beside its place, with `.aoftool-` in it, and takes its name in one step.
Knows nothing of what is put into it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from aoftool.errors import OutputExistsError
from aoftool.escape import shown_path
from aoftool.files.access import Access, give_access
from aoftool.files.folder import Folder, parent_of
from aoftool.files.sink import cannot_write
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.files.temporary import Unfinished, temporary_folder_name

__all__ = ["folder_exists", "growing", "new_directory"]

_DEFAULT_MODE = 0o755


@contextmanager
def new_directory(out: str, access: Access | None, calls: SystemCalls = SYSTEM) -> Iterator[Folder]:
    """Give an open directory to be filled; at the end of the block it is at its place.

    Args:
        out: its path; nothing may be there.
        access: who may look into it; None for as the umask leaves it.

    Raises:
        OutputExistsError: something is there.
        UnsafePathError: somebody exchanges it while it is filled.
        SinkError: the system refuses; nothing is left.
    """
    try:
        parent, name = parent_of(os.path.abspath(out))
        with parent:
            yield from _filled(parent, name, out, access, calls)
    except OSError as error:
        raise cannot_write(out, error) from error


def folder_exists(out: str) -> OutputExistsError:
    """Return what to raise for a folder to be made where something is: one is never replaced."""
    message = f"{shown_path(out)} exists already"
    return OutputExistsError(message, path=out, hint="name a folder that is not there yet")


@contextmanager
def growing(parent: Folder, name: str, mode: int, calls: SystemCalls = SYSTEM) -> Iterator[Folder]:
    """Make and open a folder in another one; at the end it goes, unless it has another name by then."""
    held = _Growing(parent, name, calls)
    try:
        with parent.make(name, mode, calls) as folder:
            held.made = os.fstat(folder.descriptor)
            yield folder
    finally:
        held.finish()


class _Growing:
    """Remove a folder by its name in another one, whatever has been closed by then.

    Attributes:
        made: status of the folder; None as long as nobody knows it: then it is empty, or another's.
    """

    def __init__(self, parent: Folder, name: str, calls: SystemCalls) -> None:
        self._parent = Folder(parent.path, os.dup(parent.descriptor))
        self._name = name
        self._calls = calls
        self.made: os.stat_result | None = None
        self._unfinished = Unfinished(self.finish)

    def finish(self) -> None:
        """Remove it where it is still there."""
        found = self._parent.look(self._name)
        if found is not None and stat.S_ISDIR(found.st_mode):
            with self._parent.enter(self._name) as folder:
                is_ours = (
                    not folder.names()
                    if self.made is None
                    else os.path.samestat(self.made, os.fstat(folder.descriptor))
                )
                if is_ours:
                    self._parent.discard(self._name, folder, self._calls)
        self._parent.close()
        self._unfinished.over()


def _filled(
    parent: Folder, name: str, out: str, access: Access | None, calls: SystemCalls
) -> Iterator[Folder]:
    temporary = temporary_folder_name(name)
    with growing(parent, temporary, _DEFAULT_MODE if access is None else 0o700, calls) as folder:
        yield folder
        if access is not None:
            give_access(folder.descriptor, access, out, keep_owner=False, calls=calls)
        parent.require(temporary, folder)
        if parent.look(name) is not None:
            raise folder_exists(out)
        calls.rename(temporary, name, parent.descriptor, parent.descriptor)
        parent.sync(calls)
