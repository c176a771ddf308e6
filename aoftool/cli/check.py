"""`aoftool check`: is a log whole, file by file."""

from __future__ import annotations

from typing import Annotated

import typer

from aoftool.cli.console import Color, results_console
from aoftool.cli.exit_codes import DONE, VERDICT, epilog
from aoftool.cli.machine import worker_count
from aoftool.cli.options import ColorOption, JsonOption, ProgressMode, ProgressOption, QuietOption

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(VERDICT))(check)


def check(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...", show_default=False, help="Logs; as for `inspect`."),
    ] = None,
    as_json: JsonOption = False,
    color: ColorOption = Color.auto,
    quiet: QuietOption = False,
    progress: ProgressOption = ProgressMode.auto,
) -> None:
    """Check whether logs are whole: one verdict for each file.

    Everything is opened read-only. Healthy logs of every server are called
    healthy, those with a VALKEY080 base too.

    \b
    Examples:
      aoftool check
      aoftool check /var/lib/valkey /var/lib/redis
      aoftool check --json appendonlydir | jq .logs[].verdict
    """
    from aoftool.aof.layout import find_log
    from aoftool.aof.survey import survey
    from aoftool.check.quick import quick_report
    from aoftool.cli.progress import ProgressReporter

    reports = []
    for log in [find_log(path) for path in paths] if paths else [find_log()]:
        with ProgressReporter("checking", log.size_bytes, progress, quiet) as reporter:
            reports.append(quick_report(survey(log, workers=worker_count(), progress=reporter)))
    if as_json:
        from aoftool.report.checks import checks_json
        from aoftool.report.jsonout import print_json

        print_json(checks_json(reports))
    else:
        from aoftool.report.checks import render_checks

        render_checks(results_console(color), reports)
    raise typer.Exit(DONE if all(report.intact for report in reports) else VERDICT)
