"""Which commands deserve a look, told from their names and numbers of arguments alone.

What a tally counts is enough to clear a healthy log; the places are found by `aoftool.check.questionable`.
"""

from __future__ import annotations

from functools import lru_cache

from aoftool.check.exam_model import SpotKind
from aoftool.check.loaders.targets import TARGETS
from aoftool.check.stream.wounds import Stretch
from aoftool.check.vocabulary import limits_by_target, unknown_to, wrong_arity
from aoftool.commands.payloads import carries_payload
from aoftool.commands.table import CONTAINERS
from aoftool.dataclass import dataclass
from aoftool.resp.model import TailTally

__all__ = [
    "Suspicion",
    "count_suspects",
    "holds_restores",
    "loads_libraries",
    "may_hurt",
    "needs_look",
    "objections",
    "suspect",
]

_HURT = frozenset(kill.name for target in TARGETS for kill in target.kills)
_ALL = frozenset(target.name for target in TARGETS)
_COUNTING = frozenset(target.name for target in TARGETS if target.counts_arguments)


@dataclass(frozen=True)
class Suspicion:
    """What is questionable about the commands of one name.

    Attributes:
        always: kinds of `SpotKind` with the targets they may concern, whatever the number of arguments.
        least, most: numbers of arguments that no target objects to.
    """

    always: tuple[tuple[str, frozenset[str]], ...]
    least: int
    most: int


@lru_cache(maxsize=4096)
def suspect(name: bytes, subcommand: bytes | None) -> Suspicion:
    """Return what is questionable about all commands of a name, and what their arguments may add."""
    missing = frozenset(target.name for target in unknown_to(name))
    found = [(SpotKind.UNKNOWN, missing)]
    if name in CONTAINERS and subcommand is not None:
        lacking = frozenset(target.name for target in unknown_to(name, subcommand))
        found.append((SpotKind.SUBCOMMAND, lacking - missing))
    found.append((SpotKind.HURTFUL, _ALL - missing if name in _HURT else frozenset()))
    limits = [limits for limits, _ in limits_by_target(name, subcommand)]
    return Suspicion(
        tuple((kind, targets) for kind, targets in found if targets),
        max(least for least, _ in limits),
        min(most for _, most in limits),
    )


@lru_cache(maxsize=4096)
def objections(
    name: bytes, subcommand: bytes | None, argc: int, inside: bool = False
) -> tuple[tuple[str, frozenset[str]], ...]:
    """Return the kinds of `SpotKind` a command is of, with the targets each concerns.

    Args:
        inside: it stands in a transaction.
    """
    always = suspect(name, subcommand).always
    wrong = wrong_arity(name, subcommand, argc)
    hurt = {target.name for target in TARGETS if target.kill_of(name, subcommand, argc, inside)}
    found = [
        (kind, (targets & hurt) - (wrong & _COUNTING) if kind == SpotKind.HURTFUL else targets)
        for kind, targets in always
    ]
    return tuple((kind, targets) for kind, targets in ((SpotKind.ARITY, wrong), *found) if targets)


def _arity_proved(stretch: Stretch) -> bool:
    """Tell whether the tally itself shows that all numbers of arguments are right."""
    return not any(
        wrong_arity(key.name, key.subcommand, argc)
        for key, row in stretch.tally.rows.items()
        for argc in (row.least_argc, row.most_argc)
    )


def needs_look(stretch: Stretch) -> bool:
    """Tell whether a stretch holds anything questionable, or may."""
    if any(suspect(key.name, key.subcommand).always for key in stretch.tally.rows):
        return True
    return stretch.tally.capped or not _arity_proved(stretch)


def count_suspects(stretch: Stretch) -> int | None:
    """Return how many questionable commands a stretch holds, None where the tally does not tell."""
    if stretch.tally.capped or not _arity_proved(stretch):
        return None
    rows = stretch.tally.rows.items()
    return sum(row.commands for key, row in rows if suspect(key.name, key.subcommand).always)


def holds_restores(tally: TailTally) -> bool:
    """Tell whether a stretch of commands holds some with a DUMP payload, or may."""
    return tally.capped or any(carries_payload(key.name, key.subcommand) for key in tally.rows)


def loads_libraries(tally: TailTally) -> bool:
    """Tell whether a stretch of commands loads function libraries, or may."""
    return tally.capped or any(key.name == b"FUNCTION" and key.subcommand == b"LOAD" for key in tally.rows)


def may_hurt(tally: TailTally) -> bool:
    """Tell whether some server may not outlive a command of a stretch, VADD with CAS among them."""
    return any(key.name in _HURT or key.name == b"VADD" for key in tally.rows)
