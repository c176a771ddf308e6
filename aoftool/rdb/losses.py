"""What a target cannot hold: how it is told, and what is left of a value without it."""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.dataclass import replace
from aoftool.escape import excerpt_key
from aoftool.rdb.encode.targets import Target
from aoftool.units import and_more, counted, format_time_ms
from aoftool.values import HashValue, StreamValue, Value

__all__ = [
    "MODULE_VALUE",
    "REFUSED_KEPT",
    "REFUSED_SHOWN",
    "Refused",
    "losses_text",
    "member_note",
    "without_unsupported",
]

REFUSED_SHOWN = 5
REFUSED_KEPT = 100
MODULE_VALUE = "a value of a module"

Refused = tuple[int, bytes, str]
"""Database, name and what of it the target cannot hold."""


def without_unsupported(value: Value, target: Target) -> Value | None:
    """Return what a target can hold of a value that it refuses; None for nothing.

    Hash fields stay without their expire times, streams without what idempotent producers sent.
    """
    rest: Value = value
    if isinstance(value, HashValue):
        rest = HashValue(value)
    elif isinstance(value, StreamValue):
        rest = replace(value, idmp=None)
    return None if target.refusal(rest) else rest


def member_note(count: int, some: Sequence[tuple[str, int]], most: int = REFUSED_SHOWN) -> str:
    """Return, in words, that members have expire times of their own.

    Args:
        count: of all.
        some: the first of them, as they are shown, and their times in Unix milliseconds.
    """
    shown = "; ".join(f"{name} at {format_time_ms(at_ms)}" for name, at_ms in some[:most])
    rest = count - len(some[:most])
    more = and_more(rest, "; ")
    return f"{counted(count, 'member')} with an expire time, which only KeyDB keeps: {shown}{more}"


def losses_text(refused: Sequence[Refused], count: int, most: int = REFUSED_SHOWN) -> str:
    """Return some of what is refused, and how much more there is, in words."""
    some = refused[:most]
    shown = "; ".join(f"{problem}: {excerpt_key(name)} (db {db})" for db, name, problem in some)
    rest = count - len(some)
    return shown + and_more(rest, "; ")
