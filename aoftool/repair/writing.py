"""New contents of a file, written as a plan says and read back to be sure."""

from __future__ import annotations

import os
from collections.abc import Iterator

from aoftool.check.reader import Reader
from aoftool.check.textual import restore
from aoftool.files.proven import Span, write_proven
from aoftool.files.sink import AtomicFile
from aoftool.files.source import open_source
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.progress import Progress, no_progress
from aoftool.repair.model import FilePlan, Stamp
from aoftool.repair.rebuilding import rebuilt_pieces

__all__ = ["planned_pieces", "write_planned"]


def planned_pieces(plan: FilePlan) -> Iterator[bytes | tuple[int, int]]:
    """Yield the new contents: bytes as they are, spans of the original as (start, end)."""
    if plan.contents is not None:
        yield plan.contents
        return
    if plan.transform:
        yield from _restored(plan)
        return
    size = 0 if plan.stamp is None else plan.stamp.size_bytes
    at = 0
    if plan.rebuild is not None:
        yield from rebuilt_pieces(plan.path, plan.rebuild)
        at = plan.rebuild.end
    for edit in plan.edits:
        if edit.start < at and plan.rebuild is not None:
            # Names what the commands leave out; it may reach into what follows.
            at = max(at, edit.end)
            continue
        if edit.start > at:
            yield at, edit.start
        if edit.data:
            yield edit.data
        at = max(at, edit.end)
    if at < size:
        yield at, size


def _restored(plan: FilePlan) -> Iterator[bytes]:
    assert plan.stamp is not None
    with open_source(plan.path) as source:
        for piece in restore(Reader(source, plan.stamp.size_bytes), plan.transform):
            if piece.data is not None:
                yield piece.data


def write_planned(
    plan: FilePlan,
    path: str,
    calls: SystemCalls = SYSTEM,
    *,
    force: bool = False,
    progress: Progress = no_progress,
) -> Stamp:
    """Write a file's new contents under a path, sync it, and read it back.

    Mode, owner and times of the original are carried over.

    Raises:
        SinkError: the system refuses.
        VerifyError: it did not read back as planned; it is removed.
    """
    like = os.stat(plan.path) if plan.stamp is not None else None
    source = -1 if plan.stamp is None else os.open(plan.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with AtomicFile(path, like=like, calls=calls, force=force) as out:
            pieces = (
                piece if isinstance(piece, bytes) else Span(source, *piece) for piece in planned_pieces(plan)
            )
            write_proven(out, pieces, calls=calls, progress=progress)
            out.commit()
    finally:
        if source >= 0:
            os.close(source)
    status = os.stat(path)
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)
