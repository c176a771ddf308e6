"""`aoftool growth`: how a log grew, when that changed, and what drove it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import Color, line_console
from aoftool.cli.ending import tell_survey
from aoftool.cli.exit_codes import NOT_JUDGED, VERDICT
from aoftool.cli.log_databases import refuse_absent_in
from aoftool.cli.options.common_options import (
    Form,
    chosen_form,
)
from aoftool.cli.options.moments import find_stretch, refuse_outside
from aoftool.cli.options.narrowing import (
    narrowing,
)
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.options.widths import Width, parse_width
from aoftool.cli.requests.growth import AxisChoice, GroupBy, GrowthRequest
from aoftool.cli.told_writer import tell_writer
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from aoftool.analysis.census.reading import Reading
    from aoftool.analysis.growth.model import Growth
    from aoftool.analysis.habits.model import HabitTable
    from aoftool.redaction import Redactor

__all__ = ["register"]

_BUCKETS = 120
_ROWS = 8
_TABLE_BUCKETS = 500


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, growth, GrowthRequest, VERDICT, NOT_JUDGED)


def growth(asked: GrowthRequest) -> int:
    """Show how a log grew, when that changed, and what drove it.

    Over time where the log holds #TS annotations, exact to a second; else over
    the file, with times inferred from stream IDs, the base and the files where
    that is possible, each marked with ~ and how far off it may be. Names what
    drives a change, in 8 rows without --limit; lists bursts, gaps without writes, and steps of the clock.

    In a log without #TS, --since and --until count every command that may have
    run then, by times inferred from entry IDs of streams and expire times.

    \b
    Examples:
      aoftool growth /var/lib/valkey              which prefixes, and when
      aoftool growth --by command --bucket 1m     minute by minute
      aoftool growth --axis bytes                 over the file
      aoftool growth --db 3 --since 2026-11-21    one database, one day
      aoftool growth --fold day                   hour by hour of a day
      aoftool growth --csv > growth.csv           for a spreadsheet
    """
    from aoftool.api.growing import fold, growth, read
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    form = chosen_form(asked.as_json, asked.as_csv)
    width = None if asked.bucket is None else parse_width(asked.bucket)
    redactor = make_redactor(asked.redact, asked.salt)
    log = find_input(asked.path)
    stretch = find_stretch(asked.since, asked.until, log)
    wanted = narrowing(
        stretch=stretch,
        db=asked.db,
        cmd=asked.cmd,
        match=asked.match,
        depth=asked.depth,
        separator=asked.separator,
    )
    with ProgressReporter("reading", log.size_bytes, asked.progress, asked.quiet) as reporter:
        found = read(log, wanted.options, wanted.commands, reporter)
    for note in found.notes:
        print(f"aoftool: {note}", file=sys.stderr)
    if not found.contents.total[0]:
        refuse_outside(log, stretch)
        refuse_absent_in(found.survey, wanted.options.databases)
    _refuse_steps(asked, width, found)
    if asked.fold is not None:
        _show_fold(fold(found, asked.fold.value), form, asked.color)
        return tell_survey(log, found.survey)
    grown = growth(
        log,
        found,
        by=(asked.by or GroupBy.PREFIX).value,
        buckets=_BUCKETS if form is Form.TEXT else _TABLE_BUCKETS,
        width=None if width is None else width.size,
        by_position=asked.axis is AxisChoice.BYTES,
        top=asked.limit or _ROWS,
    )
    _show(grown, redactor, form, asked.color)
    return tell_survey(log, found.survey)


def _refuse_steps(asked: GrowthRequest, width: Width | None, found: Reading) -> None:
    """Refuse steps that the log, or another option, has no room for."""
    from aoftool.analysis.clock.model import Axis

    timed = found.axis.axis is Axis.TIME and asked.axis is AxisChoice.AUTO
    if width is not None and width.of_time != timed:
        hint = "give a width such as 1M" if width.of_time else "add --axis bytes"
        raise UsageError("the width of a step does not fit the axis", hint=hint)
    if asked.fold is None:
        return
    if asked.bucket is not None or asked.axis is not AxisChoice.AUTO:
        raise UsageError("--fold makes its own steps of time", hint="leave out --bucket and --axis")
    if asked.by is not None or asked.limit is not None:
        raise UsageError(
            "--fold adds up all that was written", hint="leave out --by and --limit, use --match"
        )


def _show(grown: Growth, redactor: Redactor | None, form: Form, color: Color) -> None:
    from aoftool.analysis.redact.contents import redacted_growth
    from aoftool.report.growth import growth_json, render_growth, write_growth_csv
    from aoftool.report.jsonout import print_json

    grown = redacted_growth(grown, redactor)
    if form is Form.JSON:
        print_json(growth_json(grown))
    elif form is Form.CSV:
        write_growth_csv(grown, sys.stdout)
    else:
        render_growth(line_console(color), grown)
        tell_writer(grown.writer)


def _show_fold(table: HabitTable, form: Form, color: Color) -> None:
    from aoftool.report.habits import habits_json, render_habits, write_habits_csv
    from aoftool.report.jsonout import print_json

    if form is Form.JSON:
        print_json(habits_json(table))
    elif form is Form.CSV:
        write_habits_csv(table, sys.stdout)
    else:
        render_habits(line_console(color), table)
