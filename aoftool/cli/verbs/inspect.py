"""`aoftool inspect`: what is in a log, and is it whole."""

from __future__ import annotations

import sys

from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.cli.log_databases import refuse_absent_in
from aoftool.cli.options.common_options import chosen_form
from aoftool.cli.options.metrics import write_metrics
from aoftool.cli.options.moments import find_stretch, refuse_outside
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.progress import end_progress
from aoftool.cli.requests.inspect import InspectRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import UsageError

__all__ = ["register"]


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, inspect, InspectRequest, VERDICT, NOT_JUDGED)


def inspect(asked: InspectRequest) -> int:
    """Show what is in a log, and whether it is whole.

    Layout, server and version, time range, health in one line, what a rewrite
    would save, growth, the largest commands, and what the log holds most of:
    commands, prefixes, keys. Nothing is ever written; files of a running
    server are safe to read. Without --limit 5 rows are shown, with --by 12;
    the rest is folded.

    In a log without #TS, --since and --until count every command that may have
    run then, by times inferred from entry IDs of streams and expire times.

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
    from aoftool.api.inspecting import InspectionRequest, inspected
    from aoftool.cli.answers.inspect import Look, show_inspection
    from aoftool.cli.choices.counting import counted_part
    from aoftool.cli.choices.inspect import wants_contents
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    redactor = make_redactor(asked.redact, asked.salt)
    form = chosen_form(asked.as_json, asked.as_csv)
    look = Look(asked.by, asked.limit, asked.sort.value, form, asked.color)
    if asked.as_csv and asked.by is None:
        raise UsageError("CSV is one table", hint="say which with --by")
    log = find_input(asked.path)
    stretch = find_stretch(asked.since, asked.until, log)
    counted = counted_part(asked, stretch)
    contents = wants_contents(asked, counted, log)
    with ProgressReporter("reading", log.size_bytes, asked.progress, asked.quiet) as reporter:
        rows = look.rows if contents else look.top
        request = InspectionRequest(
            contents, asked.savings, counted.options, counted.commands, rows, redactor
        )
        found = inspected(log, request, workers=asked.jobs, progress=reporter)
        end_progress()
        for note in found.notes:
            print(f"aoftool: {note}", file=sys.stderr)
        if found.is_empty:
            refuse_outside(log, stretch)
            refuse_absent_in(found.survey, counted.options.databases)
        if asked.metrics is not None:
            from aoftool.report.metrics import inspect_samples

            samples = inspect_samples(found.overview, found.health, found.contents)
            write_metrics(asked.metrics, "inspect", samples)
        show_inspection(found, look)
    if not found.health.intact:
        return VERDICT
    return DONE if found.health.judged else NOT_JUDGED
