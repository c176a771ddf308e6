"""Which commands which servers know, asked in the ways a check asks.

A thin view of `aoftool.commands`: names, subcommands and numbers of arguments by target. Commands that
no table row names are unknown everywhere; module commands too.
"""

from __future__ import annotations

from functools import lru_cache

from aoftool.check.loaders.targets import TARGETS, Target
from aoftool.commands.counts import NO_LIMIT, most_arguments
from aoftool.commands.table import CONTAINERS, CommandSpec, lookup

__all__ = [
    "NO_LIMIT",
    "accepts",
    "argument_limits",
    "has_no_room",
    "is_hidden",
    "is_known",
    "is_short",
    "limits_by_target",
    "looks_like_module",
    "takers",
    "unknown_to",
    "wrong_arity",
]


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
    """Tell whether a command is known and some release takes `count` arguments, its name included."""
    spec = _spec(name.upper())
    if spec is None:
        return False
    return spec.arity_ok(count) or any(spec.arity_ok(count, release) for release in spec.arity_on)


def is_hidden(name: bytes) -> bool:
    """Tell whether a command stands in the sources of servers, but no default build has it."""
    spec = _spec(name.upper())
    return spec is not None and "hidden" in spec.flags


def unknown_to(name: bytes, subcommand: bytes | None = None) -> tuple[Target, ...]:
    """Return the targets that lack a command, or the subcommand of one they have."""
    spec = _spec(name, subcommand)
    if spec is None:
        return TARGETS
    return tuple(target for target in TARGETS if target.name not in spec.available_on)


def argument_limits(name: bytes, subcommand: bytes | None, target: Target) -> tuple[int, int]:
    """Return the fewest and the most arguments, its name counted, that a target takes for a command.

    A loader that has no table of subcommands asks for those of the container alone.
    """
    inner = subcommand if name in CONTAINERS and target.has_subcommands else None
    spec = _spec(name, inner)
    if spec is None or target.name not in spec.available_on:
        return 0, NO_LIMIT
    arity = spec.arity_on.get(target.name, spec.arity)
    return (arity, arity) if arity > 0 else (-arity, NO_LIMIT)


@lru_cache(maxsize=4096)
def limits_by_target(
    name: bytes, subcommand: bytes | None
) -> tuple[tuple[tuple[int, int], frozenset[str]], ...]:
    """Return the limits of `argument_limits` with the names of the targets that have them."""
    found: dict[tuple[int, int], set[str]] = {}
    for target in TARGETS:
        found.setdefault(argument_limits(name, subcommand, target), set()).add(target.name)
    return tuple((limits, frozenset(names)) for limits, names in found.items())


def wrong_arity(name: bytes, subcommand: bytes | None, count: int) -> frozenset[str]:
    """Return the names of the targets that know a command and stop at that many arguments."""
    groups = limits_by_target(name, subcommand)
    wrong = [names for (least, most), names in groups if not least <= count <= most]
    return frozenset().union(*wrong)


def is_short(name: bytes, subcommand: bytes | None, count: int) -> bool:
    """Tell whether a known command has fewer arguments than some target takes."""
    return any(count < least for (least, _), _ in limits_by_target(name, subcommand))


def has_no_room(name: bytes, subcommand: bytes | None, count: int) -> bool:
    """Tell whether a writing command has more arguments than any release takes: a later one may take them."""
    spec = _spec(name, subcommand if name in CONTAINERS else None)
    return spec is not None and spec.is_write and count > most_arguments(spec)


def takers(name: bytes, subcommand: bytes | None, count: int) -> frozenset[str]:
    """Return the names of the targets that run a command of that many arguments."""
    inner = subcommand if name in CONTAINERS else None
    spec = _spec(name, inner)
    if spec is None:
        return frozenset()
    return frozenset(
        target.name
        for target in TARGETS
        if target.name in spec.available_on and spec.arity_ok(count, target.name)
    )
