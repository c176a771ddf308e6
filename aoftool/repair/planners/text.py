"""Plans for files that a program treated as text."""

from __future__ import annotations

from aoftool.check.exam_model import FileExam
from aoftool.check.stream.textual import KINDS
from aoftool.repair.choice import Choice
from aoftool.repair.draft import Draft

__all__ = ["plan_text"]


def plan_text(exam: FileExam, draft: Draft, choice: Choice) -> bool:
    """Plan to undo what a program did to a file as a whole; tell whether there was such a thing."""
    damage = exam.text
    if damage is None:
        return False
    what = KINDS[damage.kind]
    if not choice.salvage:
        draft.left.append((damage.kind, f"{what}; --salvage undoes it"))
        return True
    draft.transform = damage.kind
    for start, end in damage.lost:
        draft.drop(start, end, damage.kind, "a payload that can be read in more than one way", 1)
    return True
