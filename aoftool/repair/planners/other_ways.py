"""What another choice would keep of what a plan takes out, said with the plan.

Counts what is planned, and takes a plan back that loses what a salvage keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aoftool.escape import shown_base
from aoftool.next_step import quoted
from aoftool.repair.choice import AfterGap, Choice
from aoftool.repair.draft import Draft
from aoftool.repair.model import Plan
from aoftool.units import counted, format_bytes

__all__ = ["leave_to_salvage", "more_by_assuming", "more_by_dropping"]

_CODE = "after-gap"


def more_by_assuming(drafts: Iterable[Draft], choice: Choice) -> Iterator[str]:
    """Yield what would be kept if the database behind a gap were taken for the one before it."""
    if choice.after_gap is AfterGap.ASSUME:
        return
    edits = [edit for draft in drafts for edit in draft.edits if edit.code == _CODE]
    commands, size = sum(edit.commands for edit in edits), sum(edit.taken_bytes for edit in edits)
    if size:
        more = counted(commands, "command") if commands else format_bytes(size)
        yield f"--after-gap assume keeps {more} more, in the database before the gap, which may be another"


def more_by_dropping(path: str, offset: int, commands: int, choice: Choice) -> Iterator[str]:
    """Yield what would be kept if the one command were taken out, and not all that follows it.

    Args:
        path, offset: of the command in front of which the log is cut.
        commands: that are cut, this one with them.
    """
    if choice.before is None or commands < 2:
        return
    place = quoted(shown_base(path))
    yield (
        f"--drop {place}:{offset} in place of --before takes out this command alone, and keeps"
        f" {counted(commands - 1, 'command')} behind it"
    )


def leave_to_salvage(plan: Plan, salvaged: Plan) -> None:
    """Plan nothing where a salvage keeps commands that this takes out, for it leaves damage as it is."""
    lost, less = plan.loss[1], salvaged.loss[1]
    if less >= lost:
        return
    code = next(edit.code for _, edit in plan.edits() if edit.commands and not edit.lossless)
    loses = f"{less} of them" if less else "none of them"
    words = f"without --salvage {counted(lost, 'command')} would go; it loses {loses}"
    plan.files, plan.left_options = [], ("--salvage",)
    plan.left.insert(0, (code, words))
    kept = plan.statistics
    kept.bytes_kept += kept.bytes_set_aside
    kept.commands_kept += kept.commands_set_aside
    kept.bytes_set_aside = kept.bytes_added = kept.commands_set_aside = 0
