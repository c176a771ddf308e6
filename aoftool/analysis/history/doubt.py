"""Which keys are known again behind a command whose effect nobody can know.

A script may have written any key, so behind it every state is unknown. What a later command makes whole, or
removes, is known from then on; what takes a value from an unknown key is not.
"""

from __future__ import annotations

from aoftool.commands.groups import REMOVES_KEYS
from aoftool.commands.roles import keys_of

__all__ = ["Doubt"]

Place = tuple[int, bytes]

# Give a key a value that does not hang on the one before.
_WHOLE = frozenset(b"SET SETEX PSETEX MSET MSETEX RESTORE RESTORE-ASKING".split())
# Each key for itself: one that is not known has no bearing on the others.
_INDEPENDENT = REMOVES_KEYS | {b"TOUCH", b"MSETNX"}
# A replay that takes a key for something else may refuse these, or keep what is no longer there.
_CONDITIONS = frozenset(b"NX XX IFEQ IFNE IFDEQ IFDNE KEEPTTL GET".split())


class Doubt:
    """Follow what is known; at first everything is."""

    def __init__(self) -> None:
        self._is_sure = True
        self._places: set[Place] = set()
        self._databases: set[int] = set()

    def begin(self) -> None:
        """Forget everything: any key may have been written."""
        self._is_sure = False
        self._places.clear()
        self._databases.clear()

    def knows(self, db: int, key: bytes) -> bool:
        """Tell whether the state of a key is known."""
        return self._is_sure or db in self._databases or (db, key) in self._places

    def follow(self, db: int, name: bytes, argv: list[bytes]) -> None:
        """Take a command that was replayed; `name` in upper case."""
        if self._is_sure:
            return
        if name == b"FLUSHALL":
            self._is_sure = True
        elif name == b"FLUSHDB":
            self._databases.add(db)
        elif name == b"SWAPDB":
            self._swap(argv)
        elif name in (b"MOVE", b"COPY"):
            self._forget_everywhere(keys_of(argv))
        elif name in REMOVES_KEYS:
            self._places.update((db, key) for key in argv[1:])
        elif name in _WHOLE and _is_unconditional(name, argv):
            self._places.update((db, key) for key in keys_of(argv))
        elif name not in _INDEPENDENT:
            self._mix([(db, key) for key in keys_of(argv)])

    def _mix(self, places: list[Place]) -> None:
        """Take a command whose keys have to do with each other: one that is unknown makes all so."""
        if all(self.knows(*place) for place in places):
            self._places.update(places)
            return
        for db in {db for db, _ in places} & self._databases:
            # That all others of the database are known cannot be held without naming them.
            self._databases.discard(db)
        self._places.difference_update(places)

    def _forget_everywhere(self, keys: list[bytes]) -> None:
        gone = set(keys)
        self._databases.clear()
        self._places = {place for place in self._places if place[1] not in gone}

    def _swap(self, argv: list[bytes]) -> None:
        numbers = {int(word[:9]) for word in argv[1:3] if word.isdigit()}
        self._databases -= numbers
        self._places = {place for place in self._places if place[0] not in numbers}


def _is_unconditional(name: bytes, argv: list[bytes]) -> bool:
    """Tell whether a command makes its keys whole, whatever was there."""
    words = {word.upper() for word in argv[3:]}
    if name.startswith(b"RESTORE"):
        return b"REPLACE" in words
    return not _CONDITIONS & words
