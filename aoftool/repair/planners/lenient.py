"""Plans for framing that loaders let pass and servers never write.

A damaged line end behind a payload is put right always: the length in front of it tells exactly where
it stands. Other departures load as they are; a salvage writes them in the usual form.
"""

from __future__ import annotations

from aoftool.check.exam_model import FileExam
from aoftool.check.stream.lenience import usual_forms
from aoftool.check.stream.window import Reader
from aoftool.files.source import Source
from aoftool.repair.choice import Choice
from aoftool.repair.draft import Draft
from aoftool.resp.model import Leniency
from aoftool.units import counted

__all__ = ["plan_lenient"]

_ALWAYS = frozenset({Leniency.TERMINATOR})
_SALVAGED = frozenset(Leniency) - {Leniency.LONG_ANNOTATION}
_MOST = 10_000


def plan_lenient(exam: FileExam, source: Source, draft: Draft, choice: Choice) -> None:
    """Plan to write a file's lenient commands in the form that servers write."""
    if exam.tail is None:
        return
    kinds = _SALVAGED if choice.salvage else _ALWAYS
    reader = Reader(source, exam.size_bytes)
    for stretch in exam.tail.stretches:
        found = {kind for kind in stretch.tally.leniencies if kind in kinds}
        if not found:
            continue
        count = sum(stretch.tally.leniencies[kind].count for kind in found)
        if count > _MOST:
            draft.left.append(
                (
                    "lenient-header",
                    f"{counted(count, 'command is', 'commands are')} not in the form servers write",
                )
            )
            continue
        for form in usual_forms(source, reader, stretch):
            if not (form.is_certain or choice.salvage):
                continue
            if form.data is None:
                draft.drop(form.start, form.end, form.code, form.reason, 1)
            else:
                draft.put(form.start, form.end, form.data, form.code, form.reason)
