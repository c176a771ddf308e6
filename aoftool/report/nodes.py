"""Shows the checks of the logs that were found in one folder, such as the nodes of a cluster: a line each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aoftool.check.model import Report, Severity, Verdict
from aoftool.errors import AoftoolError
from aoftool.escape import printable
from aoftool.next_step import next_step, told
from aoftool.report.lines import Printer, folded
from aoftool.units import and_more, counted, format_bytes

__all__ = ["render_nodes"]

_VERDICT = 16


def render_nodes(console: Printer, reports: Sequence[Report], errors: Sequence[AoftoolError]) -> None:
    """Print one line for each log, what is wrong first with those that are not in order, then the sum."""
    for report in reports:
        style = "green" if report.intact and report.judged else "magenta" if report.intact else "bold red"
        _print(console, report.verdict.value, _line(report), style)
        for line in _wrong(report):
            _print(console, "", line)
    for error in errors:
        _print(console, Verdict.READ_ERROR.value, error.message, "bold red")
        for line in told(error.hint):
            _print(console, "", line)
    bad = sum(not report.intact for report in reports)
    unknown = sum(report.intact and not report.judged for report in reports)
    parts = [counted(len(reports) + len(errors), "log"), f"{bad} damaged"]
    parts += [f"{unknown} not judged"] if unknown else []
    parts += [f"{len(errors)} not read"] if errors else []
    console.print()
    console.print(", ".join(parts))


def _line(report: Report) -> str:
    size = format_bytes(sum(row.size_bytes for row in report.files))
    commands = counted(sum(row.commands for row in report.files), "command")
    line = f"{printable(report.path.encode('utf-8', 'surrogateescape'))}  "
    line += f"{counted(len(report.files), 'file')}, {size}, {commands}"
    warnings = sum(finding.severity is Severity.WARNING for finding in report.findings)
    return line + (f", {counted(warnings, 'warning')}" if warnings else "")


def _wrong(report: Report) -> Iterable[str]:
    """Yield the first damage of a log, and what to type to see all."""
    if report.intact and report.judged:
        return
    wanted = Severity.NOT_JUDGED if report.intact else Severity.DAMAGE
    found = [finding for finding in report.findings if finding.severity is wanted]
    more = and_more(len(found) - 1, ", ")
    if found:
        yield f"{found[0].message} [{found[0].code}]{more}"
    yield from told(next_step("check", report.path))


def _print(console: Printer, verdict: str, line: str, style: str = "") -> None:
    # A verdict as wide as the column keeps a blank behind it.
    head = f"{verdict:<{_VERDICT - 1}} "
    first, *more = folded(head + line, console.width, len(head))
    console.print(head, style=style, end="")
    console.print(first[len(head) :])
    for rest in more:
        console.print(rest)
