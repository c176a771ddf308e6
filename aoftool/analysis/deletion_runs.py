"""How many deletions that a server may have written itself stand in a row around an offset."""

from __future__ import annotations

from aoftool.analysis.deletions import is_server_like
from aoftool.aof.log import open_log_file
from aoftool.aof.model import LogFile
from aoftool.files import Source
from aoftool.resp.model import Command
from aoftool.resp.resync import boundaries
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch

__all__ = ["server_like_run"]

_AROUND_BYTES = 16 * 1024
_EVERYTHING = Watch(min_length=1)


def server_like_run(file: LogFile, offset: int) -> int:
    """Return the length of the run that the command at an offset belongs to, within 16 KiB on each side.

    A stream gives 0: it cannot be read again.
    """
    with open_log_file(file) as source:
        if not source.seekable:
            return 0
        behind = _between(source, offset, offset + _AROUND_BYTES)
        count = _leading(behind)
        start = max(offset - _AROUND_BYTES, 0)
        for boundary in boundaries(source, start, offset):
            if boundary.reaches_end:
                before = _between(source, boundary.offset, offset)
                return count + _leading(before[::-1])
        return count


def _between(source: Source, start: int, end: int) -> list[Command]:
    reader = SieveReader(source, _EVERYTHING, start=start, end=end, keep=64)
    return list(reader)


def _leading(commands: list[Command]) -> int:
    for number, command in enumerate(commands):
        if not is_server_like(command.argv):
            return number
    return len(commands)
