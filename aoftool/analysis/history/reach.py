"""Which places a command may change: the keys it names, those it gives to another database, all of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aoftool.analysis.history.lineage import WHOLE_DATABASE
from aoftool.commands.roles import keys_of
from aoftool.commands.slots import emptied_slots, slot_of
from aoftool.resp.model import Command

if TYPE_CHECKING:
    from aoftool.keyspace.database import Database

__all__ = ["Place", "reached"]

Place = tuple[int, bytes]
"""Database and key."""


def reached(command: Command, databases: Sequence[Database]) -> Iterator[Place]:
    """Yield the places that a command may change, of whole databases those of the keys that are there."""
    name, argv = command.name, command.argv
    if name in WHOLE_DATABASE:
        yield from _reached_whole(command, databases)
        return
    keys = keys_of(argv)
    if name == b"COPY" and (target := _copy_database(argv)) is not None:
        yield from ((command.db, argv[1]), (target, argv[2]))
        return
    yield from ((command.db, key) for key in keys)
    if name == b"MOVE" and len(argv) > 2 and argv[2].isdigit():
        yield int(argv[2][:9]), argv[1]


def _reached_whole(command: Command, databases: Sequence[Database]) -> Iterator[Place]:
    """Yield the places whose key a command on whole databases removes, and those a swap gives one to."""
    name, argv = command.name, command.argv
    other: dict[int, int] = {}
    slots = emptied_slots(argv)
    if slots is None and name in (b"TRIMSLOTS", b"SFLUSH"):
        return
    if name == b"SWAPDB" and len(argv) == 3 and argv[1].isdigit() and argv[2].isdigit():
        one, two = int(argv[1][:9]), int(argv[2][:9])
        other = {one: two, two: one}
    for db, database in enumerate(databases):
        if (name == b"FLUSHDB" and db != command.db) or (name == b"SWAPDB" and db not in other):
            continue
        for key in database.values:
            if slots is not None and not any(slot_of(key) in part for part in slots):
                continue
            yield db, key
            if db in other:
                yield other[db], key


def _copy_database(argv: list[bytes]) -> int | None:
    for at in range(3, len(argv) - 1):
        if argv[at].upper() == b"DB" and argv[at + 1].isdigit():
            return int(argv[at + 1][:9])
    return None
