"""`aoftool growth`: how a log grew, when that changed, and what drove it."""

from __future__ import annotations

import sys

from aoftool.cli.ending import tell_survey
from aoftool.cli.exit_codes import NOT_JUDGED, VERDICT
from aoftool.cli.log_databases import refuse_absent_in
from aoftool.cli.options.common_options import Form, chosen_form
from aoftool.cli.options.moments import find_stretch, refuse_outside
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.options.widths import parse_width
from aoftool.cli.requests.growth import AxisChoice, GroupBy, GrowthRequest
from aoftool.cli.verb import Application, add_verb

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
    from aoftool.cli.answers.growth import show_fold, show_growth
    from aoftool.cli.choices.counting import counted_part
    from aoftool.cli.choices.growth import refuse_steps
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    form = chosen_form(asked.as_json, asked.as_csv)
    width = None if asked.bucket is None else parse_width(asked.bucket)
    redactor = make_redactor(asked.redact, asked.salt)
    log = find_input(asked.path)
    stretch = find_stretch(asked.since, asked.until, log)
    wanted = counted_part(asked, stretch)
    with ProgressReporter("reading", log.size_bytes, asked.progress, asked.quiet) as reporter:
        found = read(log, wanted.options, wanted.commands, reporter)
    for note in found.notes:
        print(f"aoftool: {note}", file=sys.stderr)
    if not found.contents.total[0]:
        refuse_outside(log, stretch)
        refuse_absent_in(found.survey, wanted.options.databases)
    refuse_steps(asked, width, found)
    if asked.fold is not None:
        show_fold(fold(found, asked.fold.value), form, asked.color)
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
    show_growth(grown, redactor, form, asked.color)
    return tell_survey(log, found.survey)
