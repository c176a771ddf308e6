"""Plans for framing that loaders let pass and servers never write: damaged line ends behind payloads."""

from __future__ import annotations

from aoftool.check.exam import FileExam
from aoftool.check.heal import heal_terminator
from aoftool.check.reader import Reader
from aoftool.check.shapes import read_shape
from aoftool.files.source import Source
from aoftool.repair.draft import Draft
from aoftool.resp.batch import BatchReader
from aoftool.resp.model import Leniency

__all__ = ["plan_lenient"]

_KINDS = (Leniency.TERMINATOR, Leniency.ZERO_TERMINATOR)
_MOST = 10_000


def plan_lenient(exam: FileExam, source: Source, draft: Draft) -> None:
    """Put damaged line ends right; the length in front of each tells exactly where they stand."""
    if exam.tail is None:
        return
    reader = Reader(source, exam.size_bytes)
    for stretch in exam.tail.stretches:
        count = sum(seen.count for kind, seen in stretch.tally.leniencies.items() if kind in _KINDS)
        if not count:
            continue
        if count > _MOST:
            draft.left.append(("bad-terminator", f"{count:,} arguments end in something else than CRLF"))
            continue
        for batch in BatchReader(source, start=stretch.start, end=stretch.end):
            for row in batch.lenient.nonzero()[0]:
                _one(reader, int(batch.offset[row]), draft)


def _one(reader: Reader, start: int, draft: Draft) -> None:
    if read_shape(reader, start) is not None:
        return
    patch = heal_terminator(reader, start)
    if patch is not None:
        reason = "the line end behind an argument was damaged"
        draft.put(patch.start, patch.end, patch.data, "bad-terminator", reason)
