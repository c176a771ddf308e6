"""How many deletions that a server may have written itself stand in a row around an offset."""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.analysis.commands.neighbours import commands_before, commands_from
from aoftool.analysis.history.deletions import is_server_like
from aoftool.aof.log import open_log_file
from aoftool.aof.model import LogFile
from aoftool.resp.model import Command

__all__ = ["server_like_run"]

_MOST = 512


def server_like_run(file: LogFile, offset: int) -> int:
    """Return the length of the run that the command at an offset belongs to, at most 512 on each side.

    A stream gives 0: it cannot be read again.
    """
    with open_log_file(file) as source:
        if not source.seekable:
            return 0
        behind = commands_from(source, offset, _MOST)
        before = commands_before(source, offset, _MOST)
        return _leading(behind) + _leading(reversed(before))


def _leading(commands: Iterable[Command]) -> int:
    count = 0
    for command in commands:
        if not is_server_like(command.argv):
            break
        count += 1
    return count
