"""What is said of a file that is not, after a reading, what it was before it."""

from __future__ import annotations

from aoftool.check.model import Finding, Remedy
from aoftool.files.changes import OF_A_LIVE_LOG, PACKED_DAMAGE, ChangeKind, SourceChange

__all__ = ["finding_of_change"]


def finding_of_change(path: str, change: SourceChange) -> Finding:
    """Return a note on what a server does to a sound log, and damage for anything else."""
    if change.kind is ChangeKind.SUPERSEDED:
        code = "file-replaced"
    elif change.kind in OF_A_LIVE_LOG:
        code = "file-growing"
    else:
        code = "read-changed"
    remedies: tuple[Remedy, ...] = ()
    if change.kind in PACKED_DAMAGE:
        remedies = (Remedy("write what can be unpacked to a new file", "-o OUT", 0, None),)
    return Finding.of(code, path, change.message, change.offset, change.offset, remedies=remedies)
