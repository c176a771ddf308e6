"""All rules, in the order they are judged: causes before what they explain."""

from __future__ import annotations

from aoftool.advise.rule import Rule
from aoftool.advise.rules import (
    clients,
    commands,
    disk,
    expiry,
    forks,
    machine,
    memory,
    policy,
    rewriting,
    settings,
    syncing,
)

__all__ = ["CODES", "RULES"]

# Judged when it is known that syncs are slow.
_LATE = ("disk-limited",)
_DISK = tuple(rule for rule in disk.RULES if rule.code not in _LATE)

RULES: tuple[Rule, ...] = (
    *_DISK,
    *machine.RULES,
    *memory.RULES,
    *syncing.RULES,
    *policy.RULES,
    *(rule for rule in disk.RULES if rule.code in _LATE),
    *rewriting.RULES,
    *forks.RULES,
    *commands.RULES,
    *expiry.RULES,
    *clients.RULES,
    *settings.RULES,
)
"""Every rule once."""

CODES = tuple(rule.code for rule in RULES)
"""Their codes."""
