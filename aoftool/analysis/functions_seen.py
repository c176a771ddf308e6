"""Does a log hold function libraries: in an RDB part, or by a command."""

from __future__ import annotations

from aoftool.aof.log import read_parts
from aoftool.aof.model import Log
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch

__all__ = ["holds_functions"]

_COMMANDS = Watch(names=frozenset({b"FUNCTION"}))
_KEPT_BYTES = 64


def holds_functions(log: Log) -> bool:
    """Tell whether a log has function libraries, or had some; of input that is read once, False.

    Raises:
        SourceError: a file is missing or unreadable.
    """
    for part in read_parts(log):
        if not part.source.seekable:
            return False
        if part.rdb is not None and part.rdb.functions:
            return True
        if part.tail_start is not None:
            reader = SieveReader(part.source, _COMMANDS, start=part.tail_start, keep=_KEPT_BYTES)
            if any(True for _ in reader):
                return True
    return False
