"""The files of a log as an audit needs them: it goes back, so compressed ones are unpacked first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from aoftool.aof.log import LogPart, need_files, open_log_file, open_part
from aoftool.aof.model import Log
from aoftool.files import open_source
from aoftool.files.changes import SourceChange, first_damage
from aoftool.progress import Progress, no_progress

__all__ = ["plain_parts"]


def plain_parts(log: Log, progress: Progress = no_progress) -> Iterator[tuple[LogPart, SourceChange | None]]:
    """Yield the parts of a log in load order, compressed ones as plain copies, and what these lost.

    A copy lies where temporary files go, and is gone when the next part is asked for. Standard input is
    given as it is. Offsets are those of the decompressed file either way.

    Raises:
        InputError: there are no files.
        SourceError: a file is missing or unreadable.
        SinkError: there is no room for a copy.
        ReadFailedError: a file cannot be read to its end.
    """
    need_files(log)
    for file in log.files:
        with open_log_file(file) as source, ExitStack() as stack:
            if source.seekable or source.path is None:
                yield open_part(file, source, progress, is_last=file is log.files[-1]), None
                continue
            # Only here: few logs are compressed.
            from aoftool.files.spool import spooled

            plain = stack.enter_context(open_source(stack.enter_context(spooled(source, "log"))))
            plain.name = source.name
            is_last = file is log.files[-1]
            yield open_part(file, plain, progress, is_last=is_last), first_damage(source.changes())
