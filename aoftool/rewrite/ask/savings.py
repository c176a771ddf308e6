"""Ask the rewrite what it would drop, for verbs that only want to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.errors import AoftoolError, ReadFailedError

if TYPE_CHECKING:
    from aoftool.analysis.inspect.contents_model import Savings
    from aoftool.analysis.inspect.dead import DeadBytes
    from aoftool.aof.model import Log
    from aoftool.aof.survey import Survey
    from aoftool.progress import Progress
    from aoftool.rewrite.planner import RewritePlan

__all__ = ["AUTOMATIC_BYTES", "find_savings"]

AUTOMATIC_BYTES = 128 << 20
"""Logs up to this size are looked through for dead commands without being asked: it takes half a second."""


def find_savings(
    log: Log, survey: Survey, progress: Progress, *, replay: bool = True
) -> tuple[Savings, DeadBytes | None]:
    """Return what a rewrite would leave, and dead bytes by key; the plan is that of `rewrite --dry-run`.

    Args:
        survey: the first reading of the log, beside which the result is shown: what a server has written
            since then does not count here either.
        replay: replay a sample, which the estimate takes; else only dead bytes are told.
    """
    from aoftool.analysis.inspect.contents_model import Savings
    from aoftool.analysis.inspect.dead import dead_bytes
    from aoftool.rewrite.ask.estimate import estimated
    from aoftool.rewrite.model import Cut, RewriteOptions, RewriteResult
    from aoftool.rewrite.planner import with_plan

    found: list[tuple[Savings, DeadBytes]] = []

    def look(plan: RewritePlan) -> RewriteResult:
        result = estimated(plan) if replay else RewriteResult(plan.summary)
        summary = result.summary
        causes: dict[str, int] = {}
        for row in summary.tail.dead:
            causes[row.cause] = causes.get(row.cause, 0) + row.size_bytes
        savings = Savings(
            live_bytes=summary.tail.live_bytes,
            dead_bytes=summary.tail.dead_bytes,
            base_bytes=summary.base.size_bytes,
            base_dead_bytes=summary.base.dead_bytes,
            estimate_bytes=summary.estimate_bytes or 0,
            upper_bound=summary.upper_bound,
            causes=sorted(causes.items(), key=lambda item: (-item[1], item[0])),
        )
        if not replay:
            reason = "not looked for: commands that go over whole values take long to replay; --savings does"
            savings = Savings(reason=reason)
        found.append((savings, dead_bytes(plan.trace)))
        return result

    try:
        options = RewriteOptions(cut=Cut(to_offset=_end_of(survey)))
        with_plan(log, options, look, progress)
    except ReadFailedError:
        raise
    except AoftoolError as error:
        return Savings(reason=f"not known: {error.message}"), None
    return found[-1]


def _end_of(survey: Survey) -> tuple[int, int] | None:
    """Return the last file, counted from 0, and where it ended; None without commands, or with damage."""
    from aoftool.resp.model import Reason

    last = survey.files[-1] if survey.files else None
    if last is None or last.tail is None:
        return None
    stop = last.tail.stop
    return (len(survey.files) - 1, last.good_end) if stop is None or stop.reason is Reason.END else None
