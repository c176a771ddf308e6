"""`aoftool inspect`: what is in a log, and is it whole."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import Color, line_console, tell
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.cli.log_databases import refuse_absent_in
from aoftool.cli.options.common_options import (
    Form,
    chosen_form,
)
from aoftool.cli.options.metrics import write_metrics
from aoftool.cli.options.moments import find_stretch, refuse_outside
from aoftool.cli.options.narrowing import (
    narrowing,
)
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.progress import end_progress
from aoftool.cli.requests.inspect import GroupBy, InspectRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.dataclass import dataclass
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from aoftool.api.inspecting import Inspection

__all__ = ["register"]

_SCREEN_ROWS = 5
_FULL_ROWS = 12


_PLAIN_GROUPS = (None, GroupBy.COMMAND, GroupBy.DB, GroupBy.FILE)


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
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    redactor = make_redactor(asked.redact, asked.salt)
    show = _Show(
        asked.by, asked.limit, asked.sort.value, chosen_form(asked.as_json, asked.as_csv), asked.color
    )
    if asked.as_csv and asked.by is None:
        raise UsageError("CSV is one table", hint="say which with --by")
    log = find_input(asked.path)
    stretch = find_stretch(asked.since, asked.until, log)
    counted = narrowing(
        stretch=stretch,
        db=asked.db,
        cmd=asked.cmd,
        match=asked.match,
        depth=asked.depth,
        separator=asked.separator,
    )
    needed = counted.narrows or bool(asked.savings) or asked.by not in _PLAIN_GROUPS
    if asked.contents is False and needed:
        raise UsageError("what is asked for needs the contents", hint="leave out --no-contents")
    contents = asked.contents
    if contents is None:
        contents = needed or (log.size_bytes or 0) <= _contents_limit()
    with ProgressReporter("reading", log.size_bytes, asked.progress, asked.quiet) as reporter:
        rows = show.rows if contents else show.top
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
        _print(found, show)
    if not found.health.intact:
        return VERDICT
    return DONE if found.health.judged else NOT_JUDGED


@dataclass(frozen=True)
class _Show:
    """How the answer is to look."""

    by: GroupBy | None
    top: int | None
    sort: str
    form: Form
    color: Color

    @property
    def rows(self) -> int:
        """Return how many rows of each distribution are shown."""
        return self.top or (_FULL_ROWS if self.by is not None else _SCREEN_ROWS)


def _print(found: Inspection, show: _Show) -> None:
    """Show the answer; progress is over by then."""
    end_progress()
    if show.form is Form.CSV:
        _print_csv(found, show)
    elif show.form is Form.JSON:
        _print_json(found, show)
    elif found.contents is None or found.growth is None:
        from aoftool.report.inspect.plain_screen import render_plain

        by = (show.by or GroupBy.COMMAND).value
        console, rows = line_console(show.color), show.top or _FULL_ROWS
        render_plain(console, found.overview, found.health, by=by, top=rows, sort=show.sort)
    else:
        from aoftool.report.inspect.screen import render_screen, render_view

        parts = (line_console(show.color), found.overview, found.health, found.contents, found.growth)
        if show.by is None:
            render_screen(*parts, top=show.rows, sort=show.sort)
        else:
            render_view(*parts, by=show.by.value, top=show.rows, sort=show.sort)


def _print_json(found: Inspection, show: _Show) -> None:
    from aoftool.report.growth import growth_json
    from aoftool.report.inspect.contents_json import contents_json
    from aoftool.report.inspect.overview import overview_json
    from aoftool.report.jsonout import print_json

    body = overview_json(found.overview, found.health, sort=show.sort)
    contents = None if found.contents is None else contents_json(found.contents)
    growth = None if found.growth is None else growth_json(found.growth)
    print_json({**body, "contents": contents, "growth": growth})


def _print_csv(found: Inspection, show: _Show) -> None:
    """Print one distribution; damage, for which a table has no place, is told on stderr."""
    from aoftool.report.inspect.csvout import write_overview_csv, write_view_csv

    by = (show.by or GroupBy.COMMAND).value
    view, health = found.contents, found.health
    if view is None or show.by in _PLAIN_GROUPS:
        write_overview_csv(found.overview, sys.stdout, by=by, sort=show.sort)
    else:
        write_view_csv(view, sys.stdout, by=by, sort=show.sort)
    if not health.intact:
        print(f"aoftool: {health.message}", file=sys.stderr)
        tell(health.next_command)


def _contents_limit() -> int:
    """Return up to which size a log is looked into without being asked."""
    from aoftool.resp.scanner import scanner_name

    return 256 << 20 if scanner_name() == "native" else 8 << 20
