"""The lost-and-found file: every byte that a repair takes out, with an index that says whence.

Bytes stand there one span after the other, as they were. The index is JSON lines: file, offset, length,
place in the lost-and-found file, and why.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack

from aoftool.dataclass import dataclass
from aoftool.files.access import Access
from aoftool.files.folder import Folder
from aoftool.files.proven import Span, write_proven
from aoftool.files.sink import AtomicFile, write_atomically
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.repair.model import FilePlan, Plan
from aoftool.repair.writing import open_original

__all__ = ["BYTES_NAME", "INDEX_NAME", "LostSpan", "collect_lost", "lost_spans", "write_lost"]

BYTES_NAME = "lost-and-found.bin"
INDEX_NAME = "lost-and-found.jsonl"


@dataclass(frozen=True)
class LostSpan:
    """One span that a repair takes out.

    Attributes:
        path: the file it stood in.
        offset, length: where.
        place: where it stands in the lost-and-found file.
        code, reason: why it went.
        commands: whole commands in it.
    """

    path: str
    offset: int
    length: int
    place: int
    code: str
    reason: str
    commands: int

    def to_line(self) -> bytes:
        """Return the index line."""
        members = dict(vars(self))
        members["path"] = os.path.basename(self.path)
        return json.dumps(members).encode("utf-8", "surrogateescape") + b"\n"


def lost_spans(plan: Plan) -> list[LostSpan]:
    """Return what a plan takes out, in the order of the lost-and-found file."""
    spans: list[LostSpan] = []
    place = 0
    for file, edit in plan.edits():
        if edit.taken_bytes:
            spans.append(
                LostSpan(
                    file.path, edit.start, edit.taken_bytes, place, edit.code, edit.reason, edit.commands
                )
            )
            place += edit.taken_bytes
    return spans


def collect_lost(plan: Plan, file: FilePlan) -> tuple[int, int] | None:
    """Return place and length of the tail that a cut takes off a file."""
    for span in lost_spans(plan):
        if span.path == file.path and span.offset == file.cut_at:
            return span.place, span.length
    return None


def write_lost(
    plan: Plan,
    folder: Folder,
    access: Access,
    calls: SystemCalls = SYSTEM,
    *,
    home: Folder | None = None,
) -> list[LostSpan]:
    """Copy everything a plan takes out into an open directory, sync it, and read it back.

    Args:
        access: who may read it.
        home: the directory of the log, where that is open already.

    Raises:
        ReadFailedError: it cannot be read.
        SinkError, VerifyError: it cannot be written whole.
    """
    spans = lost_spans(plan)
    if not spans:
        return spans
    files = {file.path: file for file in plan.files}
    with ExitStack() as opened:
        descriptors: dict[str, int] = {}
        for path in dict.fromkeys(span.path for span in spans):
            descriptors[path] = open_original(files[path], home)
            opened.callback(os.close, descriptors[path])
        out = opened.enter_context(
            AtomicFile(folder.join(BYTES_NAME), folder=folder, access=access, calls=calls)
        )
        pieces = (
            Span(descriptors[span.path], span.offset, span.offset + span.length, span.path) for span in spans
        )
        write_proven(out, pieces, calls=calls)
        out.commit()
    lines = (span.to_line() for span in spans)
    write_atomically(folder.join(INDEX_NAME), lines, folder=folder, access=access, calls=calls)
    return spans
