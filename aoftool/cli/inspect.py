"""`aoftool inspect`: what is in a log, and is it whole."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.console import Color, results_console
from aoftool.cli.exit_codes import DONE, VERDICT, epilog
from aoftool.cli.machine import worker_count
from aoftool.cli.options import (
    ColorOption,
    JsonOption,
    PathArgument,
    ProgressMode,
    ProgressOption,
    QuietOption,
)

if TYPE_CHECKING:
    from aoftool.aof.layout import Log
    from aoftool.check.model import Report

__all__ = ["register"]

TOP_ROWS = 12
TOP_KEYS = 5


class GroupBy(Enum):
    """What the distribution is by."""

    COMMAND = "command"
    DB = "db"
    FILE = "file"


class SortBy(Enum):
    """The order of the rows."""

    BYTES = "bytes"
    COUNT = "count"
    LARGEST = "largest"
    MEAN = "mean"
    NAME = "name"


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(VERDICT))(inspect)


def inspect(
    path: PathArgument = None,
    by: Annotated[GroupBy, typer.Option("--by", help="Show the distribution by this.")] = GroupBy.COMMAND,
    top: Annotated[
        int | None,
        typer.Option(
            "--top",
            "-n",
            min=1,
            show_default=False,
            help="Rows to show; the rest is folded.  [default: 12, of the largest keys 5]",
        ),
    ] = None,
    sort: Annotated[SortBy, typer.Option("--sort", help="Order of the rows.")] = SortBy.BYTES,
    as_json: JsonOption = False,
    color: ColorOption = Color.auto,
    quiet: QuietOption = False,
    progress: ProgressOption = ProgressMode.auto,
) -> None:
    """Show what is in a log, and whether it is whole.

    Layout, server and version, time range, health in one line, commands by
    count and bytes, keys of the RDB part by type and encoding. Nothing is
    ever written; files of a running server are safe to read.

    \b
    Examples:
      aoftool inspect                            search this directory
      aoftool inspect /var/lib/valkey            a server's data directory
      aoftool inspect --by db appendonly.aof     per database
      zcat old.aof.gz | aoftool inspect -        standard input
      aoftool inspect --json | jq .health
    """
    from aoftool.analysis.overview import overview_of
    from aoftool.aof.layout import LogKind, find_log
    from aoftool.aof.survey import survey
    from aoftool.check.health import health_of
    from aoftool.check.quick import intact_structure, quick_report
    from aoftool.cli.progress import ProgressReporter

    log = find_log(path)
    with ProgressReporter("reading", log.size_bytes, progress, quiet) as reporter:
        read = survey(log, workers=worker_count(), top_keys=top or TOP_KEYS, progress=reporter)
        report = quick_report(read)
        if not intact_structure(report) and log.kind is not LogKind.STDIN:
            report = _look_behind(log)
    result, health = overview_of(read), health_of(report)
    if as_json:
        from aoftool.report.jsonout import print_json
        from aoftool.report.overview import overview_json

        print_json(overview_json(result, health, sort=sort.value))
    else:
        from aoftool.report.overview import render_overview

        render_overview(
            results_console(color),
            result,
            health,
            by=by.value,
            top=top or TOP_ROWS,
            top_keys=top or TOP_KEYS,
            sort=sort.value,
        )
    raise typer.Exit(DONE if health.intact else VERDICT)


def _look_behind(log: Log) -> Report:
    """Check a log in full: what stands behind the first damage is worth a second reading only now."""
    from aoftool.check.checker import check
    from aoftool.check.model import Level

    return check(log, Level.FULL)
