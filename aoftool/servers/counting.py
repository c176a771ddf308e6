"""How many keys a log leaves in each database, by our own replay, to hold a server's count against.

Knows when it cannot tell: a log too large to replay here, commands whose effect nobody can know, and
such as this replay refuses, which another server may take. Then it says so and gives no numbers.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from aoftool.aof.layout import Log
from aoftool.dataclass import dataclass, field
from aoftool.escape import excerpt
from aoftool.keyspace.database import Entry
from aoftool.replay.log_replay import LogReplay
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
        expiring: keys of each database that have an expire time, where none may be gone.
        libraries: names of the function libraries.
    """

    least: dict[int, int] = field(default_factory=dict)
    most: dict[int, int] = field(default_factory=dict)
    unknown: str = ""
    expiring: dict[int, int] = field(default_factory=dict)
    libraries: frozenset[bytes] = frozenset()

    def difference(
        self,
        found: Mapping[int, int],
        expiring: Mapping[int, int] | None = None,
        libraries: Collection[bytes] | None = None,
    ) -> str:
        """Say in what a server holds something else, empty for nothing.

        Args:
            found: its keys of each database.
            expiring: its keys with an expire time; None when it was not asked.
            libraries: names of its function libraries; None when it has no such thing.
        """
        return self._other_keys(found) or self._other_times(expiring) or self._other_libraries(libraries)

    def _other_times(self, expiring: Mapping[int, int] | None) -> str:
        for db in sorted(self.expiring if expiring is not None else ()):
            count, ours = (expiring or {}).get(db, 0), self.expiring[db]
            if self.least.get(db) == self.most.get(db) and count != ours:
                return f"database {db} has {count:,} expire times on the server, {ours:,} by our replay"
        return ""

    def _other_libraries(self, libraries: Collection[bytes] | None) -> str:
        if libraries is None or set(libraries) == self.libraries:
            return ""
        name = min(set(libraries) ^ self.libraries)
        where = "the server" if name in libraries else "our replay"
        return f"only {where} has the function library {excerpt(name, 64)}"

    def _other_keys(self, found: Mapping[int, int]) -> str:
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
    if keyspace.unknown_keys:
        return KeyCounts(unknown="the log holds commands that are not run here")
    if keyspace.random_choices or keyspace.refused:
        what = "choices that servers make at random" if keyspace.random_choices else "refused commands"
        return KeyCounts(unknown=f"the log holds {what}")
    now_ms = int(time.time() * 1000)
    least: dict[int, int] = {}
    most: dict[int, int] = {}
    expiring: dict[int, int] = {}
    for db, database in enumerate(keyspace.databases):
        if len(database):
            most[db] = len(database)
            expiring[db] = len(database.expires)
            least[db] = sum(not _may_be_gone(entry, now_ms) for _, entry in database.entries())
    return KeyCounts(least, most, "", expiring, frozenset(keyspace.libraries))


def _may_be_gone(entry: Entry, now_ms: int) -> bool:
    if entry.expire_at_ms is not None and entry.expire_at_ms <= now_ms:
        return True
    value = entry.value
    return isinstance(value, HashValue) and any(at <= now_ms for at in value.expires.values())
