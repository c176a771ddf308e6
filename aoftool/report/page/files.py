"""The files as strips, drawn to scale: their parts, damage, what a repair would keep; and the bytes."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.analysis.inspect.model import FileRow
from aoftool.api.postmortem.model import Explained, Postmortem
from aoftool.check.model import Finding, Severity
from aoftool.escape import shown_base
from aoftool.next_step import is_line
from aoftool.repair.model import Plan
from aoftool.report.findings import place_text, remedy_text
from aoftool.report.hexview import hex_lines
from aoftool.report.page.cells import code, count, made_table, size, text
from aoftool.report.page.model import Block, Hex, Lines, Section, Segment, Strip, Strips, Tone, Words
from aoftool.units import counted, format_bytes

__all__ = ["files"]

_STRIPS = 30
_FINDINGS = 40
_SEGMENTS = 60
_HEX_LINES = 40
_HEX_WIDTH = 110


def files(found: Postmortem) -> Section:
    """Return the section."""
    blocks: list[Block] = [_strips(found), *_findings(found), *_repair(found)]
    blocks += [_hex(item) for item in found.explained]
    return Section("files", "The files", blocks)


def _strips(found: Postmortem) -> Strips:
    rows = found.overview.files
    strips = [
        Strip(row.name, row.size_bytes, tuple(_segments(row, found)), tuple(_repaired(row, found.plan)))
        for row in rows[:_STRIPS]
    ]
    fields = (
        ("name", "file", lambda row: code(row.name)),
        ("role", "role", lambda row: text(row.role)),
        ("format", "format", lambda row: text(row.format)),
        ("size_bytes", "bytes", lambda row: size(row.size_bytes)),
        ("commands", "commands", lambda row: count(row.commands)),
        ("good_end", "good to", lambda row: count(row.good_end)),
    )
    table = made_table("files-table", "The files in load order", fields, rows, most=_STRIPS)
    marked = sum(row.count for row in found.overview.commands if row.kind == "annotation")
    description = (
        f"{counted(len(rows), 'file')} on one scale, {format_bytes(found.overview.size_bytes)} in all,"
        f" with {counted(marked, 'annotation')} (#TS)."
    )
    damages = (
        [] if found.report is None else [f for f in found.report.findings if f.severity is Severity.DAMAGE]
    )
    description += f" {counted(len(damages), 'damage')}." if damages else " Nothing is damaged."
    return Strips("strips", "The files, drawn to scale", description, strips, table)


def _segments(row: FileRow, found: Postmortem) -> Iterator[Segment]:
    rdb = next((part.size_bytes for part in found.overview.rdb_parts if part.file == row.name), 0)
    rdb = min(rdb, row.size_bytes)
    if rdb:
        yield Segment("rdb", 0, rdb, f"RDB part, {format_bytes(rdb)}")
    good = max(row.good_end, rdb)
    if good > rdb:
        yield Segment(
            "commands", rdb, good, f"{counted(row.commands, 'command')}, {format_bytes(good - rdb)}"
        )
    if row.size_bytes > good:
        yield Segment(
            "unread", good, row.size_bytes, f"behind the first damage, {format_bytes(row.size_bytes - good)}"
        )
    for finding in _damages(row.name, found)[:_SEGMENTS]:
        start = finding.start or 0
        end = max(finding.end or start, start)
        yield Segment("damage", min(start, row.size_bytes), min(end, row.size_bytes), finding.message)


def _damages(file: str, found: Postmortem) -> list[Finding]:
    if found.report is None:
        return []
    return [
        f
        for f in found.report.findings
        if f.severity is Severity.DAMAGE
        and f.start is not None
        and f.line is None
        and shown_base(f.path) == file
    ]


def _repaired(row: FileRow, plan: Plan | None) -> Iterator[Segment]:
    for file in () if plan is None else plan.files:
        if shown_base(file.path) != row.name or file.stamp is None:
            continue
        if not file.edits:
            yield Segment(
                "kept" if file.method.value == "rewrite" else "aside", 0, row.size_bytes, file.reason
            )
            continue
        for start, end in list(file.kept())[:_SEGMENTS]:
            yield Segment("kept", start, end, f"kept, {format_bytes(end - start)}")
        for edit in file.edits[:_SEGMENTS]:
            if edit.taken_bytes:
                yield Segment(
                    "aside",
                    edit.start,
                    edit.end,
                    f"set aside, {counted(edit.taken_bytes, 'byte')}: {edit.reason}",
                )


def _findings(found: Postmortem) -> Iterator[Block]:
    report = found.report
    if report is None:
        return
    order = list(Severity)
    rows = sorted(report.findings, key=lambda finding: order.index(finding.severity))
    if not rows:
        yield Words("A full check has no findings.", Tone.GOOD)
        return
    fields = (
        ("severity", "severity", lambda row: text(row.severity.value)),
        ("message", "finding", lambda row: text(row.message)),
        ("code", "code", lambda row: code(row.code)),
        ("place", "where", lambda row: text(place_text(row))),
        ("evidence", "found", lambda row: code(row.evidence)),
        (
            "remedies",
            "what can be done",
            lambda row: text("; or ".join(remedy_text(r, row.evidence) for r in row.remedies)),
        ),
    )
    omitted = sum(report.omitted.values())
    yield made_table("findings", "Findings of a full check", fields, rows, most=_FINDINGS, left_out=omitted)


def _repair(found: Postmortem) -> Iterator[Block]:
    plan = found.plan
    if plan is None:
        return
    facts = [(key, value) for key, value in plan.statistics.to_dict().items() if value]
    fields = (
        ("what", "what", lambda pair: text(pair[0].replace("_", " "))),
        ("count", "how many", lambda pair: count(pair[1])),
    )
    if facts:
        yield made_table("repair", "What a repair would keep, set aside and add", fields, facts)
    for _, sentence in plan.left[:10]:
        yield Words(f"Not mended by it: {sentence}", Tone.WARN)
    if found.report is not None and found.report.next_step is not None:
        yield from _step(found.report.next_step)


def _step(step: str) -> Iterator[Block]:
    if is_line(step):
        yield Lines("To see the plan; nothing is changed by it", (step,))
    else:
        yield Words(f"{step[:1].upper()}{step[1:]}.", Tone.WARN)


def _hex(item: Explained) -> Hex:
    lines = [line for line, _ in hex_lines(item.explanation, _HEX_WIDTH)]
    heading = f"{item.finding.message} [{item.finding.code}]"
    return Hex(heading, tuple(lines[:_HEX_LINES]), max(len(lines) - _HEX_LINES, 0))
