"""Shows a full check: a verdict a file, every finding with its remedies, and what each server would do."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from aoftool.check.model import FileReport, Finding, Outcome, Remedy, Report, ServerOutcome, Severity, Verdict
from aoftool.escape import shown_path
from aoftool.namedtuple import NamedTuple
from aoftool.next_step import told
from aoftool.releases import in_words
from aoftool.report.lines import Printer, folded, print_columns
from aoftool.units import counted, format_bytes, format_count

__all__ = [
    "NOT_MEASURED",
    "OutcomeRow",
    "findings_json",
    "outcome_rows",
    "place_text",
    "remedy_text",
    "render_findings",
    "write_findings_csv",
]

_STYLES = {
    Severity.DAMAGE: "bold red",
    Severity.NOT_JUDGED: "magenta",
    Severity.WARNING: "yellow",
    Severity.NOTE: "dim",
}
# More files than this are folded; so many of the first and of the last are shown then.
_MOST_FILES = 30
_ENDS = 4
# Where the text of a detail begins.
_DETAIL = 12
# Columns of a verdict, which a longer one widens for all files of a log.
_VERDICT = 15
_ORDER = (Severity.DAMAGE, Severity.NOT_JUDGED, Severity.WARNING, Severity.NOTE)
_OUTCOME_STYLES = {
    Outcome.LOAD: "green",
    Outcome.CUT: "yellow",
    Outcome.REFUSE: "bold red",
    Outcome.CRASH: "bold red",
    Outcome.UNSUPPORTED: "dim",
}


NOT_MEASURED = "* not every one of these was measured on a server: aoftool --version"


def render_findings(console: Printer, reports: Sequence[Report], *, top: int = 20) -> None:
    """Print verdicts, findings and outcomes of each log, then one line for all.

    Args:
        top: findings shown of one log; the rest is counted.
    """
    for number, report in enumerate(reports):
        if number:
            console.print()
        if len(reports) > 1:
            console.print(shown_path(report.path), style="bold")
        _render_files(console, report.files)
        _render_list(console, report, top)
        if report.outcomes:
            console.print()
            _render_outcomes(console, report)
        steps = told(report.next_step)
        if steps:
            console.print()
        for line in steps:
            console.print(line)
    if len(reports) > 1:
        bad = sum(not report.intact for report in reports)
        unknown = sum(report.intact and not report.judged for report in reports)
        console.print()
        console.print(f"{len(reports)} logs, {bad} damaged" + (f", {unknown} not judged" if unknown else ""))


def _render_files(console: Printer, files: Sequence[FileReport]) -> None:
    """Print a line for each file; of a great many only the first, the last and those with a verdict."""
    wrong = [row for row in files if row.verdict is not Verdict.OK]
    shown, left = files, 0
    if len(files) > _MOST_FILES:
        kept = {id(row) for row in (*files[:_ENDS], *wrong[: _MOST_FILES - 2 * _ENDS], *files[-_ENDS:])}
        shown = [row for row in files if id(row) in kept]
        left = len(files) - len(shown)
    wide = max([_VERDICT, *(len(row.verdict.value) for row in shown)])
    for row in shown:
        _render_verdict(console, row, wide)
    if left:
        bad = len(wrong) - sum(row.verdict is not Verdict.OK for row in shown)
        size = format_bytes(sum(row.size_bytes for row in files) - sum(row.size_bytes for row in shown))
        state = f"{counted(bad, 'of them is', 'of them are')} not ok" if bad else "all ok"
        console.print(f"and {counted(left, 'more file')}, {size}: {state}; --json has all")


def _render_verdict(console: Printer, row: FileReport, wide: int) -> None:
    ok = row.verdict is Verdict.OK
    line = f"{shown_path(row.path)}  {row.format}, {format_bytes(row.size_bytes)}"
    if row.commands:
        line += f", {_commands(row.commands)}"
    if not ok and row.good_end < row.size_bytes:
        line += f", good to offset {format_count(row.good_end)}"
    verdict = f"{row.verdict.value:<{wide}} "
    first, *more = folded(verdict + line, console.width, len(verdict))
    style = "magenta" if row.verdict is Verdict.NOT_JUDGED else "green" if ok else "bold red"
    beside = first[len(verdict) :]
    console.print(verdict if beside else verdict.rstrip(), style=style, end="")
    console.print(beside)
    for rest in more:
        console.print(rest)


def _render_list(console: Printer, report: Report, top: int) -> None:
    findings = sorted(report.findings, key=lambda finding: _ORDER.index(finding.severity))
    for finding in findings[:top]:
        console.print()
        severity = f"{finding.severity.value}: "
        head, *details = _finding_lines(finding)
        first, *more = folded(severity + head, console.width, len(severity))
        rest = first[len(severity) :]
        console.print(severity if rest else severity.rstrip(), style=_STYLES[finding.severity], end="")
        console.print(rest)
        for line in (*more, *(line for text in details for line in folded(text, console.width, _DETAIL))):
            console.print(line)
    left = len(findings) - top + sum(report.omitted.values())
    if left > 0:
        console.print()
        console.print(f"{counted(left, 'more finding')}: --json has all")


def _finding_lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.message} [{finding.code}]"
    yield f"  where     {place_text(finding)}"
    if finding.evidence:
        yield f"  found     {finding.evidence}"
    for number, remedy in enumerate(finding.remedies):
        yield f"  {'remedy' if number == 0 else 'or':<8}  {remedy_text(remedy, finding.evidence)}"


def place_text(finding: Finding) -> str:
    """Return where a finding is, in words."""
    place = shown_path(os.path.basename(finding.path.rstrip(os.sep))) or "the log"
    if finding.line is not None:
        return f"{place}, line {finding.line}"
    if finding.start is None:
        return place
    place += f", offset {format_count(finding.start)}"
    if finding.end is not None and finding.end > finding.start:
        place += f" to {format_count(finding.end)} ({format_bytes(finding.end - finding.start)})"
    if finding.command_index is not None:
        place += f", command {format_count(finding.command_index)}"
    return place


def _commands(count: int) -> str:
    return f"{format_count(count) if count else 'no'} {'command' if count == 1 else 'commands'}"


def remedy_text(remedy: Remedy, evidence: str) -> str:
    """Return what can be done and its price, in words; what the evidence says is not said again."""
    if remedy.by_hand:
        return f"{remedy.action}: {remedy.text}"
    how = f"fix {remedy.option}".strip()
    loss = "loses nothing"
    if remedy.loses_commands is None:
        loss = f"loses {format_bytes(remedy.loses_bytes)}" if remedy.loses_bytes else "loss unknown"
    elif remedy.loses_bytes or remedy.loses_commands:
        loss = f"loses {format_bytes(remedy.loses_bytes)}, {_commands(remedy.loses_commands)}"
    words = f"{remedy.action} ({how}; {loss})"
    told = not remedy.text or remedy.text in words or remedy.text == evidence
    return words if told else f"{words}: {remedy.text}"


def _render_outcomes(console: Printer, report: Report) -> None:
    rows = list(outcome_rows(report))
    cells = [([row.servers, row.would, row.why], row.style) for row in rows]
    print_columns(console, ("server", "would", "and"), cells)
    if any(not row.is_measured for row in rows):
        for line in folded(NOT_MEASURED, console.width, 2):
            console.print(line, style="dim")


class OutcomeRow(NamedTuple):
    """What some servers that do the same would do: their names, starred where not all were measured."""

    servers: str
    would: str
    why: str
    outcome: Outcome
    style: str
    is_measured: bool


def outcome_rows(report: Report) -> Iterator[OutcomeRow]:
    """Yield what servers would do, a row for neighbours that do the same."""
    said: dict[tuple[str, str], str] = {}
    for group in _alike(report.outcomes):
        # What was measured speaks for its neighbours.
        first = next((row for row in group if row.is_measured), group[0])
        would, why = _outcome(first), _why(first)
        # The same long sentence again and again hides the one server that differs.
        # A row is named by the release that its name begins with.
        earlier = said.setdefault((would, why), group[0].target)
        shown = why if earlier == group[0].target or not why else f"as {earlier}"
        is_measured = all(row.is_measured for row in group)
        name = in_words([row.target for row in group]) + ("" if is_measured else "*")
        yield OutcomeRow(name, would, shown, first.outcome, _style(first), is_measured)


def _alike(outcomes: Iterable[ServerOutcome]) -> list[list[ServerOutcome]]:
    """Return neighbours of one family that do the same, together."""
    groups: list[list[ServerOutcome]] = []
    for row in outcomes:
        last = groups[-1][0] if groups else None
        family = row.target.partition("-")[0]
        same = last is not None and _does(last) == _does(row)
        if last is not None and same and last.target.startswith(family):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _does(row: ServerOutcome) -> tuple[object, ...]:
    """Return what is shown of an outcome, but for whether it was measured."""
    why = "" if row.outcome is Outcome.CUT else _last_telling_line(row.told.split("\n"))
    return _outcome(row), row.cut_to, why, row.notes


def _starts_empty(row: ServerOutcome) -> bool:
    return row.outcome is Outcome.LOAD and any("starts empty" in note for note in row.notes)


def _style(row: ServerOutcome) -> str:
    return "bold red" if _starts_empty(row) else _OUTCOME_STYLES[row.outcome]


def _outcome(row: ServerOutcome) -> str:
    if _starts_empty(row):
        return "start empty"
    return "not read this layout" if row.outcome is Outcome.UNSUPPORTED else row.outcome.value


def _why(row: ServerOutcome) -> str:
    parts: list[str] = []
    if row.cut_to is not None:
        parts.append(f"cut {shown_path(os.path.basename(row.path))} to {counted(row.cut_to, 'byte')}")
    if row.message and row.outcome is not Outcome.CUT:
        parts.append(_said(row))
    parts += row.notes
    return "; ".join(parts)


def _said(row: ServerOutcome) -> str:
    """Return why a server ends: in its own words, marked as such, only where they were measured."""
    text = _last_telling_line(row.told.split("\n"))
    # Between the two the server names a line of its source.
    text = text.removeprefix("Internal error in RDB reading offset 0 -> ")
    if not row.is_quoted:
        return text
    return f'says "{text}"' if row.is_measured else f'may say "{text}"'


def _last_telling_line(lines: Iterable[str]) -> str:
    kept = [line.strip() for line in lines if not line.startswith(("***", "!!!", "Reading the manifest"))]
    if len(kept) > 1 and kept[-1].endswith("AOF loading aborted"):
        kept.pop()  # the line before says why
    return kept[-1] if kept else ""


def write_findings_csv(reports: Iterable[Report], stream: TextIO) -> None:
    """Write one row a finding."""
    columns = (
        "log",
        "file",
        "severity",
        "code",
        "start",
        "end",
        "command_index",
        "line",
        "message",
        "evidence",
    )
    from aoftool.report.csvout import CsvRows

    rows = CsvRows(stream, columns)
    for report in reports:
        for found in report.findings:
            places = (found.start, found.end, found.command_index, found.line)
            head = (shown_path(report.path), shown_path(found.path), found.severity.value, found.code)
            rows.add((*head, *places, found.message, found.evidence))


def findings_json(reports: Sequence[Report]) -> dict[str, Any]:
    """Return all reports as one JSON object."""
    return {
        "schema": "aoftool.check/1",
        "intact": all(report.intact for report in reports),
        "judged": all(report.judged for report in reports),
        "logs": [report.to_dict() for report in reports],
    }
