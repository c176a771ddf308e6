"""Choose the repair that nobody is asked about: the first of some that mends all and stays within a limit.

What a repair keeps in doubt, as commands whose database is only assumed, is never chosen: nobody is there to
look at it. Knows nothing of who asks: `aoftool guard`, the drop-in checker.
"""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.aof.model import Log
from aoftool.api.repairing import RepairPlan, planned_repair
from aoftool.dataclass import dataclass
from aoftool.errors import InputError, RefusedError
from aoftool.progress import Stage, silent_stage
from aoftool.repair.choice import Choice
from aoftool.repair.limit import LossLimit
from aoftool.units import counted

__all__ = ["Chosen", "repair_within"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The repair that was chosen, or why there is none.

    Attributes:
        plan: to be closed by whoever carries it out; None where none will do.
        over_limit: why the one that loses least was not taken, where it is only the limit; else empty.
        left: what none of them mends, one sentence each.
    """

    plan: RepairPlan | None = None
    over_limit: str = ""
    left: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Return in words why nothing was chosen."""
        return self.over_limit or "; ".join(self.left[:3]) or "nothing here repairs it"


def repair_within(
    log: Log, choices: Iterable[Choice], limit: LossLimit, stage: Stage = silent_stage
) -> Chosen:
    """Return the first repair in place that leaves nothing damaged, nothing in doubt, and loses no more.

    Args:
        choices: from the one that takes out least.

    Raises:
        UnsupportedError: the log cannot be repaired in place.
        SourceError: a file of the log cannot be read.
    """
    over: list[tuple[int, str]] = []
    left: list[str] = []
    for choice in choices:
        try:
            planned = planned_repair(log, choice, stage=stage)
        except (RefusedError, InputError) as error:
            if not choice.point_in_time:
                raise
            left.append(error.message)
            continue
        exceeded = limit.exceeded(planned.loss)
        doubts = _doubts(planned)
        if not doubts and exceeded is None:
            return Chosen(planned)
        if not doubts and exceeded is not None:
            over.append((planned.loss[0], exceeded))
        left += [text for text in doubts if text not in left]
        planned.close()
    return Chosen(None, min(over)[1] if over else "", tuple(left))


def _doubts(planned: RepairPlan) -> list[str]:
    """Return what a repair would not mend, and what it would keep or give up without being sure."""
    found = [text for _, text in planned.left] + planned.plan.doubts
    doubtful = planned.plan.statistics.commands_doubtful
    if doubtful:
        found.append(f"{counted(doubtful, 'command')} behind a gap would be kept in doubt")
    return found
