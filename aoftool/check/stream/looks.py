"""What commands look like, and how much a look speaks for one set of commands against another.

A look is cheap and coarse: the name, the number of arguments, the letters that the key begins with, and
the magnitude of the last argument. Behind damage it tells commands of the log from those that values
hold. Knows nothing of damage.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from aoftool.check.stream.shapes import Shape
from aoftool.check.stream.window import Reader
from aoftool.regex import regex

__all__ = ["Form", "Looks", "form_of"]

_FAMILY = regex(rb"[A-Za-z_-]*")
# A share that was seen counts for so many commands less than it says: a few commands show little.
_KINDS = 20
_LOOKS_OF_A_KIND = 6
# So many commands of a set are taken from the other one before it has shown any.
_BORROWED = 4.0

Form = tuple[bytes, int, bytes]
"""Name, number of arguments and the letters that a key begins with."""
_Kind = tuple[bytes, int]
_Look = tuple[Form, int]


def form_of(reader: Reader, shape: Shape) -> Form:
    """Return the form of a command."""
    family = b""
    if len(shape.arguments) > 1:
        key = shape.arguments[1]
        found = _FAMILY.match(reader.at(key.payload_start, min(key.length, 32)))
        family = b"" if found is None else found[0]
    return shape.name(reader), len(shape.arguments), family


class Looks:
    """Count the looks of a set of commands.

    Attributes:
        commands: how many were counted.
    """

    def __init__(self, reader: Reader, shapes: Iterable[Shape] = ()) -> None:
        self._reader = reader
        self._looks: Counter[_Look] = Counter()
        self._kinds: Counter[_Kind] = Counter()
        self.commands = 0
        for shape in shapes:
            self.add(shape)

    def add(self, shape: Shape) -> None:
        """Count one command."""
        look = self._look(shape)
        self._looks[look] += 1
        self._kinds[_kind(look)] += 1
        self.commands += 1

    def knows(self, shape: Shape) -> bool:
        """Tell whether a command of that look was counted."""
        return self._look(shape) in self._looks

    def with_those(self, other: Looks) -> Looks:
        """Return the looks of both sets."""
        both = Looks(self._reader)
        both._looks = self._looks + other._looks
        both._kinds = self._kinds + other._kinds
        both.commands = self.commands + other.commands
        return both

    def odds(self, shape: Shape, other: Looks) -> float:
        """Return how much rather a command is one of these than of others, as a logarithm of odds.

        What these have not shown they are taken to have as the others do.
        """
        look = self._look(shape)
        kind, rest = other._shares(look)
        own_kind = (self._kinds[_kind(look)] + _BORROWED * kind) / (self.commands + _BORROWED)
        own = (self._looks[look] + _BORROWED * own_kind * rest) / (self.commands + _BORROWED)
        return math.log(own / (kind * rest))

    def _look(self, shape: Shape) -> _Look:
        return form_of(self._reader, shape), shape.arguments[-1].length.bit_length()

    def _shares(self, look: _Look) -> tuple[float, float]:
        """Return the share of a name and count of arguments, and that of a look among those."""
        kind = self._kinds[_kind(look)]
        return (kind + 0.5) / (self.commands + _KINDS), (self._looks[look] + 0.3) / (kind + _LOOKS_OF_A_KIND)


def _kind(look: _Look) -> _Kind:
    return look[0][0], look[0][1]
