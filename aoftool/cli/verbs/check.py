"""`aoftool check`: is a log whole, what is wrong with it, and what would each server do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.cli.exit_codes import NOT_JUDGED, VERDICT
from aoftool.cli.options.common_options import chosen_form
from aoftool.cli.options.metrics import write_metrics
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.check import CheckRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.databases import DEFAULT_DATABASES
from aoftool.errors import AoftoolError

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.check.model import Report

__all__ = ["register"]


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, check, CheckRequest, VERDICT, NOT_JUDGED)


def check(asked: CheckRequest) -> int:
    """Check whether logs are whole, and foretell what servers do.

    Two verdicts, kept apart: is it intact, and would the releases of Redis
    from 6.0 and of Valkey from 7.2 on load it, cut it, refuse it or crash.
    Everything is opened read-only. docs/findings.md explains every code. Of
    a folder of data directories, such as those of a cluster, all are checked.

    \b
    Examples:
      aoftool check
      aoftool check /var/lib/valkey /var/lib/redis
      aoftool check --target valkey-9.1 --level deep appendonlydir
      aoftool check --json appendonlydir | jq .logs[].verdict
      aoftool check --csv appendonlydir > findings.csv
      aoftool check --metrics /var/lib/node_exporter/aof.prom /var/lib/valkey
    """
    from aoftool.check.loaders.targets import targets_named
    from aoftool.cli.answers.check import exit_code, show_reports
    from aoftool.cli.inputs import find_inputs

    chosen_form(asked.as_json, asked.as_csv)
    make_redactor(asked.redact, asked.salt)
    for name in asked.target or ():
        targets_named(name)
    try:
        logs, expanded = find_inputs(asked.paths)
    except AoftoolError as error:
        _write_metrics(asked, [], [error])
        raise
    try:
        reports, errors = _checked(logs, asked)
    except AoftoolError as error:
        _write_metrics(asked, [], [error])
        raise
    _write_metrics(asked, reports, errors)
    show_reports(reports, errors, asked, expanded=expanded, several=len(logs) > 1)
    return exit_code(reports, errors)


def _checked(logs: list[Log | str], asked: CheckRequest) -> tuple[list[Report], list[AoftoolError]]:
    """Return the reports on logs, and the errors of those that cannot be read."""
    from aoftool.api.checking import check
    from aoftool.cli.inputs import find_input, finish_input
    from aoftool.cli.progress import ProgressReporter

    reports: list[Report] = []
    errors: list[AoftoolError] = []
    for item in logs:
        try:
            log = find_input(item) if isinstance(item, str) else item
            with ProgressReporter("checking", log.size_bytes, asked.progress, asked.quiet) as reporter:
                report = check(
                    log,
                    level=asked.level.value,
                    targets=asked.target or (),
                    databases=asked.databases or DEFAULT_DATABASES,
                    workers=asked.jobs,
                    progress=reporter,
                )
        except AoftoolError as error:
            # One that cannot be read says nothing of the others.
            if len(logs) == 1:
                raise
            error.path = error.path or (item if isinstance(item, str) else item.path)
            errors.append(error)
            continue
        reports.append(report)
        finish_input(log)
    return reports, errors


def _write_metrics(asked: CheckRequest, reports: list[Report], errors: list[AoftoolError]) -> None:
    """Write the figures of all logs; one that cannot be read has one that says so."""
    if asked.metrics is None:
        return
    from aoftool.report.metrics import check_samples, unreadable_samples

    samples = [sample for report in reports for sample in check_samples(report)]
    for error in errors:
        samples += unreadable_samples(error.path or ", ".join(asked.paths or ()))
    write_metrics(asked.metrics, "check", samples)
