"""What this program writes beside a log for a while: its names, and its end when it is interrupted.

An interruption can come right behind the call that makes a file, before anybody holds what it made, or while
it is being removed. Whoever makes something that must not stay says so before, and says when it is over; the
end of the command line removes the rest. Of a run that was killed the names tell what was left.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from aoftool.errors import AoftoolError
from aoftool.regex import regex

__all__ = [
    "CHANGE_FOLDER",
    "LOST_SUFFIX",
    "RECEIPT_NAME",
    "Unfinished",
    "is_leftover",
    "is_ours",
    "remove_unfinished",
    "temporary_folder_name",
    "temporary_name",
]

CHANGE_FOLDER = regex(r"aoftool-(?:fix|rewrite)-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
"""How the folder of a change in place is named; see `aoftool.repair.folder`."""

RECEIPT_NAME = "receipt.json"
"""What says in that folder what was done, once something was; see `aoftool.repair.receipt`."""

LOST_SUFFIX = ".lost-and-found"
"""What the folder of what was taken out has behind the name of the log that was written elsewhere."""

_MARK = ".aoftool-"
_END = ".tmp"
_NAME_LIMIT = 255


def temporary_name(name: str) -> str:
    """Return a name for what is to be put in place under `name`; another one each time."""
    return "." + _cut(name, 1, f"{_MARK}{os.getpid()}-{os.urandom(4).hex()}{_END}")


def temporary_folder_name(name: str) -> str:
    """Return a name for the folder that is to be put in place under `name`; another one each time."""
    return _cut(name, 0, f"{_MARK}{os.urandom(4).hex()}{_END}")


def _cut(name: str, taken: int, tail: str) -> str:
    """Return a name with a tail, as much of it as a file system takes behind so many other bytes."""
    return os.fsdecode(os.fsencode(name)[: _NAME_LIMIT - taken - len(tail)]) + tail


def is_leftover(name: bytes) -> bool:
    """Tell whether a name is that of a temporary file which a killed run left."""
    return name.startswith(b".") and _MARK.encode() in name and name.endswith(_END.encode())


def is_ours(path: str) -> bool:
    """Tell whether a path or URL leads into what this program wrote beside a log, by its names alone."""
    return any(
        name.endswith(LOST_SUFFIX) or CHANGE_FOLDER.fullmatch(name) or (_MARK in name and name.endswith(_END))
        for name in path.split("/")
    )


_ALL: dict[int, Unfinished] = {}


class Unfinished:
    """One thing that is to go unless its maker says that it is over.

    Args:
        remove: removes it; it may be called when nothing is there, and a second time.
    """

    def __init__(self, remove: Callable[[], object]) -> None:
        self.remove = remove
        _ALL[id(self)] = self

    def over(self) -> None:
        """Say that it is at its place, or gone; doing so twice does no harm."""
        _ALL.pop(id(self), None)


def remove_unfinished() -> None:
    """Remove all that is not over; what cannot be removed has a name that says what it is."""
    while _ALL:
        _, one = _ALL.popitem()
        with suppress(OSError, AoftoolError):
            one.remove()
