"""What a check finds damaged that a plan does nothing about, each with the option that would.

A repair that leaves damage says so, in the words of the check. Knows findings and what a plan changes;
plans nothing itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from aoftool.check.checker import report_of
from aoftool.check.exam_model import LogExam
from aoftool.check.model import Finding, Severity
from aoftool.escape import printable
from aoftool.repair.model import FilePlan, Method
from aoftool.units import and_more

__all__ = ["remaining"]

Left = tuple[str, str, str]
Cut = tuple[str, int, frozenset[str]]


def remaining(exam: LogExam, files: Iterable[FilePlan], cut: Cut | None) -> list[Left]:
    """Return code, sentence and option of every damage that stays, one of each code in a file.

    Args:
        files: what is planned.
        cut: path and offset behind which everything goes, and the files that follow; None for no cut.
    """
    plans = {file.path: file for file in files}
    found: dict[tuple[str, str], list[Finding]] = {}
    for finding in report_of(exam, ()).findings:
        if finding.severity is Severity.DAMAGE and not _goes(finding, cut) and not _is_mended(finding, plans):
            found.setdefault((finding.path, finding.code), []).append(finding)
    return [(code, _sentence(group), _option(group[0])) for (_, code), group in found.items()]


def _goes(finding: Finding, cut: Cut | None) -> bool:
    """Tell whether damage lies behind a cut, and so goes with what is cut."""
    if cut is None:
        return False
    path, offset, behind = cut
    return finding.path in behind or (finding.path == path and (finding.start or 0) >= offset)


def _is_mended(finding: Finding, plans: Mapping[str, FilePlan]) -> bool:
    """Tell whether a plan does something at the place of a finding."""
    file = plans.get(finding.path)
    if finding.line is not None or file is None or finding.start is None:
        # Of layout and manifest: what is wrong with them is put right by a new manifest, or a new file.
        return file is not None or (finding.start is None and _writes_manifest(plans.values()))
    if file.method is Method.REMOVE or file.transform or file.contents is not None:
        return True
    if file.rebuild is not None and finding.start < file.rebuild.end:
        return True
    end = finding.start if finding.end is None else finding.end
    return any(edit.start <= end and finding.start <= edit.end for edit in file.edits)


def _writes_manifest(plans: Iterable[FilePlan]) -> bool:
    return any(file.contents is not None for file in plans)


def _sentence(group: list[Finding]) -> str:
    first = group[0]
    place = printable(os.fsencode(os.path.basename(first.path.rstrip(os.sep))))
    if first.start is not None:
        place += f", offset {first.start:,}"
    more = and_more(len(group) - 1, ", ")
    return f"{first.message} ({place}{more}); {_what_would(first)}"


def _option(finding: Finding) -> str:
    return next((r.option for r in finding.remedies if r.option and not r.by_hand), "")


def _what_would(finding: Finding) -> str:
    options = {r.option: r.action for r in reversed(finding.remedies) if r.option and not r.by_hand}
    if not options:
        by_hand = next((remedy for remedy in finding.remedies if remedy.by_hand), None)
        return "nothing here repairs it" if by_hand is None else f"{by_hand.action}: {by_hand.text}"
    return " or ".join(f"{option} would {action}" for option, action in reversed(options.items()))
