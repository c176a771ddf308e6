"""Carry a planned repair out and look at what came of it; take it back where nobody could be told of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aoftool.api.machine import worker_count
from aoftool.api.repairing import RepairPlan
from aoftool.dataclass import dataclass, field
from aoftool.errors import RefusedError, VerifyError
from aoftool.progress import Progress, Stage, silent_stage
from aoftool.repair.model import Method, Plan

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.repair.limit import LossLimit
    from aoftool.servers.finding import FoundServer
    from aoftool.servers.load_log import Verified

__all__ = ["Mended", "judge_of", "mend", "new_bytes", "refuse_loss", "verify_mended"]


@dataclass
class Mended:
    """What became of a plan.

    Attributes:
        idle: nothing was to be done.
        receipt: the folder of it; None where nothing was changed in place.
        written: the files that were written elsewhere.
        left: code and sentence of damage in the result that the plan does not tell.
        damaged: some of it is no consequence of the plan.
        verified: what a server said of the result.
    """

    idle: bool
    receipt: str | None = None
    written: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    damaged: bool = False
    verified: Verified | None = None


def refuse_loss(plan: Plan, limit: LossLimit | None) -> None:
    """Refuse a plan that loses more than may be lost.

    Raises:
        RefusedError: so it does.
    """
    exceeded = None if limit is None else limit.exceeded(plan.loss)
    if exceeded is not None:
        raise RefusedError(exceeded, hint="look at the plan with --dry-run")


def mend(
    planned: RepairPlan,
    out: str | None,
    *,
    force: bool = False,
    in_use: bool = False,
    new_owner: bool = False,
    stage: Stage = silent_stage,
) -> Mended:
    """Do what is planned, and look at what came of it; what is damaged in it is left by the plan too.

    Args:
        out: the place it was planned for; None for the log itself.
        force, in_use, new_owner: as `RepairPlan.write` and `RepairPlan.apply` have them.
        stage: gives the progress of a stage of the work.

    Raises:
        as `RepairPlan.write` and `RepairPlan.apply`.
    """
    plan, done = planned.plan, Mended(idle=False)
    size = new_bytes(plan)
    with stage("writing", size) as progress:
        if out is not None:
            done.written = planned.write(force=force, progress=progress)
        else:
            done.receipt = planned.apply(in_use=in_use, new_owner=new_owner, progress=progress).directory
    with _taken_back(done), stage("checking", size) as progress:
        done.left = _damage_left(plan, out, progress)
    plan.left += done.left
    # Who goes on without a base has none.
    foretold = {"no-base"} if plan.goes_without else set[str]()
    done.damaged = any(code not in foretold for code, _ in done.left)
    return done


def new_bytes(plan: Plan) -> int:
    """Return the size of the files that a plan writes anew."""
    anew = (Method.REWRITE, Method.CREATE)
    return sum(file.size_after for file in plan.files if file.method in anew)


def judge_of(log: Log, given: str | None) -> FoundServer:
    """Return the server that may say whether a repaired log loads.

    Args:
        log: before the repair.
        given: the program that was named.

    Raises:
        MissingExtraError, RefusedError, UnsupportedError: there is none.
    """
    from aoftool.servers.load_log import judge_of

    return judge_of(log, given)


def verify_mended(judge: FoundServer, path: str, done: Mended) -> None:
    """Load what there is now on a server; what was done is taken back when it does not load.

    Raises:
        VerifyError: the server refuses it, cuts it, or comes up with other numbers of keys.
        RefusedError: the numbers are others, and the server is known to load logs of the writer otherwise.
    """
    from aoftool.servers.load_log import verify_log

    with _taken_back(done):
        done.verified = verify_log(path, judge)


def _damage_left(plan: Plan, out: str | None, progress: Progress) -> list[tuple[str, str]]:
    """Return what is damaged in the result that the plan does not say.

    Of a mere cut it says everything, unless nothing is left of a file.
    """
    from aoftool.check.result import damage_left

    if out is None and all(file.method is Method.CUT and file.size_after for file in plan.files):
        return []
    told = {code for code, _ in plan.left}
    left = damage_left(out or plan.path, progress, worker_count())
    return [(code, text) for code, text in left if code not in told]


@contextmanager
def _taken_back(done: Mended) -> Iterator[None]:
    """Take back what was done where looking at it fails, or is interrupted: nobody was told of it."""
    try:
        yield
    except BaseException as error:
        from aoftool.repair.undo import take_back

        words = take_back(done.receipt, done.written)
        if isinstance(error, VerifyError | RefusedError):
            error.hint = words or error.hint
        raise
