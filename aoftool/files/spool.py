"""A plain copy of an input that can be read only once, for work that looks at places again.

Compressed files and streams are written to a temporary file, never to memory. It takes half of the free
space at most, so that there is room for what is made of it, and goes when its user is done. Knows nothing
of what the bytes mean.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from aoftool.errors import SinkError
from aoftool.escape import printable
from aoftool.files.sink import cannot_write
from aoftool.files.source import Source
from aoftool.progress import Progress, no_progress

__all__ = ["spooled"]

_BUFFER_BYTES = 1 << 20
_PREFIX = ".aoftool-spool-"
# Kept on disk; the directory for small temporary files often is memory.
_LARGE_FILES = "/var/tmp"


@contextmanager
def spooled(
    source: Source, name: str, *, beside: str | None = None, progress: Progress = no_progress
) -> Iterator[str]:
    """Give the path of a plain copy of an input; it lives as long as the context.

    What went wrong with the input meanwhile is in `source.changes()`, as ever.

    Args:
        source: at its start.
        name: of the copy, in a directory of its own.
        beside: directory for that; by default `TMPDIR`, or else where large temporary files go.
        progress: told of stored bytes done.

    Raises:
        SinkError: there is no room.
    """
    place = beside or _place()
    try:
        folder = tempfile.mkdtemp(prefix=_PREFIX, dir=place)
    except OSError as error:
        raise cannot_write(place, error) from error
    try:
        path = os.path.join(folder, name)
        try:
            _copy(source, path, shutil.disk_usage(folder).free // 2, progress)
        except OSError as error:
            raise cannot_write(path, error) from error
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place() -> str:
    if not os.environ.get("TMPDIR") and os.access(_LARGE_FILES, os.W_OK | os.X_OK):
        return _LARGE_FILES
    return tempfile.gettempdir()


def _copy(source: Source, path: str, most_bytes: int, progress: Progress) -> None:
    stored = source.stored_tell()
    with open(path, "xb", buffering=0) as out, memoryview(bytearray(_BUFFER_BYTES)) as buffer:
        done = 0
        while count := source.read_into(buffer):
            done += count
            if done > most_bytes:
                raise _no_room(source, path, most_bytes)
            left = buffer[:count]
            while left:
                left = left[out.write(left) :]
            progress(source.stored_tell() - stored)
            stored = source.stored_tell()


def _no_room(source: Source, path: str, most_bytes: int) -> SinkError:
    folder = os.path.dirname(os.path.dirname(path))
    message = (
        f"{source.name} has more than {most_bytes:,} bytes, half of what is free in "
        f"{printable(os.fsencode(folder))}; it has to be kept there to be looked at twice"
    )
    return SinkError(
        message, path=folder, hint="set TMPDIR to a larger disk, or decompress it to a file first"
    )
