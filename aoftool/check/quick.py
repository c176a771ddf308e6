"""Findings of one plain pass: the first damage of each file, from its structure alone.

What `inspect` needs for its line of health, and what lets a check of a healthy log end after one fast
pass. What stands behind the first damage, what could be kept of it, and what each server would do is
the business of the deeper levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from aoftool.aof.model import FileRole, LayoutCode
from aoftool.aof.survey import Content, FileSurvey, Survey
from aoftool.check.changed import finding_of_change
from aoftool.check.codes import CODES, Section, severity_of
from aoftool.check.detectors.resp import LENIENT_CODES
from aoftool.check.model import FileReport, Finding, Level, Remedy, Report, Severity, Verdict, verdict_of
from aoftool.check.suspicion import holds_restores, may_hurt
from aoftool.check.unknown import BEYOND, is_plausible
from aoftool.check.vocabulary import has_no_room, is_known, looks_like_module, takers
from aoftool.commands.modules import engine_of_form
from aoftool.commands.table import lookup
from aoftool.escape import excerpt
from aoftool.files.source import STDIN
from aoftool.rdb.walk.checksum import ChecksumState
from aoftool.resp.model import OTHER_NAMES, Occurrence, Reason, Stop, TailTally
from aoftool.units import counted

__all__ = ["intact_structure", "needs_values", "quick_report"]

_TORN = {
    Reason.TORN_HEADER: "the last command is torn in its header",
    Reason.TORN_PAYLOAD: "the last command is torn in a value",
    Reason.MISSING_FINAL_CRLF: "the last command lacks only its final CRLF",
    Reason.TORN_ANNOTATION: "the last annotation has no line end",
}
_BROKEN = {
    Reason.LENGTH_BEYOND_END: "a length reaches past the end of the file",
    Reason.GLUED_ANNOTATION: "an annotation has no line end and is glued to the next command",
    Reason.ZERO_TAIL: "the file ends in NUL bytes",
    Reason.ZERO_GAP: "NUL bytes stand between commands",
    Reason.BLANK_LINE: "a blank line stands where a command must begin",
    Reason.INLINE_COMMAND: "an inline command stands where a command must begin",
    Reason.RESP3_PREFIX: "a RESP3 type stands where a command must begin",
    Reason.BYTE_ORDER_MARK: "the file begins with a byte order mark",
    Reason.RDB_MAGIC: "an RDB begins where a command must begin",
    Reason.ORPHAN_BULK: "an argument stands where a command must begin",
    Reason.BAD_PREFIX: "a byte no command begins with",
    Reason.BAD_BULK_PREFIX: "an argument does not begin with $",
    Reason.BAD_COUNT: "the number of arguments is not a count",
    Reason.BAD_LENGTH: "the length of an argument is not a length",
    Reason.BAD_TERMINATOR: "a value is not followed by CRLF",
    Reason.LINE_TOO_LONG: "a header line is longer than any server reads",
}
# Departures that load everywhere, yet that no server writes: bytes were damaged.
_CODES = {
    Reason.ZERO_TAIL: "zero-tail",
    Reason.GLUED_ANNOTATION: "glued-annotation",
    Reason.TORN_HEADER: "torn-tail",
    Reason.TORN_PAYLOAD: "torn-tail",
    Reason.MISSING_FINAL_CRLF: "missing-final-crlf",
    Reason.TORN_ANNOTATION: "torn-annotation",
}


def quick_report(survey: Survey) -> Report:
    """Return the findings of a survey; `intact` then holds for structure, not for values."""
    report = Report(survey.log.path, survey.log.kind.value, Level.QUICK)
    report.findings.extend(_layout_findings(survey))
    for number, item in enumerate(survey.files):
        last = number == len(survey.files) - 1
        found = list(_file_findings(item, last))
        report.findings.extend(found)
        report.files.append(_file_report(item, found))
    return report


def _layout_findings(survey: Survey) -> Iterator[Finding]:
    for problem in survey.log.problems:
        if problem.code is LayoutCode.DUMP_BESIDE and all(file.exists for file in survey.log.files):
            from aoftool.check.dump_beside import find_dump_beside

            found = find_dump_beside(survey.log, problem, ((item.walk, item.tail) for item in survey.files))
            if found is not None:
                yield found
                continue
        severity = severity_of(problem, survey.log)
        if severity is None:
            continue
        yield Finding(
            code=problem.code.value,
            severity=severity,
            path=problem.path or survey.log.manifest_path or survey.log.path,
            message=problem.message,
            line=problem.line or None,
        )


def _file_report(item: FileSurvey, found: list[Finding]) -> FileReport:
    first = next((f for f in found if f.severity is Severity.DAMAGE), None)
    return FileReport(
        path=item.file.path,
        role=item.file.role.value,
        size_bytes=item.size_bytes,
        format=item.content.value,
        commands=item.tail.commands if item.tail is not None else 0,
        good_end=item.good_end,
        verdict=Verdict.OK if first is None else verdict_of(first.code),
    )


def _file_findings(item: FileSurvey, last: bool) -> Iterator[Finding]:
    path = item.file.path
    if item.error is not None:
        yield Finding.of("read-error", path, item.error)
        return
    for change in item.changes:
        yield finding_of_change(path, change)
    if item.walk is not None:
        yield from _rdb_findings(item)
    if item.tail is not None:
        yield from _tail_findings(item, item.tail, last)
    if item.content is Content.EMPTY and item.file.role is FileRole.RDB:
        yield Finding.of("log-empty", path, "the file is empty", start=0, end=0)


def _rdb_findings(item: FileSurvey) -> Iterator[Finding]:
    walk = item.walk
    assert walk is not None
    path = item.file.path
    if walk.damage is None and walk.unknown is not None:
        message, start = f"the RDB part holds {walk.unknown.message}", walk.unknown.offset
        yield Finding.of("rdb-unknown", path, message, start=start, end=item.size_bytes)
    elif walk.stop is not None:
        code = walk.stop.code if walk.stop.code.startswith("rdb-") else "rdb-damaged"
        yield Finding.of(code, path, walk.stop.message, start=walk.stop.offset, end=item.size_bytes)
    if walk.modules:
        from aoftool.check.payloads.module_data import modules_in

        yield from modules_in(walk, path)
    if walk.checksum.state is ChecksumState.DISABLED:
        message = "the RDB part was written without a checksum: damage inside values cannot be seen"
        yield Finding.of("rdb-no-checksum", path, message)


def _tail_findings(item: FileSurvey, tail: TailTally, last: bool) -> Iterator[Finding]:
    """Yield what the command stream shows: damage first, by offset, what has no place last."""
    found = [*_state_findings(item, tail), *_name_findings(item, tail)]
    if tail.stop is not None and not tail.stop.clean:
        found.append(_stop_finding(item, tail.stop, last))
    yield from sorted(found, key=lambda f: (f.severity is not Severity.DAMAGE, f.start is None, f.start or 0))


def _stop_finding(item: FileSurvey, stop: Stop, last: bool) -> Finding:
    trailing_rdb = item.file.role is FileRole.RDB
    if trailing_rdb:
        message = "bytes follow the end of the RDB; servers ignore them"
        return Finding.of(
            "rdb-trailing-bytes", item.file.path, message, start=stop.good_end, end=item.size_bytes
        )
    text = _TORN.get(stop.reason) or _BROKEN.get(stop.reason) or stop.reason.value
    code = _CODES.get(stop.reason) or f"unread-{stop.reason.value}"
    start = stop.command_start
    remedy = Remedy("cut the tail", "", item.size_bytes - start, None)
    if stop.reason not in _CODES or not last:
        remedy = Remedy("salvage", option="--salvage", loses_commands=None)
    return Finding.of(
        code=code,
        path=item.file.path,
        message=text,
        start=start,
        end=item.size_bytes,
        command_index=stop.command_index,
        evidence=excerpt(stop.found, 60),
        remedies=(remedy,),
    )


def _state_findings(item: FileSurvey, tail: TailTally) -> Iterator[Finding]:
    state = tail.transactions
    cases: tuple[tuple[str, str, Occurrence], ...] = (
        ("lost-exec", "MULTI stands inside a transaction: its EXEC is lost", state.nested),
        ("exec-without-multi", "EXEC stands outside a transaction", state.lone_execs),
        (
            "discard-in-multi",
            "DISCARD stands inside a transaction: servers crash on it",
            state.discards_inside,
        ),
        (
            "select-refused",
            "a SELECT names no database: what follows lands in the one before",
            tail.selects.invalid,
        ),
    )
    for code, message, seen in cases:
        if seen.count:
            yield Finding.of(
                code,
                item.file.path,
                message,
                start=seen.first_offset,
                remedies=(Remedy("salvage", option="--salvage", loses_commands=None),),
            )
    if state.open_offset is not None:
        yield Finding.of(
            "open-multi",
            item.file.path,
            f"a transaction of {counted(state.open_commands, 'command')} has no EXEC before the end",
            start=state.open_offset,
            end=item.size_bytes,
            remedies=(
                Remedy(
                    "cut before the MULTI", "", item.size_bytes - state.open_offset, state.open_commands + 1
                ),
            ),
        )
    for kind, seen in tail.leniencies.items():
        yield Finding.of(
            LENIENT_CODES.get(kind, "lenient-header"),
            item.file.path,
            f"{counted(seen.count, 'command is', 'commands are')} not in canonical form ({kind.value});"
            f" servers load {'it' if seen.count == 1 else 'them'}",
            start=seen.first_offset,
            remedies=(Remedy("salvage", option="--salvage", loses_commands=None),),
        )


def _name_findings(item: FileSurvey, tail: TailTally) -> Iterator[Finding]:
    unknown: dict[bytes, int] = {}
    for key, row in tail.rows.items():
        if key.name != OTHER_NAMES and lookup(key.name) is None:
            unknown[key.name] = unknown.get(key.name, 0) + row.commands
    for name, count in sorted(unknown.items())[:20]:
        shown, path = excerpt(name), item.file.path
        code = "unknown-module-command" if looks_like_module(name) else "unknown-command"
        if not is_plausible(name):
            message = f"{counted(count, 'command')} {shown}, which no server knows: none loads this file"
            yield Finding(code, Severity.DAMAGE, path, message)
        else:
            message = f"{counted(count, 'command')} {shown}, which no known release has: written by {BEYOND}"
            yield Finding(code, Severity.NOT_JUDGED, path, message)
    yield from _arity_findings(item, tail)


def _arity_findings(item: FileSurvey, tail: TailTally) -> Iterator[Finding]:
    for key, row in tail.rows.items():
        for argc in sorted({row.least_argc, row.most_argc}):
            is_taken = takers(key.name, key.subcommand, argc) or engine_of_form(key.name, argc)
            if is_known(key.name) and not is_taken and not has_no_room(key.name, key.subcommand, argc):
                name = key.name if key.subcommand is None else key.name + b" " + key.subcommand
                message = f"{excerpt(name)} with {counted(argc, 'argument')}: no server writes that"
                yield Finding("wrong-arity", Severity.DAMAGE, item.file.path, message)


def needs_values(survey: Survey) -> bool:
    """Tell whether a plain pass, which sees no values, may have missed what a check would find in them.

    Commands may carry DUMP payloads, or end the server that wrote them. RDB parts are looked into here, up to
    the size up to which a check does.
    """
    tails = [item.tail for item in survey.files if item.tail is not None]
    if any(holds_restores(tail) or may_hurt(tail) for tail in tails):
        return True
    if any(item.walk is not None for item in survey.files[1:]):
        # What it holds may be there already.
        return True
    return any(_has_bad_values(item) for item in survey.files)


def _has_bad_values(item: FileSurvey) -> bool:
    walk = item.walk
    if walk is None or walk.stop is not None or item.file.path == STDIN or item.changes:
        return False
    # Here, because many logs have no RDB part, and these take longer to load than a plain pass.
    from aoftool.check.exam_model import SMALL_PART_BYTES, RdbExam
    from aoftool.check.loaders.rdb_faults import fault_severity
    from aoftool.check.rdb.deep import find_faults
    from aoftool.files import open_source

    end = item.size_bytes if walk.end_offset is None else walk.end_offset
    if end > SMALL_PART_BYTES:
        return False
    exam = RdbExam(walk, end)
    with ExitStack() as stack:
        # Opened anew for each pass: what is compressed is read once, front to back.
        find_faults(
            exam,
            walk,
            lambda: stack.enter_context(open_source(item.file.path)),
            item.size_bytes,
            deep=True,
        )
    return any(fault_severity(fault.code, fault.type_id) is Severity.DAMAGE for fault in exam.faults)


def intact_structure(report: Report) -> bool:
    """Tell whether a quick pass found nothing at all to look at more closely."""
    return not any(map(_asks_for_more, report.findings))


def _asks_for_more(finding: Finding) -> bool:
    """Tell whether looking longer may tell more of a finding: not of notes, nor of what lies beside files."""
    if finding.severity is Severity.NOTE or finding.code == "rdb-no-checksum":
        return False
    return finding.severity is not Severity.WARNING or CODES[finding.code].section is not Section.SET
