"""The check of a log: findings, a word for every file, and what each server would do."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from aoftool.aof.model import FileRole, LayoutCode, Log
from aoftool.check.detectors.resp import find_in_stream
from aoftool.check.detectors.semantics import find_in_meaning
from aoftool.check.exam import examine
from aoftool.check.exam_model import FileExam, LogExam, is_lost_base
from aoftool.check.loaders.simulate import simulate
from aoftool.check.loaders.targets import TARGETS, Target
from aoftool.check.loaders.view import loader_view
from aoftool.check.model import (
    FileReport,
    Finding,
    Level,
    Outcome,
    Remedy,
    Report,
    ServerOutcome,
    Severity,
    Verdict,
    first_damage,
    verdict_of,
)
from aoftool.check.suspicion import loads_libraries
from aoftool.databases import DEFAULT_DATABASES
from aoftool.escape import printable
from aoftool.files.packed.compression import is_envelope
from aoftool.files.seal import SEAL_NAME
from aoftool.progress import Progress, no_progress
from aoftool.quoting import Quoting
from aoftool.releases import in_words

if TYPE_CHECKING:
    from aoftool.aof.survey import ReadTail

__all__ = ["MAX_FINDINGS", "check", "report_of"]

# Findings of one code kept for one file; the rest is counted.
MAX_FINDINGS = 100
_ELSEWHERE = Remedy(
    "load it elsewhere", text="on a release that loads it, and rewrite it there", by_hand=True
)


def check(
    log: Log,
    level: Level = Level.FULL,
    targets: Sequence[Target] = TARGETS,
    progress: Progress = no_progress,
    workers: int = 1,
    databases: int = DEFAULT_DATABASES,
    read_tail: ReadTail | None = None,
) -> Report:
    """Check a log: read every file once, read-only, and report.

    Of compressed files and standard input a plain copy is made, unless the level is quick.

    Args:
        log: from `aoftool.aof.layout.find_log`.
        level: how far to go.
        targets: servers to foretell.
        progress: told of bytes done.
        workers: threads to share the first pass over a file; the report does not depend on it.
        databases: the `databases` setting of these servers.
        read_tail: counts the command streams of plain files, for a caller that has done so.

    Raises:
        SinkError: there is no room for a plain copy.
    """
    with ExitStack() as spools:
        exam = examine(log, level, progress, workers, spools, read_tail)
        exam.databases = databases
        report = report_of(exam, targets)
        if level is not Level.QUICK:
            _compare_with_seal(report, exam)
        if level is Level.DEEP:
            _replay(report, exam)
        return report


def _compare_with_seal(report: Report, exam: LogExam) -> None:
    """Add what the seal of a copy says, where there is one."""
    directory = exam.log.directory
    if directory is None or not os.path.lexists(os.path.join(directory, SEAL_NAME)):
        return
    # Imported here: only a sealed copy pays for the digests.
    from aoftool.check.detectors.seal import find_in_seal

    _keep(report, find_in_seal(exam.log))
    report.files = [_row(report, file) for file in exam.files]


def _replay(report: Report, exam: LogExam) -> None:
    """Add what a replay shows, as each server would load the log that loads it."""
    # Imported here: only a deep check pays for the engine.
    from aoftool.check.detectors.replay import find_in_replay
    from aoftool.check.loaders.replay import replay_log, to_replay

    names = [row.target for row in report.outcomes if row.outcome in (Outcome.LOAD, Outcome.CUT)]
    asked_all = len(report.outcomes) == len(TARGETS)
    if asked_all:
        names = to_replay(names)
    dump = any(file.file.role is FileRole.RDB for file in exam.files)
    if names and not dump and exam.files:
        told = {(finding.path, finding.code, finding.start) for finding in report.findings}
        found = find_in_replay(replay_log(exam, names), report.path, len(names) if asked_all else 0)
        # A form that no release has was found without a replay already.
        _keep(report, (one for one in found if (one.path, one.code, one.start) not in told))
        report.files = [_row(report, file) for file in exam.files]


def report_of(exam: LogExam, targets: Sequence[Target] = TARGETS) -> Report:
    """Return the report on a log that was taken apart."""
    log = exam.log
    report = Report(log.path, log.kind.value, exam.level)
    if log.problems:
        from aoftool.check.detectors.layout import find_in_layout

        other: Finding | None = None
        if any(problem.code is LayoutCode.MANIFEST_MISSING for problem in log.problems):
            from aoftool.check.detectors.other_reading import find_other_reading

            other = find_other_reading(exam)
        _keep(report, find_in_layout(exam, is_undecided=other is not None))
        _keep(report, filter(None, [other]))
    for file in exam.files:
        _keep(report, sorted(_of_file(exam, file), key=lambda f: (f.start is None, f.start or 0)))
        if file.rdb is not None:
            for code, count in file.rdb.faults_omitted.items():
                report.omitted[code] = report.omitted.get(code, 0) + count
        report.files.append(_row(report, file))
    report.outcomes = _foretell(exam, targets)
    tails = [file.tail.first for file in exam.files if file.tail is not None]
    if exam.level is not Level.QUICK and any(map(loads_libraries, tails)):
        # Imported here: few logs load libraries.
        from aoftool.check.loaders.libraries import with_dropped_libraries

        report.outcomes = with_dropped_libraries(report.outcomes, exam.files)
    if exam.level is not Level.QUICK and report.intact and report.judged:
        report.findings += _not_for_its_writer(exam, report)
        report.files = [_row(report, file) for file in exam.files]
    return report


def _not_for_its_writer(exam: LogExam, report: Report) -> Iterable[Finding]:
    """Yield that no server which may have written a log loads it, though nothing in it is damaged.

    What hangs on settings or on modules that are not here says nothing of the log; nor does an envelope,
    which may have been put around a base of an older server, whose name stands within.
    """
    if any(finding.code == "rdb-compressed" for finding in report.findings):
        return
    rows = {row.target: row for row in report.outcomes}
    if len(rows) == len(TARGETS) and not any(map(_is_refusal, rows.values())):
        return  # whoever wrote it loads it
    from aoftool.check.fatal import writers_of

    writers = writers_of(exam)
    missing = [target for target in TARGETS if target.name in writers and target.name not in rows]
    rows |= {row.target: row for row in _foretell(exam, missing)}
    own = [rows[target.name] for target in TARGETS if target.name in writers]
    if not own or not all(map(_is_refusal, own)):
        return
    newest = own[-1]
    yield Finding(
        "not-for-its-writer",
        Severity.DAMAGE,
        newest.path or exam.log.path,
        f"no server that may have written this log loads it: {in_words([row.target for row in own])}",
        evidence=newest.told.split("\n")[0],
        remedies=(_ELSEWHERE,),
    )


def _is_refusal(row: ServerOutcome) -> bool:
    """Tell whether a server does not load a log for the log's own sake."""
    if row.outcome not in (Outcome.REFUSE, Outcome.CRASH):
        return False
    words = " ".join((row.message, *row.notes))
    return "module" not in words and "databases" not in words and " goes on" not in words


