"""What was just written, examined as `check` examines a log, before anybody is told that it is done.

Knows which reports forbid to leave a result in place; refuses to know how the result came about.
"""

from __future__ import annotations

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.loaders.targets import TARGETS, Target, targets_named
from aoftool.check.model import NO_MODULE, Finding, Level, Outcome, Report, ServerOutcome, Severity
from aoftool.databases import DEFAULT_DATABASES
from aoftool.errors import UsageError, VerifyError
from aoftool.escape import shown_base
from aoftool.progress import Progress, no_progress

__all__ = ["damage_left", "examine_result", "refuse_damaged"]

_MODULE_COMMAND = "unknown-module-command"
_NO_LOAD = frozenset({Outcome.CUT, Outcome.REFUSE, Outcome.CRASH})


def examine_result(
    path: str,
    target: str | None = None,
    databases: int = DEFAULT_DATABASES,
    progress: Progress = no_progress,
    workers: int = 1,
) -> Report:
    """Return the report on a log that was written, as full as the one that `check` gives by default.

    Args:
        target: the release, or major version, that is to load it; None for no forecast.
        databases: the `databases` setting of that server.
    """
    targets = () if target is None else _targets(target)
    return check(find_log(path), Level.FULL, targets, progress, workers, databases)


def _targets(name: str) -> tuple[Target, ...]:
    try:
        # A server gives its name in words: `Valkey 9.1.2`.
        wanted = targets_named(name.lower().replace(" ", "-"))
    except UsageError:
        # One that is newer than any known here.
        return ()
    return tuple(row for row in TARGETS if row in wanted)


def refuse_damaged(
    path: str,
    target: str,
    databases: int = DEFAULT_DATABASES,
    *,
    shown: str | None = None,
    hint: str | None = None,
) -> Report:
    """Refuse a result that is damaged, or that its target does not load.

    What nothing here knows, and what a server loads only with a module, is no reason.

    Args:
        shown: the path to name, where what was written has a temporary one.
        hint: what to type next.

    Raises:
        VerifyError: it is damaged. Whoever wrote it removes it.
    """
    report = examine_result(path, target, databases)
    name = path if shown is None else shown
    damage = _damage_in(report)
    if damage is not None:
        message = f"the result would be damaged: {damage.message} [{damage.code}]; it was removed"
        raise VerifyError(message, path=name, hint=hint)
    refused = _does_not_load(report)
    if refused is not None:
        words = _reason(refused)
        message = f"{refused.target} would {refused.outcome.value} the result: {words}; it was removed"
        raise VerifyError(message, path=name, hint=hint)
    return report


def _damage_in(report: Report) -> Finding | None:
    """Return the first damage of a result, None for none."""
    return next((finding for finding in report.findings if finding.severity is Severity.DAMAGE), None)


def damage_left(path: str, progress: Progress = no_progress, workers: int = 1) -> list[tuple[str, str]]:
    """Return code and sentence of what is still damaged in a log that was written, one of each code."""
    found: dict[str, str] = {}
    for finding in examine_result(path, progress=progress, workers=workers).findings:
        if finding.severity is Severity.DAMAGE:
            place = shown_base(finding.path)
            at = "" if finding.start is None else f", offset {finding.start:,}"
            found.setdefault(finding.code, f"in what was written: {finding.message} ({place}{at})")
    return list(found.items())


def _does_not_load(report: Report) -> ServerOutcome | None:
    """Return the first release that does not load it, None where all do or it holds what is not known."""
    if not report.judged or any(finding.code == _MODULE_COMMAND for finding in report.findings):
        return None
    refused = (row for row in report.outcomes if row.outcome in _NO_LOAD)
    return next((row for row in refused if NO_MODULE not in row.message), None)


def _reason(row: ServerOutcome) -> str:
    lines = [line for line in row.message.split("\n") if line.strip() and not line.startswith(("***", "!!!"))]
    said = lines[-1] if lines else ", ".join(row.notes)
    place = shown_base(row.path)
    return f"{said} ({place})" if place else said
