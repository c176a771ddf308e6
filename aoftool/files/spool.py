"""Room on a disk for what is needed only while a verb runs: plain copies of inputs, and copies to work on.

An input that can be read only once (compressed, a stream) is written to a temporary file, never to memory. It
takes half of the free space at most, so that there is room for what is made of it. All of it goes when its
user is done. Knows nothing of what the bytes mean, and not the environment: whoever does says where.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from aoftool.errors import SinkError
from aoftool.escape import shown_path
from aoftool.files.remote.names import is_remote
from aoftool.files.sink import cannot_write
from aoftool.files.source import Source
from aoftool.files.temporary import Unfinished
from aoftool.progress import Progress, no_progress

__all__ = ["room_for_copies", "spooled", "temporary_folder"]

_BUFFER_BYTES = 1 << 20
_PREFIX = ".aoftool-spool-"
_NAME_BYTES = 8
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def room_for_copies() -> str:
    """Return the directory for what is as large as a log; `aoftool.cli.room` chooses it."""
    # Here and below, because it takes long to load, and few logs have to be unpacked.
    import tempfile

    return tempfile.gettempdir()


@contextmanager
def temporary_folder(prefix: str, beside: str | None = None) -> Iterator[str]:
    """Give a directory of its own that goes at the end, with all that is in it.

    Args:
        prefix: of its name.
        beside: directory for it; by default that of `room_for_copies`.

    Raises:
        SinkError: it cannot be made there.
    """
    import secrets
    import shutil

    place = beside or room_for_copies()
    folder = os.path.join(place, prefix + secrets.token_hex(_NAME_BYTES))
    unfinished = Unfinished(lambda: shutil.rmtree(folder, ignore_errors=True))
    try:
        os.mkdir(folder, 0o700)
    except OSError as error:
        unfinished.over()
        raise cannot_write(place, error) from error
    try:
        yield folder
    finally:
        unfinished.remove()
        unfinished.over()


@contextmanager
def spooled(
    source: Source, name: str, *, beside: str | None = None, progress: Progress = no_progress
) -> Iterator[str]:
    """Give the path of a plain copy of an input; it lives as long as the context.

    What went wrong with the input meanwhile is in `source.changes()`, as ever.

    Args:
        source: at its start.
        name: of the copy, in a directory of its own.
        beside: directory for that; by default that of `room_for_copies`.
        progress: told of stored bytes done.

    Raises:
        ReadFailedError: the input cannot be read to its end.
        SinkError: there is no room.
    """
    import shutil

    with temporary_folder(_PREFIX, beside) as folder:
        path = os.path.join(folder, name)
        try:
            _copy(source, path, shutil.disk_usage(folder).free // 2, progress)
        except OSError as error:
            raise (_full(source, path) if error.errno in _FULL else cannot_write(path, error)) from error
        yield path


def _copy(source: Source, path: str, most_bytes: int, progress: Progress) -> None:
    stored = source.stored_tell()
    with open(path, "xb", buffering=0) as out, memoryview(bytearray(_BUFFER_BYTES)) as buffer:
        done = 0
        while count := source.read_into(buffer):
            done += count
            if done > most_bytes:
                raise _no_room(source, path, f"has more than {most_bytes:,} bytes, half of what is free in")
            left = buffer[:count]
            while left:
                left = left[out.write(left) :]
            progress(source.stored_tell() - stored)
            stored = source.stored_tell()


def _full(source: Source, path: str) -> SinkError:
    return _no_room(source, path, "has more bytes than there is room for in")


def _no_room(source: Source, path: str, words: str) -> SinkError:
    folder = os.path.dirname(os.path.dirname(path))
    shown = shown_path(folder)
    message = f"{source.name} {words} {shown}; it has to be kept there to be looked at twice"
    hint = "set TMPDIR to a larger disk, or decompress it to a file first"
    if source.path is not None and is_remote(source.path):
        hint = "set TMPDIR to a larger disk"
    if source.path is None:
        hint = "set TMPDIR to a larger disk, or save it to a file first"
    return SinkError(message, path=folder, hint=hint)
