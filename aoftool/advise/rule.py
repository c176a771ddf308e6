"""What a rule is, and how its inputs are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aoftool.advise.model import Finding
from aoftool.advise.situation import Situation
from aoftool.advise.standstills import Standstill
from aoftool.captures.model import Kind
from aoftool.dataclass import dataclass

__all__ = ["TWICE", "Answer", "Case", "Need", "Rule", "Unknown", "missing_inputs"]

TWICE = "INFO twice"
"""Two replies of INFO of one run, five seconds apart."""
Need = Kind | str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A rule could not be judged though its inputs are there, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule looks at: the situation, the standstills, and what rules before it found."""

    situation: Situation
    standstills: tuple[Standstill, ...]
    found: Mapping[str, Finding]


Answer = Finding | Unknown | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        subject: what is fine where no rule of it found anything.
        needs: any of these sets of inputs is enough.
        when: the condition, in words.
        guard: what keeps it from being raised for nothing.
        judge: the condition.
    """

    code: str
    subject: str
    needs: tuple[tuple[Need, ...], ...]
    when: str
    judge: Callable[[Case], Answer]
    guard: str = ""


def has(situation: Situation, need: Need) -> bool:
    """Tell whether an input is there."""
    if isinstance(need, Kind):
        return situation.has(need)
    if need == TWICE:
        return situation.first is not None
    return need in situation.captured.kernel


def missing_inputs(situation: Situation, rule: Rule) -> tuple[str, ...]:
    """Return which inputs a rule waits for: of the set that lacks fewest; none where one set is whole."""
    lacks = [
        tuple(
            str(need.value) if isinstance(need, Kind) else need for need in needs if not has(situation, need)
        )
        for needs in rule.needs
    ]
    return min(lacks, key=len)
