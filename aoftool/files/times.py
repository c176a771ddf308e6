"""When an input was written, whatever carries it."""

from __future__ import annotations

import os

from aoftool.files.remote.names import is_remote

__all__ = ["modified_ns", "version_of"]


def modified_ns(path: str) -> int:
    """Return when a file or an object was written last, Unix time in nanoseconds.

    Raises:
        OSError: the system or the store does not say.
    """
    if is_remote(path):
        from aoftool.files.remote.objects import modified_ns as of_object

        return of_object(path)
    return os.stat(path).st_mtime_ns


def version_of(path: str) -> str:
    """Return what changes when a file or an object is written.

    Raises:
        OSError: as `modified_ns`.
    """
    if is_remote(path):
        from aoftool.files.remote.objects import version_of as of_object

        return of_object(path)
    return str(modified_ns(path))
