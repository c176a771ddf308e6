"""Which commands deserve a look, told from their names and numbers of arguments alone.

What a tally counts is enough to clear a healthy log; the places are found by `aoftool.check.census`.
"""

from __future__ import annotations

from dataclasses import dataclass

from aoftool.check.dissection import Stretch
from aoftool.check.exam_model import SpotKind
from aoftool.check.targets import TARGETS
from aoftool.check.vocabulary import unknown_to, wrong_arity
from aoftool.commands.table import CONTAINERS, lookup

__all__ = ["Suspicion", "count_suspects", "holds_restores", "needs_look", "suspect"]

_HURT: dict[bytes, frozenset[str]] = {}
for _target in TARGETS:
    for _name, _detail in _target.kills:
        _HURT[_name] = _HURT.get(_name, frozenset()) | {_target.name}


@dataclass(frozen=True)
class Suspicion:
    """What is questionable about every command of one name, and its limits of arguments."""

    kind: str | None
    targets: frozenset[str]
    least: int
    most: int


_NO_LIMIT = 1 << 62


def suspect(name: bytes, subcommand: bytes | None) -> Suspicion:
    missing = frozenset(target.name for target in unknown_to(name))
    if missing:
        return Suspicion(SpotKind.UNKNOWN, missing, 0, _NO_LIMIT)
    if name in CONTAINERS and subcommand is not None:
        lacking = frozenset(target.name for target in unknown_to(name, subcommand))
        if lacking:
            return Suspicion(SpotKind.SUBCOMMAND, lacking, 0, _NO_LIMIT)
    spec = lookup(name, subcommand) if name in CONTAINERS and subcommand is not None else lookup(name)
    least, most = 0, _NO_LIMIT
    if spec is not None:
        least, most = (spec.arity, spec.arity) if spec.arity > 0 else (-spec.arity, _NO_LIMIT)
    hurt = _HURT.get(name)
    return Suspicion(SpotKind.HURTFUL if hurt else None, hurt or frozenset(), least, most)


def _arity_proved(stretch: Stretch) -> bool:
    """Tell whether the tally itself shows that all numbers of arguments are right."""
    return not any(
        wrong_arity(key.name, key.subcommand, argc)
        for key, row in stretch.tally.rows.items()
        for argc in (row.least_argc, row.most_argc)
    )


def needs_look(stretch: Stretch) -> bool:
    """Tell whether a stretch holds anything questionable, or may."""
    if any(suspect(key.name, key.subcommand).kind for key in stretch.tally.rows):
        return True
    return stretch.tally.capped or not _arity_proved(stretch)


def count_suspects(stretch: Stretch) -> int | None:
    """Return how many questionable commands a stretch holds, None where the tally does not tell."""
    if stretch.tally.capped or not _arity_proved(stretch):
        return None
    rows = stretch.tally.rows.items()
    return sum(row.commands for key, row in rows if suspect(key.name, key.subcommand).kind)


def holds_restores(stretch: Stretch) -> bool:
    """Tell whether a stretch holds commands with a DUMP payload, or may."""
    return stretch.tally.capped or any(
        key.name in (b"RESTORE", b"RESTORE-ASKING") or (key.name, key.subcommand) == (b"FUNCTION", b"RESTORE")
        for key in stretch.tally.rows
    )
