"""What is to be said of a place where another verb could not read on: what `check` says of it.

One place, one number of a command, one code and one next line, whoever met the damage. Costs a check of
the log, and only where there is damage.
"""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.aof.model import Log, LogKind
from aoftool.check.checker import check
from aoftool.check.model import Finding, Level, Report, Severity
from aoftool.dataclass import dataclass
from aoftool.errors import InputError
from aoftool.escape import shown_base
from aoftool.next_step import next_step
from aoftool.progress import Progress, no_progress

__all__ = ["Diagnosis", "diagnose", "finding_at"]

_TOLD = frozenset({Severity.DAMAGE, Severity.NOT_JUDGED})


@dataclass(frozen=True)
class Diagnosis:
    """Damage, or what nothing here knows, in words.

    Attributes:
        file: name of the file, printable.
        offset: where it begins in that file; None where it has no place.
        command_index: number of the first command concerned, counted from 0 in that file; None when unknown.
        message, code: as `check` has them.
        next: what to type next.
        judged: it is damage, and not merely unknown.
        refuted: a check finds nothing wrong there: servers do not read it, or it was still to come.
    """

    file: str
    offset: int | None
    command_index: int | None
    message: str
    code: str
    next: str
    judged: bool = True
    refuted: bool = False

    @property
    def text(self) -> str:
        """One line: where, and what is wrong there."""
        place = f"{self.file} is damaged" if self.judged else f"{self.file} is not judged"
        if self.offset is not None:
            place += f" at offset {self.offset:,}"
        if self.command_index is not None:
            place += f", command {self.command_index:,}"
        return f"{place}: {self.message}" + (f" [{self.code}]" if self.code else "")


def diagnose(log: Log, file: str, offset: int, reason: str, progress: Progress = no_progress) -> Diagnosis:
    """Return what is to be said of a place at which reading ended.

    Args:
        file: name of the file, printable.
        offset: where the reader gave up, somewhere in the damage.
        reason: the reader's word for it; for standard input, which is gone, it has to do.
        progress: told of bytes done.
    """
    if log.kind is not LogKind.STDIN:
        report = _report(log, progress)
        finding = None if report is None else finding_at(report.findings, file, offset)
        if report is not None and finding is not None:
            judged = finding.severity is not Severity.NOT_JUDGED
            line = report.next_step or next_step("check", log.path)
            place = finding.start
            return Diagnosis(file, place, finding.command_index, finding.message, finding.code, line, judged)
        if report is not None and report.intact:
            line = next_step("check", log.path)
            return Diagnosis(file, offset, None, reason, "", line, judged=report.judged, refuted=True)
    return Diagnosis(file, offset, None, reason, "", next_step("check", log.path))


def _report(log: Log, progress: Progress) -> Report | None:
    try:
        return check(log, Level.FULL, (), progress)
    except InputError:
        return None


def finding_at(findings: Iterable[Finding], file: str, offset: int) -> Finding | None:
    """Return the finding that a reader met at an offset: the last one that begins at or before it.

    Args:
        file: name of the file, printable, without its directory.
    """
    here = [finding for finding in findings if finding.severity in _TOLD and shown_base(finding.path) == file]
    before = [finding for finding in here if (finding.start or 0) <= offset]
    if before:
        return max(before, key=lambda finding: finding.start or 0)
    return here[0] if here else None