def _foretell(exam: LogExam, targets: Sequence[Target]) -> list[ServerOutcome]:
    same = exam.log.joined is None
    views = {}
    for quoting in {Quoting.SEPARATE if same else target.quoting for target in targets}:
        views[quoting] = loader_view(exam, quoting)
    return [simulate(views[Quoting.SEPARATE if same else target.quoting], target) for target in targets]


def _of_file(exam: LogExam, file: FileExam) -> Iterable[Finding]:
    if file.error:
        yield Finding.of("read-error", file.path, file.error)
    if file.foreign:
        message = f"this is no part of a log: it is {file.foreign}"
        yield Finding.of("not-a-log", file.path, message, 0, file.size_bytes)
    if file.file.role is FileRole.RDB and not file.size_bytes and not file.error:
        message = "the file is empty: servers refuse an empty dump.rdb"
        yield Finding.of("log-empty", file.path, message, 0, 0)
    if file.changes:
        from aoftool.check.changed import finding_of_change
    for change in file.changes:
        yield finding_of_change(file.path, change)
    if file.rdb is not None:
        # Only a file with an RDB part pays for what is known of its faults.
        from aoftool.check.detectors.rdb import find_in_rdb

        yield from find_in_rdb(file, exam.databases, dispensable=is_lost_base(file, exam.files))
    yield from find_in_stream(file, exam.last is file)
    yield from find_in_meaning(exam, file)


def _keep(report: Report, findings: Iterable[Finding]) -> None:
    counts: dict[tuple[str, str], int] = {}
    for finding in findings:
        key = (finding.path, finding.code)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= MAX_FINDINGS:
            report.findings.append(finding)
        else:
            report.omitted[finding.code] = report.omitted.get(finding.code, 0) + 1


def _row(report: Report, file: FileExam) -> FileReport:
    damage = first_damage(report.findings, file.path)
    verdict = Verdict.OK
    if damage is not None:
        verdict = verdict_of(damage.code)
    elif any(f.path == file.path and f.severity is Severity.NOT_JUDGED for f in report.findings):
        verdict = Verdict.NOT_JUDGED
    else:
        for finding in report.findings:
            if finding.path == file.path and finding.severity is Severity.WARNING:
                warned = verdict_of(finding.code)
                verdict = warned if warned in (Verdict.OK_LENIENT, Verdict.RDB_NO_CHECKSUM) else verdict
    return FileReport(
        file.path, file.file.role.value, file.size_bytes, _format(file), file.commands, file.good_end, verdict
    )


def _format(file: FileExam) -> str:
    if not file.size_bytes:
        return "empty"
    if file.foreign:
        return "foreign"
    parts = []
    if file.rdb is not None:
        magic = printable(file.rdb.walk.magic) or "RDB"
        parts.append(f"{magic} in {file.compression}" if is_envelope(file.compression) else magic)
    if file.tail is not None:
        parts.append("RESP")
    return " + ".join(parts)
