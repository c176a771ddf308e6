"""Which commands which servers know, asked in the ways a check asks.

A thin view of `aoftool.commands`: names, subcommands and numbers of arguments by target. Commands that
no table row names are unknown everywhere; module commands too.
"""

from __future__ import annotations

from functools import lru_cache

from aoftool.check.targets import TARGETS, Target
from aoftool.commands.table import CONTAINERS, CommandSpec, lookup

__all__ = ["accepts", "is_known", "looks_like_module", "unknown_to", "wrong_arity"]


@lru_cache(maxsize=4096)
def _spec(name: bytes, subcommand: bytes | None = None) -> CommandSpec | None:
    return lookup(name, subcommand) if subcommand is not None else lookup(name)


def is_known(name: bytes) -> bool:
    """Tell whether any server knows a command of that name; case does not matter."""
    return _spec(name.upper()) is not None


def looks_like_module(name: bytes) -> bool:
    """Tell whether a name has the form that modules use, such as `JSON.SET`."""
    return b"." in name and not name.startswith(b".") and not is_known(name)


def accepts(name: bytes, count: int) -> bool:
    """Tell whether a command is known and takes `count` arguments, its name included."""
    spec = _spec(name.upper())
    if spec is None:
        return False
    return count == spec.arity if spec.arity > 0 else count >= -spec.arity


def unknown_to(name: bytes, subcommand: bytes | None = None) -> tuple[Target, ...]:
    """Return the targets that lack a command, or the subcommand of one they have."""
    spec = _spec(name, subcommand)
    if spec is None:
        return TARGETS
    return tuple(target for target in TARGETS if target.measured_on not in spec.available_on)


def wrong_arity(name: bytes, subcommand: bytes | None, count: int) -> bool:
    """Tell whether a known command does not take that many arguments."""
    spec = _spec(name, subcommand if name in CONTAINERS else None)
    if spec is None:
        return False
    return count != spec.arity if spec.arity > 0 else count < -spec.arity
