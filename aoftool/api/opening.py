"""Find the log that a path means; every use case begins here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from aoftool.aof.model import Log

__all__ = ["held_log", "open_log"]


def open_log(path: str | os.PathLike[str] | None = None) -> Log:
    """Return the log that a path means: its manifest, its files in load order, what is wrong with them.

    Nothing stays open, and nothing is ever written. What reads the log afterwards opens its files anew, so
    a log that a server rewrites meanwhile may be read half before and half after that: see `held_log`.

    Args:
        path: a manifest, the directory of one, the data directory of a server, a single AOF, an RDB file,
            one of these compressed with gzip or zstd, the URL of any of them in a store such as
            `s3://bucket/node-7`, or `-` for standard input, which can be read once. None searches the
            current directory.

    Raises:
        SourceError: nothing is there, it cannot be read, or it is no regular file.
        MissingExtraError: the package that speaks to a store is not installed.
        SeveralLogsError: a directory holds several logs; its `paths` name each.
        InputError: the file holds nothing of a log; the message says what it is instead.
    """
    from aoftool.aof.layout import find_log
    from aoftool.check.foreign import refuse_foreign

    log = find_log(path)
    refuse_foreign(log)
    return log


@contextmanager
def held_log(path: str | os.PathLike[str] | None = None) -> Iterator[Log]:
    """Give the log that a path means and keep its files open: every reading is of one generation then.

    A server may rewrite the log meanwhile, which replaces its files; they are read as they were, up to the
    sizes that they had. One log of a path can be held at a time. Of a set of more than 200 files the others
    are read as they are when their turn comes.

    Raises:
        SourceError, SeveralLogsError, InputError: as for `open_log`.
    """
    from aoftool.aof.holding import hold_log
    from aoftool.check.foreign import refuse_foreign
    from aoftool.files.held import release_files

    log = hold_log(path)
    try:
        refuse_foreign(log)
        yield log
    finally:
        release_files(file.path for file in log.files)
