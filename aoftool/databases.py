"""How many databases a server had that wrote a log: inferred from the numbers that the log names.

A server logs no SELECT that it refused, nor a MOVE, COPY or SWAPDB, so a number in a log was a database of
its writer. Knows no file; who reads a log hands the numbers in.
"""

from __future__ import annotations

from collections.abc import Container

__all__ = [
    "DATABASE_DIGITS",
    "DEFAULT_DATABASES",
    "INFERRED",
    "MOST_DATABASES",
    "databases_for",
    "setting_words",
]

DEFAULT_DATABASES = 16
"""The `databases` setting a server has unless its configuration says otherwise."""

MOST_DATABASES = 16384
"""Numbers from here on are taken for damage, not for databases: every database takes memory, with a key or
without. Whoever has more says so with `--databases`."""

DATABASE_DIGITS = len(str(MOST_DATABASES - 1))
"""So many digits the number of a database has at most."""

INFERRED = 0
"""Stands for a number of databases that is to be inferred."""


def databases_for(highest: int) -> int:
    """Return the least setting, 16 at least, under which a log works whose highest number is given."""
    return max(DEFAULT_DATABASES, min(highest + 1, MOST_DATABASES))


def setting_words(databases: int, asked: Container[int] | None = None) -> str:
    """Say that a log needs more databases than servers have unless they are told to; empty where it does not.

    Args:
        databases: the setting that the log needs.
        asked: numbers of the databases that are looked at; where all servers have these, nothing is said.
    """
    beyond = range(DEFAULT_DATABASES, databases)
    if not (beyond if asked is None else any(number in asked for number in beyond)):
        return ""
    return (
        f"databases up to {databases - 1} are used: that needs a server with `databases {databases}` or more"
        f" (the default is {DEFAULT_DATABASES})"
    )
