"""How grave what is wrong with a set of files is: one answer for every level of a check."""

from __future__ import annotations

from aoftool.aof.layout import LayoutCode, LayoutProblem
from aoftool.aof.manifest import ManifestCode
from aoftool.aof.model import Log
from aoftool.check.model import Severity

__all__ = ["severity_of"]

_DAMAGE = frozenset(
    {
        LayoutCode.MANIFEST_MISSING,
        LayoutCode.MANIFEST_UNREADABLE,
        LayoutCode.MANIFEST_TOO_LARGE,
        LayoutCode.ALL_EMPTY,
        LayoutCode.NO_FILES_LISTED,
        LayoutCode.NO_BASE,
        LayoutCode.OTHER_GENERATION,
        LayoutCode.OTHER_GENERATION_PART,
        LayoutCode.MISSING_FILE,
        LayoutCode.UNSAFE_NAME,
        LayoutCode.NOT_A_FILE,
        LayoutCode.LISTED_TWICE,
        LayoutCode.EMPTY_BASE,
        LayoutCode.SEQ_GAP,
    }
)
_WARNINGS = frozenset(
    {
        LayoutCode.ORPHAN_FILE,
        LayoutCode.ORPHAN_NEXT,
        LayoutCode.STALE_TEMP,
        LayoutCode.OLD_STYLE_BESIDE,
        LayoutCode.MANIFEST_BESIDE,
    }
)


def severity_of(problem: LayoutProblem, log: Log) -> Severity | None:
    """Return how grave a problem of a log's layout is; None for what is not worth a word."""
    code = problem.code
    if isinstance(code, ManifestCode) or code in _DAMAGE:
        return Severity.DAMAGE
    if code is LayoutCode.LINK_OUT:
        return Severity.NOT_JUDGED
    if code is LayoutCode.EMPTY_INCR:
        # The file a server appends to is empty after every rewrite and every fresh start.
        last = log.last_file
        return None if last is not None and problem.path == last.path else Severity.DAMAGE
    return Severity.WARNING if code in _WARNINGS else Severity.NOTE
