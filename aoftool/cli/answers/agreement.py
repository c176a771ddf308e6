"""The plan of a repair is shown, agreed to, and carried out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.api.mending import Mended, judge_of, mend, refuse_loss
from aoftool.cli.answers.fix import show_left, show_plan
from aoftool.cli.progress import stages
from aoftool.errors import RefusedError

if TYPE_CHECKING:
    from aoftool.api.repairing import RepairPlan
    from aoftool.cli.requests.fix import FixRequest
    from aoftool.repair.limit import LossLimit
    from aoftool.servers.finding import FoundServer

__all__ = ["carried_out"]


def carried_out(
    planned: RepairPlan, asked: FixRequest, limit: LossLimit | None, line: str
) -> tuple[FoundServer | None, Mended]:
    """Show the plan, ask, and carry it out; return who is to judge what became of it, and that.

    Args:
        line: what to type where nobody can be asked.

    Raises:
        RefusedError: it loses more than may be lost, or nobody agreed.
        as `aoftool.api.mending.judge_of` and `aoftool.api.mending.mend`.
    """
    plan = planned.plan
    show_plan(plan, asked)
    # Before anything is changed: there may be no server that may judge this log.
    loads = asked.verify and not (asked.dry_run and not plan.empty)
    judge = judge_of(planned.log, asked.server) if loads else None
    if asked.dry_run or (plan.empty and asked.out is None):
        return judge, Mended(idle=True)
    refuse_loss(plan, limit)
    if not asked.yes:
        _ask(asked.as_json, line)
    done = mend(
        planned,
        asked.out,
        force=asked.force,
        in_use=asked.in_use,
        new_owner=asked.new_owner,
        stage=stages(asked),
    )
    show_left(done, asked)
    return judge, done


def _ask(as_json: bool, line: str) -> None:
    """Let the user say whether the plan that was shown is to be carried out.

    Args:
        line: what to type where nobody can be asked.

    Raises:
        RefusedError: the answer is no, or nobody is there to give one.
    """
    if as_json or not sys.stdin.isatty():
        raise RefusedError(
            "nothing was changed: this asks first, and nobody can answer here",
            hint=line,
        )
    print("Carry this out? [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline().strip().lower()
    except KeyboardInterrupt:
        from aoftool.cli.interrupted import ToldInterruption

        print("\naoftool: not carried out; nothing was changed", file=sys.stderr)
        raise ToldInterruption from None
    if answer not in ("y", "yes"):
        raise RefusedError("not carried out; nothing was changed")
