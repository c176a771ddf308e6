"""The key table in Python: the reference for the compiled one."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from aoftool.columns import Column, array_of, column_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["KeyTable"]


_DATABASE_MAX = (1 << 32) - 1


class KeyTable:
    """Number keys in order of first appearance; a key is (physical database, name)."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, bytes], int] = {}
        self._names: list[tuple[int, bytes]] = []
        self._bucket_bits = 0

    def __len__(self) -> int:
        return len(self._names)

    def use_buckets(self, bits: int) -> None:
        """Give keys from now on the number of their bucket: the database above so many bits of hash."""
        self._bucket_bits = bits

    def intern(self, db: int, key: bytes) -> int:
        """Return the number of a key, a new one if it has none."""
        if self._bucket_bits:
            return self.find(db, key)
        number = self._numbers.setdefault((db, key), len(self._names))
        if number == len(self._names):
            self._names.append((db, key))
        return number

    def find(self, db: int, key: bytes) -> int:
        """Return the number of a key, or -1; the number of a database may be any."""
        if not 0 <= db <= _DATABASE_MAX:
            return -1
        if self._bucket_bits:
            return db << self._bucket_bits | zlib.crc32(key, db) >> 32 - self._bucket_bits
        return self._numbers.get((db, key), -1)

    def key(self, number: int) -> bytes:
        """Return the name of a key."""
        return self._names[number][1]

    def home_column(self) -> Column:
        """Return the physical database of every key."""
        return column_of("I", (db for db, _ in self._names))

    def used(self) -> set[int]:
        """Return the physical databases that have keys."""
        return {db for db, _ in self._names}

    def databases(self) -> NDArray[np.uint32]:
        """Return what `home_column` does, as an array."""
        return array_of(self.home_column())
