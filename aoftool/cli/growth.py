"""`aoftool growth`: how a log grew, when that changed, and what drove it."""

from __future__ import annotations

import sys
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.census_options import (
    CmdOption,
    DbOption,
    DepthOption,
    MatchOption,
    SeparatorOption,
    SinceOption,
    UntilOption,
    narrowing,
)
from aoftool.cli.console import Color, results_console
from aoftool.cli.ending import tell_survey
from aoftool.cli.exit_codes import NOT_JUDGED, VERDICT, epilog
from aoftool.cli.log_databases import refuse_absent_in
from aoftool.cli.log_span import absolute_time, refuse_outside
from aoftool.cli.machine import worker_count
from aoftool.cli.options import (
    ColorOption,
    JsonOption,
    PathArgument,
    ProgressMode,
    ProgressOption,
    QuietOption,
)
from aoftool.cli.redaction import RedactOption, SaltOption, make_redactor
from aoftool.cli.told_writer import tell_writer
from aoftool.cli.widths import parse_width
from aoftool.errors import InputError, UsageError

if TYPE_CHECKING:
    from aoftool.analysis.reading import Reading
    from aoftool.aof.model import Log
    from aoftool.replay.writer_model import Writer

__all__ = ["register"]

_BUCKETS = 120
_ROWS = 8
_TABLE_BUCKETS = 500


class GroupBy(Enum):
    """What the rows are."""

    PREFIX = "prefix"
    COMMAND = "command"
    DB = "db"


class Fold(Enum):
    """What a log is laid upon."""

    DAY = "day"
    WEEK = "week"


class AxisChoice(Enum):
    """What the steps are of."""

    AUTO = "auto"
    BYTES = "bytes"


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(VERDICT, NOT_JUDGED))(growth)


def growth(
    path: PathArgument = None,
    by: Annotated[GroupBy | None, typer.Option("--by", help="What to tell apart. Default: prefix.")] = None,
    axis: Annotated[
        AxisChoice, typer.Option("--axis", help="Steps of time where there is #TS, or always of file.")
    ] = AxisChoice.AUTO,
    bucket: Annotated[
        str | None,
        typer.Option(
            "--bucket", help="Width of a step: 10s, 5m, 1h, 1d; or 64K, 1M of file.", show_default=False
        ),
    ] = None,
    fold: Annotated[
        Fold | None,
        typer.Option(
            "--fold", help="Lay all hours upon one day, or all days upon one week.", show_default=False
        ),
    ] = None,
    top: Annotated[int | None, typer.Option("--top", "-n", min=1, help="Rows to show. Default: 8.")] = None,
    depth: DepthOption = 1,
    separator: SeparatorOption = ":",
    since: SinceOption = None,
    until: UntilOption = None,
    db: DbOption = None,
    cmd: CmdOption = None,
    match: MatchOption = None,
    redact: RedactOption = None,
    salt: SaltOption = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one line for each step and row.")] = False,
    color: ColorOption = Color.auto,
    quiet: QuietOption = False,
    progress: ProgressOption = ProgressMode.auto,
) -> None:
    """Show how a log grew, when that changed, and what drove it.

    Over time where the log holds #TS annotations, exact to a second; else over
    the file, with times inferred from stream IDs, the base and the files where
    that is possible, each marked with ~ and how far off it may be. Names what
    drives a change; lists bursts, gaps without writes, and steps of the clock.

    \b
    Examples:
      aoftool growth /var/lib/valkey              which prefixes, and when
      aoftool growth --by command --bucket 1m     minute by minute
      aoftool growth --axis bytes                 over the file
      aoftool growth --db 3 --since 2026-11-21    one database, one day
      aoftool growth --fold day                   hour by hour of a day
      aoftool growth --csv > growth.csv           for a spreadsheet
    """
    from aoftool.analysis.contents_redacting import redacted_growth
    from aoftool.analysis.growth import growth_of
    from aoftool.analysis.growth_model import Axis
    from aoftool.analysis.reading import read_log
    from aoftool.aof.log import need_every_file
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other")
    width = None if bucket is None else parse_width(bucket)
    redactor = make_redactor(redact, salt)
    log = find_input(path)
    since, until = absolute_time(since, log, "--since"), absolute_time(until, log, "--until")
    asked = narrowing(since=since, until=until, db=db, cmd=cmd, match=match, depth=depth, separator=separator)
    need_every_file(log)
    with ProgressReporter("reading", log.size_bytes, progress, quiet) as reporter:
        read = read_log(log, asked.options, asked.commands, reporter)
    if not read.contents.total[0]:
        refuse_outside(log, since, until)
        refuse_absent_in(read.survey, asked.options.databases)
    timed = read.axis.axis is Axis.TIME and axis is AxisChoice.AUTO
    if width is not None and width.of_time != timed:
        hint = "give a width such as 1M" if width.of_time else "add --axis bytes"
        raise UsageError("the width of a step does not fit the axis", hint=hint)
    if fold is not None:
        if bucket is not None or axis is not AxisChoice.AUTO:
            raise UsageError("--fold makes its own steps of time", hint="leave out --bucket and --axis")
        if by is not None or top is not None:
            raise UsageError(
                "--fold adds up all that was written", hint="leave out --by and --top, use --match"
            )
        _show_fold(read, fold, as_json, as_csv, color)
        raise typer.Exit(tell_survey(log, read.survey))
    found = growth_of(
        read.contents,
        read.axis,
        by=(by or GroupBy.PREFIX).value,
        buckets=_TABLE_BUCKETS if as_json or as_csv else _BUCKETS,
        width=None if width is None else width.size,
        by_position=axis is AxisChoice.BYTES,
        top=top or _ROWS,
    )
    found.writer = writer = _writer(log, read)
    found = redacted_growth(found, redactor)
    if as_json:
        from aoftool.report.growth import growth_json
        from aoftool.report.jsonout import print_json

        print_json(growth_json(found))
    elif as_csv:
        from aoftool.report.growth import write_growth_csv

        write_growth_csv(found, sys.stdout)
    else:
        from aoftool.report.growth import render_growth

        render_growth(results_console(color), found)
        tell_writer(writer)
    raise typer.Exit(tell_survey(log, read.survey))


def _writer(log: Log, read: Reading) -> Writer:
    """Return who wrote a log; what can be read only once tells it by the names of its commands alone."""
    from aoftool.aof.model import LogKind
    from aoftool.replay.log_writer import writer_of_log, writer_of_survey

    if log.kind is LogKind.STDIN:
        return writer_of_survey(read.survey)
    return writer_of_log(log, workers=worker_count())


def _show_fold(read: Reading, fold: Fold, as_json: bool, as_csv: bool, color: Color) -> None:
    from aoftool.analysis.folding import FOLDS, folded
    from aoftool.analysis.growth import growth_of
    from aoftool.analysis.series import TIME
    from aoftool.report.habits import habits_json, render_habits, write_habits_csv
    from aoftool.report.jsonout import print_json

    times = read.contents.series.slices[:, TIME]
    width = FOLDS[fold.value]
    growth = growth_of(read.contents, read.axis, width=width)
    timed = times[times >= 0]
    table = folded(growth, fold.value, int(timed.min()), int(timed.max())) if len(timed) else None
    if table is None:
        raise InputError("a pattern needs #TS annotations in the log", hint="growth shows it over position")
    if as_json:
        print_json(habits_json(table))
    elif as_csv:
        write_habits_csv(table, sys.stdout)
    else:
        render_habits(results_console(color), table)
