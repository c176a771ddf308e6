"""`aoftool fleet`: many logs at once, in one table and with totals."""

from __future__ import annotations

from aoftool.cli.exit_codes import NOT_JUDGED, VERDICT
from aoftool.cli.options.asking import parse_seconds
from aoftool.cli.options.common_options import chosen_form
from aoftool.cli.options.metrics import write_metrics
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.fleet import FleetRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import UsageError

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
    from aoftool.cli.progress import stages
    from aoftool.fleet.model import FleetReport
    from aoftool.fleet.rows import fleet_rows

    form = chosen_form(asked.as_json, asked.as_csv)
    make_redactor(asked.redact, asked.salt)
    if asked.jobs is not None and asked.on is not None:
        raise UsageError("--jobs is for this machine, and --on for a cluster", hint="leave one out")
    paths = _paths(asked)
    rows = fleet_rows(
        paths,
        jobs=asked.jobs,
        on=asked.on,
        timeout_s=None if asked.timeout is None else parse_seconds(asked.timeout, "--timeout"),
        state_path=asked.state,
        stage=stages(asked),
    )
    found = FleetReport.of(rows)
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
