"""New contents of a file, written as a plan says and read back to be sure."""

from __future__ import annotations

import os
from collections.abc import Iterator

from aoftool.check.stream.textual import restore
from aoftool.check.stream.window import Reader
from aoftool.dataclass import dataclass, replace
from aoftool.errors import PlanStaleError
from aoftool.escape import shown_path
from aoftool.files.access import Access
from aoftool.files.failures import naming, reading
from aoftool.files.folder import Folder
from aoftool.files.held import held_file
from aoftool.files.proven import Span, write_proven
from aoftool.files.sink import AtomicFile
from aoftool.files.source import open_source
from aoftool.files.syscalls import READS, SYSTEM, SystemCalls
from aoftool.next_step import again
from aoftool.progress import Progress, no_progress
from aoftool.repair.model import FilePlan, Stamp
from aoftool.repair.rebuilding import rebuilt_pieces

__all__ = ["Place", "open_original", "planned_pieces", "write_planned"]


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


@dataclass(frozen=True)
class Place:
    """Where a file goes, and who may read it.

    Attributes:
        path: of the file.
        folder: its directory, where that is open already.
        home: the directory of the original, where that is open already; no link is followed then.
        force: replace what is there.
        access: for a file that has no original.
        keep_owner: refuse where the owner of the original cannot be kept.
    """

    path: str
    folder: Folder | None = None
    home: Folder | None = None
    force: bool = False
    access: Access | None = None
    keep_owner: bool = False


def write_planned(
    plan: FilePlan, place: Place, calls: SystemCalls = SYSTEM, *, progress: Progress = no_progress
) -> Stamp:
    """Write a file's new contents to a place, sync it, and read it back.

    Mode, owner and times of the original are carried over.

    Raises:
        ReadFailedError: the original cannot be read.
        SinkError: the system refuses.
        PlanStaleError: the original is another one by now.
        RefusedError: the owner is not to be had.
        VerifyError: it did not read back as planned; it is removed.
    """
    source = -1 if plan.stamp is None else open_original(plan, place.home)
    try:
        with AtomicFile(
            place.path,
            folder=place.folder,
            like=None if source < 0 else os.fstat(source),
            access=place.access,
            keep_owner=place.keep_owner,
            calls=calls,
            force=place.force,
        ) as out:
            # What is read as a whole is read through the descriptor too, whatever the path leads to by now.
            read = plan if source < 0 else replace(plan, path=f"/dev/fd/{source}")
            pieces = (
                piece if isinstance(piece, bytes) else Span(source, *piece, plan.path)
                for piece in planned_pieces(read)
            )
            with naming(read.path, plan.path):
                write_proven(out, pieces, calls=calls, progress=progress)
            out.commit()
            assert out.status is not None
            return Stamp.of(out.status)
    finally:
        if source >= 0:
            os.close(source)


def open_original(plan: FilePlan, home: Folder | None) -> int:
    """Open the file that a plan was made for, and no other; elsewhere one that is held, as it was opened.

    Raises:
        PlanStaleError: it is another one by now.
        SourceError: the system refuses.
        ReadFailedError: the disk or the network fails.
    """
    held = None
    if home is not None:
        descriptor = home.open_file(os.path.basename(plan.path))
    elif (held := held_file(plan.path)) is not None:
        descriptor = os.dup(held.descriptor)
    else:
        with reading(plan.path):
            descriptor = READS.open(plan.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if Stamp.of(os.fstat(descriptor) if held is None else held.status) != plan.stamp:
        os.close(descriptor)
        shown = shown_path(plan.path)
        message = f"{shown} changed after the plan was made"
        raise PlanStaleError(message, path=plan.path, hint=again())
    return descriptor
