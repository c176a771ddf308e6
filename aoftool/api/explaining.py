"""What stands at a byte of a log, or where a key does."""

from __future__ import annotations

import contextlib

from aoftool.aof.log import need_files
from aoftool.aof.model import Log, Place
from aoftool.errors import InputError
from aoftool.escape import excerpt_key
from aoftool.explain.explain import explain
from aoftool.explain.model import Explanation
from aoftool.next_step import next_step

__all__ = ["explain_key", "explain_place"]


def explain_place(log: Log, place: Place) -> Explanation:
    """Return what the byte at a place is, down to the entry.

    Raises:
        InputError: the file ends before it.
        SourceError: the file is missing or cannot be read.
    """
    return explain(log.files[place.file].path, offset=place.offset)


def explain_key(log: Log, key: bytes, db: int | None = None) -> Explanation:
    """Return where a key stands, its record or the last command with it: the newest file that has it wins.

    Args:
        db: only in this database.

    Raises:
        InputError: no file has it.
        SourceError: no file of the log is there.
    """
    paths = [file.path for file in log.files if file.exists]
    for path in reversed(paths[1:]):
        with contextlib.suppress(InputError):
            return explain(path, key=key, db=db)
    if not paths:
        need_files(log)
        raise InputError("no file of the log is there", path=log.path)
    try:
        return explain(paths[0], key=key, db=db)
    except InputError as error:
        # The more telling kinds of this error are about the file, not about the key.
        if len(paths) == 1 or type(error) is not InputError:
            raise
        message = f"no key {excerpt_key(key)} in any of the {len(paths)} files"
        raise InputError(message, path=log.path, hint=next_step("keys", log.path)) from error
