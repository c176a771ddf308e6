"""How much a replay holds of what no command wrote: short commands make long strings and large collections.

A SETBIT of forty bytes makes 512 MiB, a COPY of thirty another million elements. What was written costs the
log what it costs here, and is not counted. Knows sizes; refuses to know commands.
"""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.budget import Budget
from aoftool.keyspace.database import Database, StoredValue
from aoftool.values import HashValue, ListValue, StreamValue, ZSetValue

__all__ = ["BUFFER_FROM", "Made", "elements_of"]

BUFFER_FROM = 512
"""Strings from this size on that commands change in their place are held in buffers.

Below it a new bytes object for each APPEND is cheaper.
"""

# What one more element costs whose bytes another collection holds too. By tracemalloc on CPython 3.11
# over collections of 3 to 300,000 elements; a sorted set with the order that is kept beside it.
_MEMBER_BYTES = 40
_ZSET_MEMBER_BYTES = 130
_LIST_ELEMENT_BYTES = 9
_ELEMENT_BYTES = 70
_PENDING_BYTES = 200
_VALUE_BYTES = 400


class Made:
    """Counts what is made, and what is still held of it once that may be too much.

    Args:
        budget: of the replay.

    Attributes:
        most_bytes: so much may be held.
        steps_left: so many elements may still be gone over.
    """

    __slots__ = ("_collections", "_since", "most_bytes", "steps_left")

    def __init__(self, budget: Budget) -> None:
        self.most_bytes = budget.held_bytes
        self.steps_left = budget.steps
        self._since = 0
        # By identity, which another value may have later: never more than what was made counts for one.
        self._collections: dict[int, int] = {}

    def add_string(self, size_bytes: int, databases: Iterable[Database]) -> bool:
        """Count bytes that a string grows by; tell whether that is too much, beside all that is held."""
        self._since += size_bytes
        return self._since > self.most_bytes and self._count(databases, size_bytes) > self.most_bytes

    def add_value(self, value: StoredValue, databases: Iterable[Database], *, unpacked: bool = False) -> bool:
        """Count a value that is about to be stored; tell whether that is too much.

        Args:
            value: made of others, whose elements it shares.
            unpacked: its elements are its own.
        """
        size_bytes = _size_of(value) + unpacked * _own_bytes(value)
        too_much = self.add_string(size_bytes, databases)
        self._collections[id(value)] = size_bytes
        return too_much

    def _count(self, databases: Iterable[Database], size_bytes: int) -> int:
        """Return the bytes held, with those about to be; what is gone again is forgotten."""
        held, left = size_bytes, {}
        for database in databases:
            self.steps_left -= len(database.values)
            for value in database.values.values():
                made = self._collections.get(id(value))
                if type(value) is bytearray and len(value) >= BUFFER_FROM:
                    # What is made is held in buffers; bytes were written, or looked at since.
                    held += len(value)
                elif made is not None:
                    left[id(value)] = made = min(made, _size_of(value) + _own_bytes(value))
                    held += made
            plain = {key: database.values.get(key) for key in database.unbuffered}
            database.unbuffered = {key for key, value in plain.items() if type(value) is bytes}
            held += sum(len(value) for value in plain.values() if type(value) is bytes)
        self._collections = left
        self._since = held
        return held


def elements_of(value: StoredValue) -> int:
    """Return how many elements a value has, pending entries among them."""
    if isinstance(value, StreamValue):
        return len(value.entries) + sum(len(group.pel) for group in value.groups.values())
    return len(value) if hasattr(value, "__len__") else 0


def _own_bytes(value: StoredValue) -> int:
    """Return what the elements of a value take that are a few bytes each."""
    return 0 if isinstance(value, (bytes, bytearray)) else _ELEMENT_BYTES * elements_of(value)


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
