"""What a replay came to: the values that compiled code holds, and a keyspace with all others."""

from __future__ import annotations

from aoftool.keyspace.database import Entry
from aoftool.keyspace.engine import Keyspace
from aoftool.replay.compiled.hot import RowRunner

__all__ = ["Outcome"]


class Outcome:
    """Keys under replay, at its end.

    Args:
        runner: holds keys that are not in the keyspace; None for none.

    Attributes:
        keyspace: the keys that compiled code does not hold, streams with groups and whatever was not plain,
            and what is no key, such as refusals and libraries.
        runner: as given, None once `whole` was asked for.
    """

    def __init__(self, keyspace: Keyspace, runner: RowRunner | None = None) -> None:
        self.keyspace = keyspace
        self.runner = runner

    def whole(self) -> Keyspace:
        """Return the keyspace with every key in it."""
        if self.runner is not None:
            self.runner.export()
            self.runner = None
        return self.keyspace

    def entry(self, db: int, key: bytes) -> Entry | None:
        """Return what the keyspace holds of a key, None where it is not there."""
        return self.keyspace.databases[db].entry(key)

    def count(self, db: int) -> tuple[int, int]:
        """Return how many keys a database has, and how many of them have an expire time."""
        database = self.keyspace.databases[db]
        keys, expiring = len(database), len(database.expires)
        if self.runner is None:
            return keys, expiring
        held, held_expiring = self.runner.held(db)
        return keys + held, expiring + held_expiring
