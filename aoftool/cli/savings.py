"""Ask the rewrite what it would drop, for verbs that only want to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.errors import AoftoolError

if TYPE_CHECKING:
    from aoftool.analysis.contents_model import Savings
    from aoftool.analysis.dead import DeadBytes
    from aoftool.aof.model import Log
    from aoftool.progress import Progress

__all__ = ["AUTOMATIC_BYTES", "find_savings"]

AUTOMATIC_BYTES = 128 << 20
"""Logs up to this size are looked through for dead commands without being asked: it takes half a second."""


def find_savings(log: Log, progress: Progress) -> tuple[Savings, DeadBytes | None]:
    """Return what a rewrite would leave, and dead bytes by key; the plan is that of `rewrite --dry-run`."""
    from aoftool.analysis.contents_model import Savings
    from aoftool.analysis.dead import dead_bytes
    from aoftool.rewrite.model import RewriteOptions
    from aoftool.rewrite.planner import plan_rewrite

    try:
        with plan_rewrite(log, RewriteOptions(), progress) as plan:
            summary = plan.summary
            causes: dict[str, int] = {}
            for row in summary.tail.dead:
                causes[row.cause] = causes.get(row.cause, 0) + row.size_bytes
            found = Savings(
                live_bytes=summary.tail.live_bytes,
                dead_bytes=summary.tail.dead_bytes,
                base_bytes=summary.base.size_bytes,
                base_dead_bytes=summary.base.dead_bytes,
                estimate_bytes=summary.estimate_bytes,
                upper_bound=summary.upper_bound,
                causes=sorted(causes.items(), key=lambda item: (-item[1], item[0])),
            )
            return found, dead_bytes(plan.trace)
    except AoftoolError as error:
        return Savings(reason=f"not known: {error.message}"), None
