"""How much a replay holds of what no command wrote: short commands make long strings and large collections.

A SETBIT of forty bytes makes 512 MiB, a COPY of thirty another million elements. What was written costs the
log what it costs here, and is not counted. Knows sizes; refuses to know commands.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from aoftool.keyspace.database import Database, StoredValue
from aoftool.values import HashValue, ListValue, StreamValue, ZSetValue

__all__ = ["Made", "memory_share"]

_MEMORY_SHARE = 8
_LEAST_SHARE_BYTES = 1 << 30
_LARGE_STRING_BYTES = 1 << 16
# What one more element costs whose bytes another collection holds too. By tracemalloc on CPython 3.11
# over collections of 3 to 300,000 elements; a sorted set with the order that is kept beside it.
_MEMBER_BYTES = 40
_ZSET_MEMBER_BYTES = 130
_LIST_ELEMENT_BYTES = 9
_PENDING_BYTES = 200
_VALUE_BYTES = 400


def memory_share() -> int:
    """Return the bytes that a replay may make: an eighth of the memory of this machine, 1 GiB at least."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(memory // _MEMORY_SHARE, _LEAST_SHARE_BYTES)


class Made:
    """Counts what is made, and what is still held of it once that may be too much.

    Attributes:
        most_bytes: so much may be held.
    """

    __slots__ = ("_collections", "_since", "most_bytes")

    def __init__(self) -> None:
        self.most_bytes = memory_share()
        self._since = 0
        # By identity, which another value may have later: never more than what was made counts for one.
        self._collections: dict[int, int] = {}

    def add_string(self, size_bytes: int, databases: Iterable[Database]) -> bool:
        """Count bytes that a string grows by; tell whether that is too much, beside all that is held."""
        self._since += size_bytes
        return self._since > self.most_bytes and self._count(databases, size_bytes) > self.most_bytes

    def add_value(self, value: StoredValue, databases: Iterable[Database]) -> bool:
        """Count a value that is made of others and about to be stored; tell whether that is too much."""
        size_bytes = _size_of(value)
        too_much = self.add_string(size_bytes, databases)
        self._collections[id(value)] = size_bytes
        return too_much

    def _count(self, databases: Iterable[Database], size_bytes: int) -> int:
        """Return the bytes held, with those about to be; what is gone again is forgotten."""
        held, left = size_bytes, {}
        for database in databases:
            for value in database.values.values():
                made = self._collections.get(id(value))
                if type(value) is bytearray and len(value) >= _LARGE_STRING_BYTES:
                    # What is made is held in buffers; bytes were written.
                    held += len(value)
                elif made is not None:
                    left[id(value)] = made = min(made, _size_of(value))
                    held += made
        self._collections = left
        self._since = held
        return held


def _size_of(value: StoredValue) -> int:
    """Return what a value costs beside the bytes of its elements, which it shares with its sources."""
    if isinstance(value, (bytes, bytearray)):
        return len(value)
    if isinstance(value, ListValue):
        return _VALUE_BYTES + _LIST_ELEMENT_BYTES * len(value)
    if isinstance(value, ZSetValue):
        return _VALUE_BYTES + _ZSET_MEMBER_BYTES * len(value)
    if isinstance(value, HashValue):
        return _VALUE_BYTES + _MEMBER_BYTES * (len(value) + len(value.expires))
    if isinstance(value, StreamValue):
        pending = sum(len(group.pel) for group in value.groups.values())
        return _VALUE_BYTES + _MEMBER_BYTES * len(value.entries) + _PENDING_BYTES * pending
    return _VALUE_BYTES + _MEMBER_BYTES * (len(value) if hasattr(value, "__len__") else 0)
