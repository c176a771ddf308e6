"""A directory of files that appears whole, or not at all.

It grows under a temporary name beside its place, with `.aoftool-` in it, and takes its name in one step.
Knows nothing of what is put into it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from aoftool.errors import OutputExistsError
from aoftool.escape import printable
from aoftool.files.access import Access, give_access
from aoftool.files.folder import Folder, parent_of
from aoftool.files.sink import cannot_write
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.files.temporary import temporary_folder_name

__all__ = ["folder_exists", "new_directory"]

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
    message = f"{printable(os.fsencode(out))} exists already"
    return OutputExistsError(message, path=out, hint="name a folder that is not there yet")


def _filled(
    parent: Folder, name: str, out: str, access: Access | None, calls: SystemCalls
) -> Iterator[Folder]:
    temporary = temporary_folder_name(name)
    folder = parent.make(temporary, _DEFAULT_MODE if access is None else 0o700, calls)
    with folder:
        try:
            yield folder
            if access is not None:
                give_access(folder.descriptor, access, out, keep_owner=False, calls=calls)
            parent.require(temporary, folder)
            if parent.look(name) is not None:
                raise folder_exists(out)
            calls.rename(temporary, name, parent.descriptor, parent.descriptor)
            parent.sync(calls)
        except BaseException:
            if parent.look(temporary) is not None:
                parent.discard(temporary, folder, calls)
            raise
