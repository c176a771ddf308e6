"""Writes that hang on what a string is now: the conditions of SET, and DELEX and DELIFEQ.

A string is compared by its bytes (IFEQ, IFNE) or by its digest (IFDEQ, IFDNE).
"""

from __future__ import annotations

from aoftool.keyspace.algorithms.xxh3 import hash_64
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.refusal import CommandRefused
from aoftool.keyspace.registry import CommandTable

__all__ = ["CONDITIONS", "TABLE", "condition_holds"]

TABLE = CommandTable()

CONDITIONS = frozenset({b"IFEQ", b"IFNE", b"IFDEQ", b"IFDNE"})
"""The conditions of Redis 8.4; Valkey 8.1 and later know the first."""

_NEGATED = frozenset({b"IFNE", b"IFDNE"})
_BY_DIGEST = frozenset({b"IFDEQ", b"IFDNE"})
_DIGEST_DIGITS = 16


def condition_holds(ctx: Context, key: bytes, condition: bytes, match: bytes) -> bool:
    """Tell whether the string at a key meets a condition; a missing key only differs from everything.

    Raises:
        CommandRefused: the key holds another type, or a digest has not 16 digits.

    Source: Redis 8.6 src/t_string.c setGenericCommand; measured on Redis 8.6.3
    """
    value = ctx.string(key)
    if value is None:
        return condition in _NEGATED
    if condition in _BY_DIGEST:
        if len(match) != _DIGEST_DIGITS:
            raise CommandRefused(f"ERR must be exactly {_DIGEST_DIGITS} hexadecimal characters")
        same = b"%016x" % hash_64(bytes(value)) == match.lower()
    else:
        same = value == match
    return same is not (condition in _NEGATED)


@TABLE.command(b"DELIFEQ", 3, redis=None, valkey=(9, 0))
def apply_delifeq(ctx: Context, argv: Argv) -> None:
    if ctx.string(argv[1]) == argv[2]:
        ctx.db.delete(argv[1])


@TABLE.command(b"DELEX", -2, redis=(8, 4), valkey=(9, 2), self_checking=True)
def apply_delex(ctx: Context, argv: Argv) -> None:
    """Delete a key, or a string that meets a condition; what the condition is, only a string is asked."""
    key = argv[1]
    if len(argv) == 2:
        ctx.db.delete(key)
        return
    if len(argv) != 4:
        raise CommandRefused("ERR wrong number of arguments for 'delex' command")
    value = ctx.db.values.get(key)
    if value is None:
        return
    if not isinstance(value, (bytes, bytearray)):
        raise CommandRefused("ERR Key should be of string type if conditions are specified")
    condition = argv[2].upper()
    if condition not in CONDITIONS:
        raise CommandRefused("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE")
    if condition_holds(ctx, key, condition, argv[3]):
        ctx.db.delete(key)
