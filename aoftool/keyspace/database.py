"""One numbered database: keys, their values and their expire times.

Knows no command. Values and expire times live in two dicts, as in the servers: most keys have no
expire time, and a write that keeps the time then never touches it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from aoftool.namedtuple import NamedTuple
from aoftool.values import Value

__all__ = ["Database", "Entry", "StoredValue"]

# A string that is modified in place (APPEND, SETBIT) is held as a bytearray until it is read out.
StoredValue = Value | bytearray


class Entry(NamedTuple):
    """A key's value with its absolute expire time in Unix milliseconds (None: it has none)."""

    value: Value
    expire_at_ms: int | None


class Database:
    """Keys to values, and keys to expire times.

    Attributes:
        values: keys to stored values, in order of first insertion. Strings may be bytearrays here;
            `entry` and `entries` give them as bytes.
        expires: expire times of those keys that have one; every key of it is in `values`.
        unbuffered: keys that `entry` has made plain bytes of what was held in a buffer; some may have gone.
        changed: keys changed since somebody last looked; drops what it is given unless `watch`ed.
    """

    __slots__ = ("changed", "expires", "unbuffered", "values")

    def __init__(self) -> None:
        self.values: dict[bytes, StoredValue] = {}
        self.expires: dict[bytes, int] = {}
        self.unbuffered: set[bytes] = set()
        self.changed: deque[bytes] = deque(maxlen=0)

    def __len__(self) -> int:
        return len(self.values)

    def watch(self) -> None:
        """Keep the names of changed keys in `changed` from now on."""
        self.changed = deque(self.changed)

    def entry(self, key: bytes) -> Entry | None:
        """Return the key's entry, or None."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bytearray):
            value = self.values[key] = bytes(value)
            self.unbuffered.add(key)
        return Entry(value, self.expires.get(key))

    def entries(self) -> Iterator[tuple[bytes, Entry]]:
        """Yield every key with its entry, in order of first insertion."""
        expires = self.expires
        for key, value in self.values.items():
            plain = bytes(value) if isinstance(value, bytearray) else value
            yield key, Entry(plain, expires.get(key))

    def put(self, key: bytes, value: StoredValue, expire_at_ms: int | None = None) -> None:
        """Set a key, whatever it was before; its old expire time is gone."""
        self.values[key] = value
        if expire_at_ms is not None:
            self.expires[key] = expire_at_ms
        elif key in self.expires:
            del self.expires[key]
        self.changed.append(key)

    def delete(self, key: bytes) -> bool:
        """Remove a key with its expire time; tell whether it was there."""
        if self.values.pop(key, None) is None:
            return False
        if key in self.expires:
            del self.expires[key]
        self.changed.append(key)
        return True

    def clear(self) -> None:
        """Remove every key."""
        self.changed.extend(self.values)
        self.values = {}
        self.expires = {}

    def swap(self, other: Database) -> None:
        """Exchange all keys with another database."""
        self.values, other.values = other.values, self.values
        self.expires, other.expires = other.expires, self.expires
        self.unbuffered, other.unbuffered = other.unbuffered, self.unbuffered
        for database in (self, other):
            database.changed.extend(database.values)
