"""Which databases a command names beside the selected one."""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.commands.conditions import canonical_int
from aoftool.databases import MOST_DATABASES

__all__ = ["NUMBERED", "databases_named"]

NUMBERED = frozenset({b"SELECT", b"MOVE", b"COPY", b"SWAPDB"})
"""Commands that name a database, in upper case."""


def databases_named(argv: Sequence[bytes]) -> list[int]:
    """Return the numbers of databases that a command names, as far as they are numbers of databases."""
    name = argv[0].upper()
    words: Sequence[bytes] = ()
    if name in (b"SELECT", b"SWAPDB"):
        words = argv[1:]
    elif name == b"MOVE":
        words = argv[2:3]
    elif name == b"COPY":
        words = [argv[at + 1] for at in range(3, len(argv) - 1) if argv[at].upper() == b"DB"]
    numbers = map(canonical_int, words)
    return [number for number in numbers if number is not None and 0 <= number < MOST_DATABASES]
