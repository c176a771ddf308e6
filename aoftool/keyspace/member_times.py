"""Expire times of members of sets and sorted sets, which KeyDB has; of hashes they stand with the fields.

They belong to the value: they go with it where it is renamed or moved, a copy has its own, and they are gone
when it is. A member that is taken out and put in again still has its time.

Source: KeyDB src/db.cpp setExpire, removeSubkeyExpire, renameGenericCommand, moveCommand, copyCommand;
src/expire.cpp persistCommand. Not measured.
"""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.keyspace.database import Database
from aoftool.values import SetValue, ZSetValue

__all__ = ["MemberTimes"]

Timed = SetValue | ZSetValue
# So many values are held before those are let go of that no key has any more.
_LOOK_FROM = 1024


class MemberTimes:
    """Members with their times, by value; the values are held, so that an identity stays theirs."""

    __slots__ = ("_look_at", "_times")

    def __init__(self) -> None:
        self._times: dict[int, tuple[object, dict[bytes, int]]] = {}
        self._look_at = _LOOK_FROM

    def give(self, value: Timed, member: bytes, at_ms: int, databases: Sequence[Database]) -> None:
        """Give a member an expire time, Unix milliseconds."""
        self._times.setdefault(id(value), (value, {}))[1][member] = at_ms
        if len(self._times) > self._look_at:
            held = {id(other) for database in databases for other in database.values.values()}
            self._times = {key: entry for key, entry in self._times.items() if key in held}
            self._look_at = max(_LOOK_FROM, 2 * len(self._times))

    def stand_beside(self, value: object) -> bool:
        """Tell whether a value has such times, which another value in its place would not have."""
        return id(value) in self._times

    def share(self, value: object, copy: object) -> None:
        """Give a copy of a value the times of the value."""
        if id(value) in self._times:
            self._times[id(copy)] = copy, dict(self._times[id(value)][1])

    def drop(self, value: object, member: bytes | None = None) -> None:
        """Take the time of a member away, or of all of them."""
        if member is None:
            self._times.pop(id(value), None)
        elif id(value) in self._times:
            self._times[id(value)][1].pop(member, None)

    def of(self, databases: Sequence[Database]) -> dict[tuple[int, bytes, bytes], int]:
        """Return the times of members that are there, by (database, key, member)."""
        if not self._times:
            return {}
        return {
            (db, key, member): at_ms
            for db, database in enumerate(databases)
            for key, value in database.values.items()
            if isinstance(value, (SetValue, ZSetValue)) and id(value) in self._times
            for member, at_ms in self._times[id(value)][1].items()
            if member in value
        }
