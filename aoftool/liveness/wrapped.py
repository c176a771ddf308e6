"""Commands that stand inside another one: KeyDB logs what came from another node as RREPLAY.

    RREPLAY UUID COMMANDS [DB [MVCC]]

COMMANDS are in the form of a log, and may hold an RREPLAY themselves. Source: KeyDB src/replication.cpp
replicaReplayCommand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from aoftool.liveness.framing import NotCanonical, split_command
from aoftool.resp.model import Command

__all__ = ["WRAPPER", "unwrapped"]

WRAPPER = b"RREPLAY"
_MOST_DEEP = 16
_MOST_DB_DIGITS = 9
_COMMANDS_AT, _DB_AT = 2, 3


def unwrapped(command: Command, deep: int = _MOST_DEEP) -> Iterator[Command]:
    """Yield what runs of a command: itself, or the commands inside it, in their database and its place.

    What is not in the form of commands is left as it is.
    """
    inner = _inside(command) if command.name == WRAPPER and deep else None
    if inner is None:
        yield command
        return
    db = command.db
    if len(command.argv) > _DB_AT and command.argv[_DB_AT].isdigit():
        db = int(command.argv[_DB_AT][:_MOST_DB_DIGITS])
    for argv in inner:
        if argv[0].upper() == b"SELECT" and len(argv) > 1 and argv[1].isdigit():
            db = int(argv[1][:_MOST_DB_DIGITS])
        yield from unwrapped(replace(command, argv=argv, db=db, lengths=None), deep - 1)


def _inside(command: Command) -> list[list[bytes]] | None:
    """Return the commands inside; None where there are none, or not all of them are here."""
    if len(command.argv) <= _COMMANDS_AT or command.lengths is not None:
        return None
    data, at = command.argv[_COMMANDS_AT], 0
    found: list[list[bytes]] = []
    while at < len(data):
        try:
            part = split_command(data, at)
        except NotCanonical:
            return None
        if part is None:
            return None
        argv, at = part
        found.append(argv)
    return found or None
