"""Which keys of the result are written, and under which database number."""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.errors import UsageError
from aoftool.pattern import compile_glob
from aoftool.rewrite.model import Selection

__all__ = ["Chooser"]


class Chooser:
    """Apply a selection to keys.

    Args:
        used: database numbers that may hold keys.

    Attributes:
        takes_all: every key of a written database is written.
        expired: keys left out for their age so far.

    Raises:
        UsageError: a database would get a number that the target does not have.
    """

    def __init__(self, selection: Selection, used: Iterable[int], databases: int) -> None:
        self._selection = selection
        self._name = None if selection.match is None else compile_glob(selection.match)
        self._numbers = {db: selection.rename_db.get(db, db) for db in used if self._takes(db)}
        self._claimed: dict[int, int] = {}
        beyond = [number for number in self._numbers.values() if not 0 <= number < databases]
        if beyond:
            raise UsageError(f"database {beyond[0]} is beyond the {databases} of the target")
        self.takes_all = selection.match is None and selection.expired_before_ms is None
        self.expired = 0

    def _takes(self, db: int) -> bool:
        return self._selection.databases is None or db in self._selection.databases

    def number(self, db: int) -> int | None:
        """Return the number a database is written under; None when it is left out."""
        return self._numbers.get(db)

    def claim(self, db: int) -> None:
        """Note that a database has keys to be written.

        Raises:
            UsageError: another one with keys is written under the same number.
        """
        number = self._numbers[db]
        other = self._claimed.setdefault(number, db)
        if other != db:
            low, high = sorted((other, db))
            raise UsageError(
                f"databases {low} and {high} would get the same number, {number}, and both hold keys",
                hint="choose another --rename-db",
            )

    def takes(self, key: bytes, expire_at_ms: int | None) -> bool:
        """Tell whether a key of a written database is written; counts those left out for their age."""
        if self._name is not None and self._name.match(key) is None:
            return False
        limit = self._selection.expired_before_ms
        if limit is not None and expire_at_ms is not None and expire_at_ms <= limit:
            self.expired += 1
            return False
        return True
