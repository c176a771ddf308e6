"""The files of a log read in order: the RDB part of each stepped over, its commands given one by one.

Each file starts afresh, in database 0 and outside MULTI, as in the servers' loaders; that comes from
reading each with its own reader. History files are not read. Judges nothing.
Source: Valkey 8.0 src/aof.c loadAppendOnlyFiles, loadSingleAppendOnlyFile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aoftool.aof.model import LayoutCode, Log, LogFile, LogKind
from aoftool.commands.table import CONTAINERS
from aoftool.dataclass import dataclass
from aoftool.errors import InputError, SourceError, UnsafePathError
from aoftool.escape import printable, shown_path
from aoftool.files import Source, open_source
from aoftool.next_step import next_step
from aoftool.progress import Progress, no_progress
from aoftool.rdb.header import HEADER_BYTES, is_rdb
from aoftool.resp.commands import CommandReader
from aoftool.resp.grammar import Grammar

if TYPE_CHECKING:
    from aoftool.rdb.walk.summary import RdbWalk

__all__ = [
    "LogPart",
    "need_every_file",
    "need_file",
    "need_files",
    "open_log_file",
    "open_part",
    "read_parts",
]


@dataclass(frozen=True)
class LogPart:
    """Hold one open file of a log, placed where its commands begin.

    Attributes:
        file: which one.
        source: open; closed by whoever made the part.
        rdb: its RDB part, None when it has none.
        tail_start: offset of the first command, None when the RDB part is damaged, so that nobody
            knows where it would be.
        is_last: no other file follows: what is begun in it may be torn, and is not lost between two files.
    """

    file: LogFile
    source: Source
    rdb: RdbWalk | None
    tail_start: int | None
    is_last: bool = True

    def commands(
        self, *, names: frozenset[bytes] | None = None, grammar: Grammar = Grammar.LENIENT
    ) -> CommandReader:
        """Return a reader of its commands, from database 0 and outside MULTI.

        Args:
            names: in upper case; only these commands are made, the others are only counted.
            grammar: what counts as a command.

        Raises:
            SourceError: the RDB part is damaged.
        """
        if self.tail_start is None:
            message = f"the RDB part of {self.source.name} is damaged, where its commands begin is unknown"
            raise SourceError(message, path=self.source.path, hint=next_step("check", self.file.path))
        return CommandReader(
            self.source, start=self.tail_start, names=names, grammar=grammar, containers=CONTAINERS
        )


def need_files(log: Log) -> None:
    """Refuse a log of no files: its manifest is empty or names none that could be read; and an empty dump.

    Raises:
        InputError: there is nothing to read, and `aoftool check` says why.
    """
    hint = next_step("check", log.path)
    if log.kind is LogKind.RDB and log.files and log.files[0].size_bytes == 0:
        path = log.files[0].path
        message = f"{shown_path(path)} is empty (0 bytes): servers refuse it as a dump"
        raise InputError(message, path=path, hint=hint)
    if log.files and not any(problem.code is LayoutCode.ALL_EMPTY for problem in log.problems):
        return
    why = f": {log.problems[0].message}" if log.problems else ""
    path = log.manifest_path or log.path
    raise InputError(f"the log has no files to read{why}", path=path, hint=hint)


def need_every_file(log: Log) -> None:
    """Refuse a log of which a listed file is missing, for who has nothing to say of the others alone.

    Raises:
        InputError: as for `need_files`.
        SourceError: a file is missing; UnsafePathError as for `open_log_file`.
    """
    need_files(log)
    for file in log.files:
        need_file(file)


def need_file(file: LogFile) -> None:
    """Refuse a file of a log that is not there, or that may not be read.

    Raises:
        UnsafePathError: its name leads out of the directory of the log.
        SourceError: it is missing.
    """
    if file.is_unsafe:
        message = f"{printable(file.name)} leads out of the directory of the log"
        where = " in place of the link" if file.links_out else ""
        raise UnsafePathError(message, path=file.path, hint=f"copy the file into the directory{where}")
    if file.line and not file.exists:
        message = f"{shown_path(file.path)}, which the manifest lists, is missing"
        raise SourceError(message, path=file.path, hint=next_step("check", os.path.dirname(file.path)))


def open_log_file(file: LogFile) -> Source:
    """Open one file of a log, read-only.

    Raises:
        UnsafePathError: its name leads out of the directory of the log.
        SourceError: it is missing or unreadable.
    """
    need_file(file)
    return open_source(file.path)


def open_part(
    file: LogFile, source: Source, progress: Progress = no_progress, *, is_last: bool = True
) -> LogPart:
    """Return the part that an open file is, its RDB part walked where it has one."""
    if not is_rdb(source.peek(HEADER_BYTES)):
        return LogPart(file, source, None, source.tell(), is_last)
    # Here, because most logs that are read at once have none, and it takes long to load.
    from aoftool.rdb.walk.walk import walk

    rdb = walk(source, source.tell(), progress)
    return LogPart(file, source, rdb, rdb.end_offset, is_last)


def read_parts(log: Log, progress: Progress = no_progress) -> Iterator[LogPart]:
    """Yield the files of a log in load order, each open until the next is asked for.

    Raises:
        InputError: there are no files.
        SourceError: a file is missing or unreadable; UnsafePathError as for `open_log_file`.
    """
    need_files(log)
    for file in log.files:
        with open_log_file(file) as source:
            yield open_part(file, source, progress, is_last=file is log.files[-1])
