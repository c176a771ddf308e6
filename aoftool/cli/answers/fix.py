"""What `aoftool fix` answers: the plan, what was done, what a server said of it, and what to type next."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from aoftool.cli.console import line_console
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.cli.typed import typed_with, was_typed
from aoftool.files.remote.names import is_remote
from aoftool.next_step import next_step, parted, told

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.api.mending import Mended
    from aoftool.api.repairing import RepairPlan
    from aoftool.cli.requests.fix import FixRequest
    from aoftool.repair.model import Plan

__all__ = ["exit_code", "next_line", "show_done", "show_left", "show_plan"]

_NOTHING_HERE = "nothing here repairs what is left; a backup may have it"


def show_plan(plan: Plan, asked: FixRequest) -> None:
    """Show what would be done; in JSON that comes with what was done."""
    if not asked.as_json:
        from aoftool.report.plan import render_plan

        render_plan(line_console(asked.color), plan, in_place=asked.out is None)


def show_left(done: Mended, asked: FixRequest) -> None:
    """Say on stderr what is damaged in the result."""
    for code, text in () if asked.as_json else done.left:
        print(f"left: {text} [{code}]", file=sys.stderr)


def next_line(planned: RepairPlan, log: Log, asked: FixRequest, done: Mended) -> str | None:
    """Return what to type next: with more options, without --dry-run, to take it back; None for nothing.

    Args:
        asked: with the place that the result has on this machine.
    """
    plan, out = planned.plan, asked.out
    more = [option for option in plan.left_options if not was_typed(option)]
    if more:
        # What is repaired already need not be read again.
        if out is not None and not asked.dry_run:
            return next_step("fix", out, "--dry-run", *more)
        return typed_with(log.path, asked.path, *more, dry_run=True)
    if done.damaged and done.receipt is not None:
        return next_step("undo", done.receipt)
    if asked.dry_run and (out is not None or not plan.empty):
        # With JSON it cannot ask before it changes anything.
        told = [] if not asked.as_json or was_typed("--yes") else ["--yes"]
        is_packed = planned.log is not log
        return typed_with(log.path, asked.path, *(["-o OUT"] if is_packed and out is None else []), *told)
    return _NOTHING_HERE if plan.left else None


def show_done(plan: Plan, asked: FixRequest, done: Mended, line: str | None, homes: tuple[str, str]) -> None:
    """Show what was done.

    Args:
        line: what to type next.
        homes: the folder that the plan was made in, and that of the log, another one where that is copied.
    """
    from aoftool.report.plan import render_done

    kept = None if done.receipt is None else _room_of(done.receipt)
    if asked.as_json:
        _print_json(plan, done, kept, line, homes)
        return
    if not done.idle:
        receipt = None if done.receipt is None else {"directory": done.receipt, "kept_bytes": kept}
        render_done(line_console(asked.color), receipt, done.written)
    elif asked.dry_run and not (plan.empty and asked.out is None):
        print("nothing was changed")
    for words in told(line):
        print(words)
    if done.verified is not None:
        print(done.verified.text)


def exit_code(plan: Plan, *, dry_run: bool) -> int:
    """Return the exit code: whether there is something left to repair, or not judged."""
    if plan.left or (dry_run and not plan.empty):
        return VERDICT
    return NOT_JUDGED if plan.not_judged else DONE


def _print_json(plan: Plan, done: Mended, kept: int | None, line: str | None, homes: tuple[str, str]) -> None:
    from aoftool.report.jsonout import print_json
    from aoftool.report.plan import plan_json

    shown = plan_json(
        plan, applied=not done.idle, receipt=done.receipt, written=done.written, kept_bytes=kept
    )
    if is_remote(homes[1]):
        shown = _renamed(shown, *homes)
    verified = None if done.verified is None else done.verified.to_dict()
    print_json({**shown, **parted(line), "verification": verified})


def _renamed(found: Any, old: str, new: str) -> Any:
    """Return JSON members with another folder in every path."""
    if isinstance(found, dict):
        return {name: _renamed(member, old, new) for name, member in found.items()}
    if isinstance(found, list):
        return [_renamed(member, old, new) for member in found]
    return found.replace(old, new) if isinstance(found, str) and old else found


def _room_of(receipt: str) -> int:
    from aoftool.repair.forget import room_of

    return room_of(receipt)
