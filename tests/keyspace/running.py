"""Run a few commands, written as one would type them, and look at what they left."""

from __future__ import annotations

from typing import Any

from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.flavour import FLAVOURS, Flavour

NOW_MS = 1_700_000_000_000
PAST_MS = NOW_MS - 1_000_000
FUTURE_MS = NOW_MS + 1_000_000

EVERY_FLAVOUR = list(FLAVOURS.values())
FIELD_FLAVOURS = [flavour for flavour in EVERY_FLAVOUR if flavour.field_expiry]
NEWEST = ("redis-8.0", "valkey-9.1")


def words(line: str | list[Any] | tuple[Any, ...]) -> list[bytes]:
    """Split a line at blanks; `''` is the empty argument. A list is taken as it is."""
    parts = line.split() if isinstance(line, str) else line
    return [
        part if isinstance(part, bytes) else b"" if part == "''" else str(part).encode("latin-1")
        for part in parts
    ]


def run(*lines: Any, flavour: str | Flavour = "redis-7.0", **options: Any) -> Keyspace:
    """Execute commands in an empty keyspace whose clock stands at NOW_MS."""
    keyspace = Keyspace(flavour, now_ms=NOW_MS, **options)
    for line in lines:
        keyspace.execute(words(line))
    return keyspace


def value(keyspace: Keyspace, key: str, db: int = 0) -> Any:
    """Return a key's value, None when missing."""
    entry = keyspace.databases[db].entry(key.encode())
    return None if entry is None else entry.value


def expire_at_ms(keyspace: Keyspace, key: str, db: int = 0) -> int | None:
    """Return a key's expire time, None when it has none."""
    entry = keyspace.databases[db].entry(key.encode())
    assert entry is not None
    return entry.expire_at_ms


def errors(keyspace: Keyspace) -> list[str]:
    """Return the texts of the refused commands, in order."""
    return [refusal.text for refusal in keyspace.refusals]


def keys(keyspace: Keyspace, db: int = 0) -> set[bytes]:
    """Return the names of a database's keys."""
    return set(keyspace.databases[db].values)
