"""What is in a log, and is it whole: one pass over its framing, or also its keys, prefixes and growth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aoftool.analysis.inspect.model import Overview
from aoftool.aof.model import Log, LogKind
from aoftool.aof.survey import TOP_KEYS, Survey, survey
from aoftool.api.machine import worker_count
from aoftool.check.health import health_of
from aoftool.check.health_model import Health
from aoftool.check.model import Report
from aoftool.check.quick import intact_structure, needs_values, quick_report
from aoftool.dataclass import dataclass, field
from aoftool.escape import printable, shown_path
from aoftool.progress import Progress, no_progress

if TYPE_CHECKING:
    from aoftool.analysis.census.model import CensusOptions
    from aoftool.analysis.census.reading import Reading
    from aoftool.analysis.growth.model import Growth
    from aoftool.analysis.inspect.contents_model import ContentsView, Savings
    from aoftool.analysis.inspect.dead import DeadBytes
    from aoftool.analysis.inspect.walking import Walks
    from aoftool.redaction import Redactor

__all__ = ["Inspection", "InspectionRequest", "inspect", "inspected"]

# Elements that commands go over: so many take our replay two seconds.
_REPLAYED_STEPS = 6_000_000
_REMARK_BUCKETS = 120
_ROWS = 12


@dataclass(slots=True)
class Inspection:
    """What is in a log.

    Attributes:
        overview: files, commands, databases, RDB parts, time range, who wrote it.
        health: whether it is whole, in one line, and what to type next.
        contents: keys, prefixes, sizes, what a rewrite would save; None where they were not looked at.
        growth: how it grew; None likewise.
        survey: what each file holds.
        is_empty: nothing of what was asked for is in the log.
        notes: what is to be known of commands that were counted by time, in words.
        reading: the one pass over the contents, for who lays it out another way; None likewise.
        checked: the full check, where the line of health took one.
    """

    overview: Overview
    health: Health
    survey: Survey
    contents: ContentsView | None = None
    growth: Growth | None = None
    is_empty: bool = False
    notes: list[str] = field(default_factory=list)
    reading: Reading | None = None
    checked: Report | None = None

    def _repr_html_(self) -> str:
        """Return the commands as a table for notebooks."""
        from aoftool.tables.page import rows_html

        rows = [(printable(row.name), row.kind, row.count, row.size_bytes) for row in self.overview.commands]
        caption = f"{shown_path(self.overview.path)}: {self.health.message}"
        return rows_html(caption, ("name", "kind", "count", "size_bytes"), rows)


@dataclass(frozen=True, slots=True)
class InspectionRequest:
    """What to look at.

    Attributes:
        contents: keys, prefixes and growth too, which takes 1 to 2 s for each GiB.
        savings: find dead bytes, a second reading; None does so in logs up to 128 MiB.
        options: which commands count, and how keys are put together.
        commands: only these upper-case names count; None for all.
        rows: of each distribution; None for the usual number.
        redactor: hides keys and values of the answer.
    """

    contents: bool = True
    savings: bool | None = None
    options: CensusOptions | None = None
    commands: frozenset[bytes] | None = None
    rows: int | None = None
    redactor: Redactor | None = None

    @property
    def narrows(self) -> bool:
        """Tell whether anything may be left out."""
        return self.commands is not None or (self.options is not None and self.options.filtered)


def inspect(
    log: Log,
    *,
    contents: bool = True,
    savings: bool | None = None,
    rows: int = _ROWS,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> Inspection:
    """Return what is in a log, and whether it is whole.

    Damage is no error: `health` tells of it, and the rest covers what stands before.

    Args:
        contents: keys, prefixes and growth too, which takes 1 to 2 s for each GiB.
        savings: find the bytes that a rewrite would drop: True does so always, None in logs up to 128 MiB.
        rows: of each distribution of the contents.
        workers: threads; the answer does not depend on it. By default one a processor.
        progress: called with the bytes done since its last call, from any thread.

    Raises:
        ReadFailedError: the system gives an error instead of bytes.
        SinkError: there is no room for a plain copy of what is compressed.
    """
    asked = InspectionRequest(contents=contents, savings=savings, rows=rows)
    return inspected(log, asked, workers=workers, progress=progress)


def inspected(
    log: Log, asked: InspectionRequest, *, workers: int | None = None, progress: Progress = no_progress
) -> Inspection:
    """Return what was asked for of a log."""
    threads = worker_count(workers)
    if asked.contents:
        return _with_contents(log, asked, threads, progress)
    return _plain(log, asked, threads, progress)


def _plain(log: Log, asked: InspectionRequest, workers: int, progress: Progress) -> Inspection:
    """Return what one pass over the framing tells."""
    from aoftool.analysis.inspect.overview import overview_of

    read = survey(log, workers=workers, top_keys=asked.rows or TOP_KEYS, progress=progress)
    health, checked = _health(log, read, workers)
    result = overview_of(read)
    if asked.redactor is not None:
        from aoftool.analysis.redact.contents import redacted_overview

        result = redacted_overview(result, asked.redactor)
    return Inspection(result, health, read, checked=checked)


def _with_contents(log: Log, asked: InspectionRequest, workers: int, progress: Progress) -> Inspection:
    """Return keys, prefixes and growth too."""
    from aoftool.analysis.census.model import CensusOptions
    from aoftool.analysis.census.reading import read_log
    from aoftool.analysis.growth.growth import growth_of
    from aoftool.analysis.inspect.contents import contents_view
    from aoftool.analysis.inspect.next_rewrite import next_rewrite_of
    from aoftool.analysis.inspect.overview import narrowed_overview, overview_of
    from aoftool.analysis.inspect.remarks import remarks_of
    from aoftool.analysis.inspect.restart import restart_of
    from aoftool.analysis.redact.contents import redacted_contents, redacted_growth, redacted_overview
    from aoftool.replay.log_writer import writer_of_log
    from aoftool.replay.writer_model import Certainty

    options, redactor = asked.options or CensusOptions(), asked.redactor
    read = read_log(log, options, asked.commands, progress)
    health, checked = _health(log, read.survey, workers)
    # Of a log that is damaged no restart is foretold, and not every file may be there.
    walks = _walks(log, read.contents.commands, workers) if health.intact else None
    found, dead = _savings(log, read.survey, asked, walks, progress)
    result = overview_of(read.survey)
    if result.reading is not None and result.reading.certainty is not Certainty.NAMED:
        # The words of commands tell more than their names.
        result.reading = writer_of_log(log, workers=workers)
    if asked.narrows:
        result = narrowed_overview(result, read.contents)
    rows = asked.rows or _ROWS
    view = contents_view(read.contents, options, top=rows, dead=dead, savings=found, end_s=read.end_s)
    view = redacted_contents(view, redactor)
    growth = redacted_growth(growth_of(read.contents, read.axis, buckets=_REMARK_BUCKETS), redactor)
    view.remarks = remarks_of(view, growth, result.commands)
    if not asked.narrows and health.intact:
        view.restart = restart_of(result, walks)
        view.next_rewrite = next_rewrite_of(result, growth)
    result = redacted_overview(result, redactor)
    is_empty = not read.contents.total[0]
    return Inspection(
        result,
        health,
        read.survey,
        view,
        growth,
        is_empty=is_empty,
        notes=read.notes,
        reading=read,
        checked=checked,
    )


def _savings(
    log: Log, read: Survey, asked: InspectionRequest, walks: Walks | None, progress: Progress
) -> tuple[Savings | None, DeadBytes | None]:
    """Look for dead bytes where that is asked for or quick; not where only a part of the log is shown."""
    from aoftool.analysis.inspect.contents_model import Savings
    from aoftool.rewrite.ask.savings import AUTOMATIC_BYTES, find_savings

    wanted = asked.savings
    if wanted is False or log.kind is LogKind.STDIN or (wanted is None and asked.narrows):
        return None, None
    if wanted is None and (log.size_bytes or 0) > AUTOMATIC_BYTES:
        return Savings(reason="not looked for in a log above 128 MiB: --savings does"), None
    is_slow = walks is not None and walks.steps > _REPLAYED_STEPS
    return find_savings(log, read, progress, replay=wanted is True or not is_slow)


def _walks(log: Log, commands: Iterable[bytes], workers: int) -> Walks | None:
    """Look at the commands that walk whole values, if there are any and the log can be read again."""
    from aoftool.analysis.inspect.walking import WALKING, walks_of

    if log.kind is LogKind.STDIN or WALKING.isdisjoint(commands):
        return None
    return walks_of(log, workers=workers)


def _health(log: Log, read: Survey, workers: int) -> tuple[Health, Report | None]:
    """Return the line of health, and the full check where that took one.

    What stands behind damage is worth a second reading only now.
    """
    from aoftool.replay.unknown_forms import first_unknown_form

    report, checked = quick_report(read), None
    unseen = not intact_structure(report) or needs_values(read)
    unseen = unseen or first_unknown_form(read, workers) is not None
    if unseen and log.kind is not LogKind.STDIN:
        from aoftool.check.checker import check
        from aoftool.check.model import Level

        report = checked = check(log, Level.FULL)
    return health_of(report), checked
