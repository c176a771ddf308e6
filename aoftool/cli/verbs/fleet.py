"""`aoftool fleet`: many logs at once, in one table and with totals."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from aoftool.cli.exit_codes import NOT_JUDGED, VERDICT
from aoftool.cli.options.asking import parse_seconds
from aoftool.cli.options.common_options import chosen_form
from aoftool.cli.options.metrics import write_metrics
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.fleet import FleetRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aoftool.fleet.model import LogRow

__all__ = ["register"]


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, fleet, FleetRequest, VERDICT, NOT_JUDGED)


def fleet(asked: FleetRequest) -> int:
    """Go over many logs: one row each, the worst first, and totals.

    Verdict, release, size, what a rewrite would drop, growth, how long a
    restart takes, and the newest #TS of each log, as `check` and `inspect`
    tell them. A log that cannot be read, takes too long or ends its process
    is a row, and the others go on. docs/fleet.md has more.

    \b
    Examples:
      aoftool fleet /srv/*/redis
      aoftool fleet 's3://backups/2026-11-30/*' --jobs 8 --csv > fleet.csv
      aoftool fleet --list nodes.txt --state fleet.state --timeout 10m
      aoftool fleet --on dask://scheduler:8786 's3://backups/*/aof' --json
      aoftool fleet /srv/cluster --html fleet.html
    """
    from aoftool.cli.answers.fleet import exit_code, show_fleet
    from aoftool.fleet.model import FleetReport

    form = chosen_form(asked.as_json, asked.as_csv)
    make_redactor(asked.redact, asked.salt)
    if asked.jobs is not None and asked.on is not None:
        raise UsageError("--jobs is for this machine, and --on for a cluster", hint="leave one out")
    paths = _paths(asked)
    found = FleetReport.of(_rows(asked, paths))
    if asked.html is not None:
        from aoftool.files.sink import write_atomically
        from aoftool.report.fleet.page import fleet_page

        write_atomically(asked.html, [fleet_page(found).encode()], force=asked.force)
    if asked.metrics is not None:
        from aoftool.report.metrics import fleet_samples

        write_metrics(asked.metrics, "fleet", fleet_samples(found.rows))
    show_fleet(found, form, asked)
    return exit_code(found)


def _paths(asked: FleetRequest) -> list[str]:
    from aoftool.fleet.finding import fleet_paths, listed_paths

    named = [*(asked.patterns or ()), *(listed_paths(asked.listed) if asked.listed is not None else ())]
    if not named:
        raise UsageError("no logs are named", hint="name folders, as /srv/*/redis, or --list FILE")
    return fleet_paths(named)


def _rows(asked: FleetRequest, paths: list[str]) -> Iterator[LogRow]:
    """Yield the rows of all logs, those that are known already first."""
    from aoftool.cli.progress import ProgressReporter
    from aoftool.units import counted

    with ExitStack() as stack:
        state = None
        if asked.state is not None:
            from aoftool.fleet.state import FleetState

            state = stack.enter_context(FleetState(asked.state))
        title = f"reading {counted(len(paths), 'log')}"
        reporter = stack.enter_context(ProgressReporter(title, None, asked.progress, asked.quiet))
        left = []
        for path in paths:
            known = None if state is None else state.known(path)
            if known is None:
                left.append(path)
            else:
                yield known
        for row in _made(asked, left):
            if state is not None:
                state.keep(row)
            reporter(row.size_bytes)
            yield row


def _made(asked: FleetRequest, paths: list[str]) -> Iterator[LogRow]:
    from aoftool.api.machine import worker_count

    timeout_s = None if asked.timeout is None else parse_seconds(asked.timeout, "--timeout")
    if asked.on is not None:
        from aoftool.fleet.cluster import run_on

        return run_on(asked.on, paths, timeout_s=timeout_s)
    from aoftool.fleet.running import run_here

    return run_here(paths, jobs=min(worker_count(asked.jobs), max(len(paths), 1)), timeout_s=timeout_s)
