"""What is said of a file that is not, after a reading, what it was before it."""

from __future__ import annotations

from aoftool.check.model import Finding, Severity
from aoftool.files.changes import OF_A_LIVE_LOG, ChangeKind, SourceChange

__all__ = ["finding_of_change"]


def finding_of_change(path: str, change: SourceChange) -> Finding:
    """Return a note on what a server does to a sound log, and damage for anything else."""
    if change.kind is ChangeKind.SUPERSEDED:
        code, severity = "file-replaced", Severity.NOTE
    elif change.kind in OF_A_LIVE_LOG:
        code, severity = "file-growing", Severity.NOTE
    else:
        code, severity = "read-changed", Severity.DAMAGE
    return Finding(code, severity, path, change.message, change.offset, change.offset)
