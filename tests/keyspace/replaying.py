"""Replay a recorded log with the engine, and give the same log to a real server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aoftool.aof.layout import find_log
from aoftool.aof.log import LogPart, read_parts
from aoftool.keyspace.engine import Keyspace
from aoftool.rdb.records.reader import RecordReader
from tests.builders import log, select


@dataclass
class Replayed:
    """Hold what a replay left, and the bytes it stood for.

    Attributes:
        keyspace: the data set, an unfinished transaction dropped.
        base: the first file's RDB part and commands.
        rest: the commands of the files that follow, each starting in database 0.
        has_functions: the RDB part holds libraries, which are not read here.
    """

    keyspace: Keyspace
    base: bytes = b""
    rest: bytes = b""
    has_functions: bool = False


def replay(source: Path, flavour: str, databases: int) -> Replayed:
    """Replay a log as a loader would; its torn tail, if any, is left out."""
    found = Replayed(Keyspace(flavour, databases))
    for number, part in enumerate(read_parts(find_log(source))):
        found.keyspace.start_file()
        if part.rdb is not None:
            found.has_functions |= bool(part.rdb.functions)
            _load_records(found.keyspace, part)
        commands = _run(found.keyspace, part)
        if number:
            found.rest += select(0) + commands
        else:
            found.base = part.source.read_at(0, part.tail_start or 0) + commands
    return found


def _load_records(keyspace: Keyspace, part: LogPart) -> None:
    for record in RecordReader(part.source.reopen()):
        keyspace.load_record(record.db, record.key, record.value(), record.expire_at_ms, record.encoding)


def _run(keyspace: Keyspace, part: LogPart) -> bytes:
    """Execute the commands of a part; return those before an unfinished transaction."""
    done = []
    for command in part.commands():
        keyspace.execute(command.argv)
        done.append(command.argv)
    if keyspace.in_transaction:
        del done[-keyspace.drop_transaction() - 1 :]
    return log(*done)
