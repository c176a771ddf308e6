"""Shows what a check found: a verdict line for each file, then the findings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from aoftool.check.model import FileReport, Finding, Report, Severity, Verdict
from aoftool.escape import printable
from aoftool.units import format_bytes, format_count

__all__ = ["checks_json", "render_checks"]

_STYLES = {Severity.DAMAGE: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def render_checks(console: Console, reports: Sequence[Report]) -> None:
    """Print the verdicts and the findings of each log."""
    for report in reports:
        for row in report.files:
            console.print(_verdict_line(row))
        for finding in _worth_showing(report.findings):
            console.print(_finding_line(finding))
    if len(reports) > 1:
        bad = sum(not report.intact for report in reports)
        console.print(f"{len(reports)} logs, {bad} damaged")


def _shown(path: str) -> str:
    return printable(os.fsencode(path))


def _verdict_line(row: FileReport) -> Text:
    ok = row.verdict is Verdict.OK
    line = Text()
    line.append(f"{row.verdict.value:<16}", style="green" if ok else "bold red")
    line.append(f"{_shown(row.path)}  {row.format}, {format_bytes(row.size_bytes)}")
    if row.commands:
        line.append(f", {format_count(row.commands)} commands")
    if not ok:
        line.append(f", good to offset {format_count(row.good_end)}")
    return line


def _worth_showing(findings: Iterable[Finding]) -> list[Finding]:
    order = (Severity.DAMAGE, Severity.WARNING, Severity.NOTE)
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def _finding_line(finding: Finding) -> Text:
    place = _shown(os.path.basename(finding.path))
    if finding.line is not None:
        place += f" line {finding.line}"
    elif finding.start is not None:
        place += f" at offset {format_count(finding.start)}"
    line = Text("  ")
    line.append(f"{finding.severity.value}: ", style=_STYLES[finding.severity])
    line.append(f"{finding.message} [{finding.code}], {place}")
    return line


def checks_json(reports: Sequence[Report]) -> dict[str, Any]:
    """Return all reports as one JSON object."""
    return {
        "schema": "aoftool.check/1",
        "intact": all(report.intact for report in reports),
        "logs": [report.to_dict() for report in reports],
    }
