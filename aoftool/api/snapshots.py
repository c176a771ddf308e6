"""Take a consistent copy of a log, also of one in use."""

from __future__ import annotations

import os

from aoftool.aof.model import Log
from aoftool.backup.model import Snapshot
from aoftool.backup.snapshot import take_snapshot
from aoftool.progress import Progress, no_progress

__all__ = ["snapshot"]


def snapshot(
    log: Log,
    out: str | os.PathLike[str],
    *,
    seal: bool = False,
    link: bool = False,
    as_is: bool = False,
    progress: Progress = no_progress,
) -> Snapshot:
    """Copy a log, as it was when its files were opened, into a new folder, and return what was taken.

    Args:
        log: of a log in use one that is held, see `aoftool.aof.holding.hold_log`.
        out: the folder; it must not exist.
        seal: write `aoftool-seal.json` into it, by which `check` tells whether it is as it was.
        link: give files that never change any more a second name where the file system can.
        as_is: keep a copy of a damaged log too.
        progress: called with the bytes copied since its last call.

    Raises:
        RefusedError: no generation that lies there is whole; nothing is left.
        OutputExistsError: something is at `out`.
        UnsupportedError: standard input.
        SinkError: there is no room.
        SourceError, ReadFailedError: a file cannot be read.
    """
    return take_snapshot(log, os.fspath(out), seal=seal, link=link, as_is=as_is, progress=progress)
