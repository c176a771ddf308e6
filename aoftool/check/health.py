"""From findings to the one line that `inspect` shows."""

from __future__ import annotations

from aoftool.check.health_model import Health
from aoftool.check.model import Finding, Level, Report, Severity, Verdict, verdict_of
from aoftool.escape import shown_base
from aoftool.next_step import next_step

__all__ = ["health_of"]

_MAX_NOTES = 5


def health_of(report: Report) -> Health:
    """Return the health of a checked log: its first damage, or that it is intact."""
    notes = [f.message for f in report.findings if f.severity is Severity.WARNING]
    damage = [f for f in report.findings if f.severity is Severity.DAMAGE]
    unknown = [f for f in report.findings if f.severity is Severity.NOT_JUDGED]
    if not damage and unknown:
        return _not_judged(unknown, notes, report)
    notes = [f.message for f in unknown] + notes
    if not damage:
        return Health(Verdict.OK, "intact", notes=_bounded(notes))
    health = _of_damage(damage[0], report)
    health.notes = _bounded([f.message for f in damage[1:]] + notes)
    return health


def _not_judged(unknown: list[Finding], notes: list[str], report: Report) -> Health:
    """Return the health of a log in good order that holds what nothing here knows."""
    first = unknown[0]
    health = Health(
        Verdict.NOT_JUDGED,
        f"not judged: {first.message}",
        file=shown_base(first.path),
        offset=first.start,
        next_command=next_step("check", report.path),
    )
    health.notes = _bounded([f.message for f in unknown[1:]] + notes)
    return health


def _bounded(notes: list[str]) -> list[str]:
    if len(notes) <= _MAX_NOTES:
        return notes
    return [*notes[: _MAX_NOTES - 1], f"{len(notes) - _MAX_NOTES + 1} more: aoftool check shows all"]


def _of_damage(finding: Finding, report: Report) -> Health:
    row = next((row for row in report.files if row.path == finding.path), None)
    behind = None
    if row is not None and finding.start is not None:
        behind = max(row.size_bytes - finding.start, 0)
    verdict = verdict_of(finding.code)
    return Health(
        verdict=verdict,
        message=f"{verdict.value}: {finding.message}",
        file=shown_base(finding.path),
        offset=finding.start,
        bytes_behind=behind,
        commands_behind=_commands_behind(finding, report),
        next_command=report.next_step or next_step("check", report.path),
    )


def _commands_behind(finding: Finding, report: Report) -> int | None:
    """Return the whole commands found behind the damage: what plain truncation would throw away."""
    row = next((row for row in report.files if row.path == finding.path), None)
    if row is None or finding.command_index is None or report.level is Level.QUICK:
        return None
    return max(row.commands - finding.command_index, 0)
