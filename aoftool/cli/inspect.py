"""`aoftool inspect`: what is in a log, and is it whole."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.census_options import (
    CmdOption,
    DbOption,
    DepthOption,
    MatchOption,
    Narrowing,
    SeparatorOption,
    SinceOption,
    UntilOption,
    narrowing,
)
from aoftool.cli.console import Color, results_console
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT, epilog
from aoftool.cli.log_databases import refuse_absent_in
from aoftool.cli.log_span import absolute_time, refuse_outside
from aoftool.cli.machine import worker_count
from aoftool.cli.options import (
    ColorOption,
    CsvOption,
    Form,
    JsonOption,
    PathArgument,
    ProgressMode,
    ProgressOption,
    QuietOption,
    chosen_form,
)
from aoftool.cli.progress import end_progress
from aoftool.cli.redaction import RedactOption, SaltOption, make_redactor
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aoftool.analysis.contents_model import ContentsView, Savings
    from aoftool.analysis.dead import DeadBytes
    from aoftool.analysis.model import Overview
    from aoftool.analysis.walking import Walks
    from aoftool.aof.layout import Log
    from aoftool.aof.survey import Survey
    from aoftool.check.health_model import Health
    from aoftool.progress import Progress
    from aoftool.redaction import Redactor

__all__ = ["register"]

# Elements that commands go over: so many take our replay two seconds.
_REPLAYED_STEPS = 6_000_000
_SCREEN_ROWS = 5
_FULL_ROWS = 12
_REMARK_BUCKETS = 120


class GroupBy(Enum):
    """What the distribution is by."""

    COMMAND = "command"
    DB = "db"
    FILE = "file"
    PREFIX = "prefix"
    KEY = "key"
    TYPE = "type"
    SIZE = "size"


class SortBy(Enum):
    """The order of the rows."""

    BYTES = "bytes"
    COUNT = "count"
    LARGEST = "largest"
    MEAN = "mean"
    NAME = "name"


_PLAIN_GROUPS = (None, GroupBy.COMMAND, GroupBy.DB, GroupBy.FILE)


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(VERDICT, NOT_JUDGED))(inspect)


def inspect(
    path: PathArgument = None,
    by: Annotated[
        GroupBy | None, typer.Option("--by", help="Show one distribution in full.", show_default=False)
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            "--top", "-n", min=1, help="Rows to show; the rest is folded. [default: 5, with --by 12]"
        ),
    ] = None,
    sort: Annotated[SortBy, typer.Option("--sort", help="Order of the rows.")] = SortBy.BYTES,
    depth: DepthOption = 1,
    separator: SeparatorOption = ":",
    since: SinceOption = None,
    until: UntilOption = None,
    db: DbOption = None,
    cmd: CmdOption = None,
    match: MatchOption = None,
    contents: Annotated[
        bool | None,
        typer.Option(
            "--contents/--no-contents",
            help="Look at keys, prefixes and growth too, 1 to 2 s for each GiB. Default: logs up to 256 MiB"
            " (8 MiB without the compiled scanner), and whatever option needs it.",
            show_default=False,
        ),
    ] = None,
    savings: Annotated[
        bool | None,
        typer.Option(
            "--savings/--no-savings",
            help="Find dead bytes: a second reading, 2 to 5 s for each GiB. Default: logs up to 128 MiB.",
            show_default=False,
        ),
    ] = None,
    redact: RedactOption = None,
    salt: SaltOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    color: ColorOption = Color.auto,
    quiet: QuietOption = False,
    progress: ProgressOption = ProgressMode.auto,
) -> None:
    """Show what is in a log, and whether it is whole.

    Layout, server and version, time range, health in one line, what a rewrite
    would save, growth, the largest commands, and what the log holds most of:
    commands, prefixes, keys. Nothing is ever written; files of a running
    server are safe to read.

    \b
    Examples:
      aoftool inspect                            search this directory
      aoftool inspect /var/lib/valkey            a server's data directory
      aoftool inspect --by prefix --depth 2      which keys, in more detail
      aoftool inspect --by key --match 'cart:*'  the largest keys among these
      aoftool inspect --since 2026-11-21T09:00   only what was written then
      zcat old.aof.gz | aoftool inspect -        standard input
      aoftool inspect --json | jq .health
      aoftool inspect --by prefix --csv > prefixes.csv
    """
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    redactor = make_redactor(redact, salt)
    show = _Show(by, top, sort.value, chosen_form(as_json, as_csv), color)
    if as_csv and by is None:
        raise UsageError("CSV is one table", hint="say which with --by")
    log = find_input(path)
    since, until = absolute_time(since, log, "--since"), absolute_time(until, log, "--until")
    asked = narrowing(since=since, until=until, db=db, cmd=cmd, match=match, depth=depth, separator=separator)
    needed = asked.narrows or bool(savings) or by not in _PLAIN_GROUPS
    if contents is False and needed:
        raise UsageError("what is asked for needs the contents", hint="leave out --no-contents")
    if contents is None:
        contents = needed or (log.size_bytes or 0) <= _contents_limit()
    with ProgressReporter("reading", log.size_bytes, progress, quiet) as reporter:
        if contents:
            health = _with_contents(log, asked, savings, redactor, show, reporter)
        else:
            health = _plain(log, redactor, show, reporter)
    if not health.intact:
        raise typer.Exit(VERDICT)
    raise typer.Exit(DONE if health.judged else NOT_JUDGED)


@dataclass(frozen=True)
class _Show:
    """How the answer is to look."""

    by: GroupBy | None
    top: int | None
    sort: str
    form: Form
    color: Color


def _plain(log: Log, redactor: Redactor | None, show: _Show, progress: Progress) -> Health:
    """Show what one pass over the framing tells."""
    from aoftool.analysis.overview import overview_of
    from aoftool.aof.survey import TOP_KEYS, survey

    read = survey(log, workers=worker_count(), top_keys=show.top or TOP_KEYS, progress=progress)
    health = _health(log, read)
    result = overview_of(read)
    if redactor is not None:
        from aoftool.analysis.contents_redacting import redacted_overview

        result = redacted_overview(result, redactor)
    if show.form is Form.JSON:
        from aoftool.report.jsonout import print_json
        from aoftool.report.overview import overview_json

        print_json({**overview_json(result, health, sort=show.sort), "contents": None, "growth": None})
        return health
    end_progress()
    if show.form is Form.CSV:
        _print_csv(result, None, health, show)
        return health
    from aoftool.report.plain_screen import render_plain

    by = (show.by or GroupBy.COMMAND).value
    render_plain(
        results_console(show.color), result, health, by=by, top=show.top or _FULL_ROWS, sort=show.sort
    )
    return health


def _with_contents(
    log: Log,
    asked: Narrowing,
    savings: bool | None,
    redactor: Redactor | None,
    show: _Show,
    progress: Progress,
) -> Health:
    """Show keys, prefixes and growth too."""
    from aoftool.analysis.contents import contents_view
    from aoftool.analysis.contents_redacting import redacted_contents, redacted_growth, redacted_overview
    from aoftool.analysis.growth import growth_of
    from aoftool.analysis.next_rewrite import next_rewrite_of
    from aoftool.analysis.overview import narrowed_overview, overview_of
    from aoftool.analysis.reading import read_log
    from aoftool.analysis.remarks import remarks_of
    from aoftool.analysis.restart import restart_of
    from aoftool.replay.log_writer import writer_of_log
    from aoftool.replay.writer_model import Certainty

    rows = show.top or (_FULL_ROWS if show.by is not None else _SCREEN_ROWS)
    read = read_log(log, asked.options, asked.commands, progress)
    if not read.contents.total[0]:
        refuse_outside(log, asked.since, asked.until)
        refuse_absent_in(read.survey, asked.options.databases)
    health = _health(log, read.survey)
    walks = _walks(log, read.contents.commands)
    found, dead = _savings(log, read.survey, savings, asked, walks, progress)
    result = overview_of(read.survey)
    if result.reading is not None and result.reading.certainty is not Certainty.NAMED:
        # The words of commands tell more than their names.
        result.reading = writer_of_log(log, workers=worker_count())
    if asked.narrows:
        result = narrowed_overview(result, read.contents)
    view = contents_view(read.contents, asked.options, top=rows, dead=dead, savings=found, end_s=read.end_s)
    view = redacted_contents(view, redactor)
    growth = redacted_growth(growth_of(read.contents, read.axis, buckets=_REMARK_BUCKETS), redactor)
    view.remarks = remarks_of(view, growth, result.commands)
    if not asked.narrows and health.intact:
        view.restart = restart_of(result, walks)
        view.next_rewrite = next_rewrite_of(result, growth)
    result = redacted_overview(result, redactor)
    end_progress()
    if show.form is Form.CSV:
        _print_csv(result, view, health, show)
        return health
    if show.form is Form.JSON:
        from aoftool.report.contents_json import contents_json
        from aoftool.report.growth import growth_json
        from aoftool.report.jsonout import print_json
        from aoftool.report.overview import overview_json

        body = overview_json(result, health, sort=show.sort)
        print_json({**body, "contents": contents_json(view), "growth": growth_json(growth)})
        return health
    from aoftool.report.screen import render_screen, render_view

    console = results_console(show.color)
    if show.by is None:
        render_screen(console, result, health, view, growth, top=rows, sort=show.sort)
    else:
        render_view(console, result, health, view, growth, by=show.by.value, top=rows, sort=show.sort)
    return health


def _print_csv(result: Overview, view: ContentsView | None, health: Health, show: _Show) -> None:
    """Print one distribution; damage, for which a table has no place, is told on stderr."""
    from aoftool.report.inspect_csv import write_overview_csv, write_view_csv

    by = (show.by or GroupBy.COMMAND).value
    if view is None or show.by in _PLAIN_GROUPS:
        write_overview_csv(result, sys.stdout, by=by, sort=show.sort)
    else:
        write_view_csv(view, sys.stdout, by=by, sort=show.sort)
    if not health.intact:
        print(f"aoftool: {health.message}\n   next: {health.next_command}", file=sys.stderr)


def _savings(
    log: Log, survey: Survey, wanted: bool | None, asked: Narrowing, walks: Walks | None, progress: Progress
) -> tuple[Savings | None, DeadBytes | None]:
    """Look for dead bytes where that is asked for or quick; not where only a part of the log is shown."""
    from aoftool.analysis.contents_model import Savings
    from aoftool.aof.model import LogKind
    from aoftool.cli.savings import AUTOMATIC_BYTES, find_savings

    if wanted is False or log.kind is LogKind.STDIN or (wanted is None and asked.narrows):
        return None, None
    if wanted is None and (log.size_bytes or 0) > AUTOMATIC_BYTES:
        return Savings(reason="not looked for in a log above 128 MiB: --savings does"), None
    is_slow = walks is not None and walks.steps > _REPLAYED_STEPS
    return find_savings(log, survey, progress, replay=wanted is True or not is_slow)


def _walks(log: Log, commands: Iterable[bytes]) -> Walks | None:
    """Look at the commands that walk whole values, if there are any and the log can be read again."""
    from aoftool.analysis.walking import WALKING, walks_of
    from aoftool.aof.model import LogKind

    if log.kind is LogKind.STDIN or WALKING.isdisjoint(commands):
        return None
    return walks_of(log, workers=worker_count())


def _contents_limit() -> int:
    """Return up to which size a log is looked into without being asked."""
    from aoftool.resp.scanner import scanner_name

    return 256 << 20 if scanner_name() == "native" else 8 << 20


def _health(log: Log, survey: Survey) -> Health:
    """Return the line of health; what stands behind damage is worth a second reading only now."""
    from aoftool.aof.layout import LogKind
    from aoftool.check.health import health_of
    from aoftool.check.quick import intact_structure, needs_values, quick_report

    report = quick_report(survey)
    if (not intact_structure(report) or needs_values(survey)) and log.kind is not LogKind.STDIN:
        from aoftool.check.checker import check
        from aoftool.check.model import Level

        report = check(log, Level.FULL)
    return health_of(report)
