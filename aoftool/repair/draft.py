"""The plan of one file in the making: edits by offset, and what they keep and take.

Edits of several planners may meet: one may lie inside what another takes out. The draft settles that
and gives a list that is ascending and does not overlap.
"""

from __future__ import annotations

from aoftool.dataclass import dataclass, field, replace
from aoftool.errors import PlanStaleError
from aoftool.escape import shown_path
from aoftool.files.held import status_of
from aoftool.next_step import again
from aoftool.repair.model import Edit, EditKind, FilePlan, Method, Rebuild, Stamp

__all__ = ["Draft", "stamp_of"]

_TAKES = (EditKind.CUT, EditKind.DROP)


def stamp_of(path: str) -> Stamp:
    """Return how a file looks that is read under a path: one that is held as it was opened, others now.

    Raises:
        PlanStaleError: it is gone.
    """
    try:
        return Stamp.of(status_of(path))
    except FileNotFoundError as error:
        shown = shown_path(path)
        raise PlanStaleError(f"{shown} is gone since the log was found", path=path, hint=again()) from error


@dataclass
class Draft:
    """What is planned for one file so far.

    Attributes:
        path: the file.
        size_bytes: as it was examined.
        edits: in any order.
        transform: repair of the whole text, empty for none.
        left: what stays wrong: code and sentence.
        not_judged: sentences of what stays because nothing here knows it.
        rebuild: how the RDB part is written as commands, None when it stays as it is.
        is_given_up: nothing of the file can be kept, and the log goes on without it.
    """

    path: str
    size_bytes: int
    edits: list[Edit] = field(default_factory=list)
    transform: str = ""
    left: list[tuple[str, str]] = field(default_factory=list)
    not_judged: list[str] = field(default_factory=list)
    rebuild: Rebuild | None = None
    is_given_up: bool = False

    def add(self, edit: Edit) -> None:
        """Take an edit in."""
        self.edits.append(edit)

    def drop(
        self, start: int, end: int, code: str, reason: str, commands: int = 0, lossless: bool = False
    ) -> None:
        """Take a span out."""
        kind = EditKind.CUT if end >= self.size_bytes else EditKind.DROP
        if end > start:
            self.add(Edit(kind, start, end, b"", code, reason, commands, lossless))

    def insert(self, at: int, data: bytes, code: str, reason: str) -> None:
        """Put bytes in."""
        self.add(Edit(EditKind.INSERT, at, at, data, code, reason, lossless=True))

    def put(self, start: int, end: int, data: bytes, code: str, reason: str) -> None:
        """Replace a span."""
        self.add(Edit(EditKind.REPLACE, start, end, data, code, reason, lossless=True))

    def replace_lossy(self, start: int, end: int, data: bytes, code: str, reason: str) -> None:
        """Replace a span by bytes that do not mean the same."""
        self.add(Edit(EditKind.REPLACE, start, end, data, code, reason))

    def settled(self) -> tuple[Edit, ...]:
        """Return the edits ascending and without overlap; what lies in a taken span goes with it."""
        taken = _merged([edit for edit in self.edits if edit.kind in _TAKES])
        rest = [
            edit
            for edit in self.edits
            if edit.kind not in _TAKES and not any(_covers(span, edit) for span in taken)
        ]
        # At one offset an insertion comes before what is taken or replaced there, unless it is the
        # SELECT behind a gap, which starts where the gap ends anyway.
        order = sorted(taken + rest, key=lambda edit: (edit.start, edit.end))
        return tuple(order)

    def plan(self) -> FilePlan | None:
        """Return the file's plan, None when nothing is to be done."""
        edits = self.settled()
        if not edits and not self.transform and self.rebuild is None:
            return None
        anew = self.transform or self.rebuild is not None
        only_cut = not anew and len(edits) == 1 and edits[0].kind is EditKind.CUT
        method = Method.CUT if only_cut else Method.REWRITE
        stamp = stamp_of(self.path)
        return FilePlan(self.path, method, stamp, edits, transform=self.transform, rebuild=self.rebuild)


def _covers(span: Edit, edit: Edit) -> bool:
    if edit.start == edit.end:
        if span.kind is EditKind.CUT:
            return span.start < edit.start
        return span.start < edit.start < span.end or (
            edit.start == span.start and edit.code != "reselect" and edit.end < span.end
        )
    return span.start <= edit.start and edit.end <= span.end


def _merged(edits: list[Edit]) -> list[Edit]:
    """Join spans that overlap; spans that only touch stay apart, each with its reason."""
    result: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if result and edit.start < result[-1].end:
            last = result[-1]
            if edit.end <= last.end:
                continue
            kind = EditKind.CUT if EditKind.CUT in (edit.kind, last.kind) else EditKind.DROP
            reason = last.reason if last.reason == edit.reason else f"{last.reason}; {edit.reason}"
            result[-1] = replace(
                last,
                kind=kind,
                end=edit.end,
                reason=reason,
                commands=last.commands + edit.commands,
                lossless=last.lossless and edit.lossless,
            )
        else:
            result.append(edit)
    return _joined_cut(result)


def _joined_cut(edits: list[Edit]) -> list[Edit]:
    """Join spans that touch at the end of the file into one cut."""
    while len(edits) > 1 and edits[-1].kind is EditKind.CUT and edits[-2].end == edits[-1].start:
        tail, before = edits.pop(), edits.pop()
        reason = before.reason if before.reason == tail.reason else f"{before.reason}; {tail.reason}"
        edits.append(
            replace(
                tail,
                start=before.start,
                code=before.code,
                reason=reason,
                commands=before.commands + tail.commands,
                lossless=before.lossless and tail.lossless,
            )
        )
    return edits
