"""Numbers of arguments that no release takes for a writing command: one more than there is room for.

Too few is damage: no release makes an argument optional that its forerunners ask for. Too many is what a
newer release writes that gave a command another argument. Knows counts alone, no option words.
"""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.commands.modules import engine_of_form
from aoftool.commands.roles import ArgumentRole, argument_roles
from aoftool.commands.table import CommandSpec, lookup_argv

__all__ = ["GROUPED", "NO_LIMIT", "has_too_many", "most_arguments"]

NO_LIMIT = 1 << 62
"""The most arguments of a command that takes any number."""

# What the table of commands gives only a least number for, and takes one more argument at most.
# Source: Valkey 8.0 src/t_list.c popGenericCommand, t_set.c spopCommand, t_zset.c zpopMinMaxCommand.
_MOST = dict.fromkeys(b"LPOP RPOP SPOP ZPOPMIN ZPOPMAX".split(), 3)
GROUPED = {b"HSET": (2, 2), b"HMSET": (2, 2), b"MSET": (1, 2), b"MSETNX": (1, 2)}
"""Commands whose arguments come in groups: where these begin, and how many make one."""

# The same, behind option words.
_BEHIND_WORDS = {b"ZADD": 2, b"GEOADD": 3, b"XADD": 2}


def most_arguments(spec: CommandSpec) -> int:
    """Return the most arguments, the name counted, that some release takes; `NO_LIMIT` for any number."""
    arities = {spec.arity, *spec.arity_on.values()}
    return _MOST.get(spec.name, NO_LIMIT if min(arities) < 0 else max(arities))


def has_too_many(argv: Sequence[bytes]) -> bool:
    """Tell whether a writing command has arguments that no release has room for."""
    spec = lookup_argv(argv)
    if spec is None or not spec.is_write or spec.of_module or engine_of_form(spec.name, len(argv)):
        return False
    if len(argv) < abs(spec.arity):
        return False
    return len(argv) > most_arguments(spec) or _is_rest(spec.name, argv)


def _is_rest(name: bytes, argv: Sequence[bytes]) -> bool:
    """Tell whether arguments that come in groups leave a rest."""
    if name in GROUPED:
        start, size = GROUPED[name]
        return (len(argv) - start) % size != 0
    size = _BEHIND_WORDS.get(name, 1)
    return size > 1 and _data_at_end(argv) % size != 0


def _data_at_end(argv: Sequence[bytes]) -> int:
    roles = argument_roles(argv)
    return next((at for at, role in enumerate(reversed(roles)) if role is not ArgumentRole.DATA), len(roles))
