"""The folder beside a log in which a change of it is made ready, and what it replaced is kept.

Knows its parts; refuses to know what is put into them.
"""

from __future__ import annotations

import os

from aoftool.errors import SinkError
from aoftool.escape import printable
from aoftool.files.sink import sync_parent
from aoftool.files.syscalls import SystemCalls

__all__ = ["NEW", "ORIGINALS", "make_folder"]

ORIGINALS = "originals"
"""Its part for files that were replaced or removed."""

NEW = "new"
"""Its part for files that are not in place yet."""


def make_folder(path: str, calls: SystemCalls) -> None:
    """Make the folder with its parts, for nobody else to read.

    Raises:
        SinkError: it cannot be made.
    """
    try:
        os.mkdir(path, 0o700)
        for name in (ORIGINALS, NEW):
            os.mkdir(os.path.join(path, name), 0o700)
    except OSError as error:
        message = f"cannot make {printable(os.fsencode(path))}: {error.strerror}"
        raise SinkError(message, path=path) from error
    sync_parent(path, calls)
