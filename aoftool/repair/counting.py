"""How many keys a log leaves in each database, by our own replay, to hold a server's count against.

Knows when it cannot tell: a log too large to replay here, commands whose effect nobody can know, and
such as this replay refuses, which another server may take. Then it says so and gives no numbers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from aoftool.analysis.replaying import LogReplay
from aoftool.aof.layout import Log
from aoftool.keyspace.database import Entry
from aoftool.units import counted
from aoftool.values import HashValue

__all__ = ["MAX_REPLAYED_BYTES", "KeyCounts", "count_keys"]

MAX_REPLAYED_BYTES = 256 << 20
"""Logs above this are not replayed: it would take minutes and as much memory as a server."""


@dataclass(frozen=True)
class KeyCounts:
    """Keys of each database that has any, or why there are no numbers.

    Attributes:
        least: keys that no server may have dropped by now.
        most: the same, and those that are due to expire.
        unknown: why the count is not known; empty when it is.
    """

    least: dict[int, int] = field(default_factory=dict)
    most: dict[int, int] = field(default_factory=dict)
    unknown: str = ""

    def difference(self, found: Mapping[int, int]) -> str:
        """Say in which database a server holds another number of keys, empty for none."""
        for db in sorted(self.most.keys() | found.keys()):
            count, least, most = found.get(db, 0), self.least.get(db, 0), self.most.get(db, 0)
            if not least <= count <= most:
                ours = f"{most:,}" if least == most else f"{least:,} to {most:,}"
                return f"database {db} has {counted(count, 'key')} on the server, {ours} by our replay"
        return ""


def count_keys(log: Log) -> KeyCounts:
    """Replay a log and count; keys whose time has come by the end of it may be gone on a server."""
    if log.size_bytes is None or log.size_bytes > MAX_REPLAYED_BYTES:
        return KeyCounts(unknown=f"the log is larger than {MAX_REPLAYED_BYTES >> 20} MiB")
    replay = LogReplay(log).run()
    keyspace = replay.keyspace
    if replay.stopped is not None:
        return KeyCounts(unknown=f"the replay stops at {replay.stopped}")
    if replay.end.damage is not None:
        return KeyCounts(unknown="the log cannot be read to its end")
    if keyspace.random_choices or keyspace.refused:
        what = "choices that servers make at random" if keyspace.random_choices else "refused commands"
        return KeyCounts(unknown=f"the log holds {what}")
    now_ms = int(time.time() * 1000)
    least: dict[int, int] = {}
    most: dict[int, int] = {}
    for db, database in enumerate(keyspace.databases):
        if len(database):
            most[db] = len(database)
            least[db] = sum(not _may_be_gone(entry, now_ms) for _, entry in database.entries())
    return KeyCounts(least, most)


def _may_be_gone(entry: Entry, now_ms: int) -> bool:
    if entry.expire_at_ms is not None and entry.expire_at_ms <= now_ms:
        return True
    value = entry.value
    return isinstance(value, HashValue) and any(at <= now_ms for at in value.expires.values())
