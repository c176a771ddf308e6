"""What is half written, for an end that comes between two steps.

An interruption can come right behind the call that makes a file, before anybody holds what it made, or while
it is being removed. Whoever makes something that must not stay says so before, and says when it is over; the
end of the command line removes the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from aoftool.errors import AoftoolError

__all__ = ["Unfinished", "remove_unfinished"]

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
