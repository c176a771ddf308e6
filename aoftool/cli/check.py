"""`aoftool check`: is a log whole, what is wrong with it, and what would each server do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.console import Color, line_console, render_error
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT, epilog
from aoftool.cli.machine import worker_count
from aoftool.cli.options import ColorOption, JsonOption, ProgressMode, ProgressOption, QuietOption
from aoftool.cli.redaction import RedactOption, SaltOption, make_redactor
from aoftool.databases import DEFAULT_DATABASES
from aoftool.errors import AoftoolError, SeveralLogsError

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.check.model import Report

__all__ = ["register"]


class LevelOption(str, Enum):
    """How far to go."""

    quick = "quick"
    full = "full"
    deep = "deep"


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(VERDICT, NOT_JUDGED))(check)


def check(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...", show_default=False, help="Logs; as for `inspect`."),
    ] = None,
    level: Annotated[
        LevelOption,
        typer.Option(
            "--level",
            help="quick stops at the first damage of a file; full goes on behind it; deep also looks"
            " into every value of a large RDB part, and replays logs up to 256 MiB.",
        ),
    ] = LevelOption.full,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target", metavar="SERVER", help="Foretell only these, such as valkey-9.1 or redis-8."
        ),
    ] = None,
    databases: Annotated[
        int, typer.Option("--databases", min=1, help="The `databases` setting of the servers to foretell.")
    ] = DEFAULT_DATABASES,
    top: Annotated[int, typer.Option("--top", min=1, help="Show at most so many findings of a log.")] = 20,
    redact: RedactOption = None,
    salt: SaltOption = None,
    as_json: JsonOption = False,
    color: ColorOption = Color.auto,
    quiet: QuietOption = False,
    progress: ProgressOption = ProgressMode.auto,
) -> None:
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
    """
    from aoftool.check.checker import check as check_log
    from aoftool.check.model import Level
    from aoftool.check.targets import TARGETS, targets_named
    from aoftool.cli.inputs import find_input, finish_input
    from aoftool.cli.progress import ProgressReporter

    make_redactor(redact, salt)
    asked = {row.name for name in target or () for row in targets_named(name)}
    targets = [row for row in TARGETS if row.name in asked or not target]
    reports: list[Report] = []
    errors: list[AoftoolError] = []
    found, expanded = _find(paths)
    for item in found:
        try:
            log = find_input(item) if isinstance(item, str) else item
            with ProgressReporter("checking", log.size_bytes, progress, quiet) as reporter:
                report = check_log(log, Level(level.value), targets, reporter, worker_count(), databases)
        except AoftoolError as error:
            # One that cannot be read says nothing of the others.
            if len(found) == 1:
                raise
            error.path = error.path or (item if isinstance(item, str) else item.path)
            errors.append(error)
            continue
        report.asked = bool(target)
        reports.append(report)
        finish_input(log)
    if as_json:
        from aoftool.report.findings import findings_json
        from aoftool.report.jsonout import print_json

        not_read = [{"path": error.path, "message": error.message, "hint": error.hint} for error in errors]
        print_json({**findings_json(reports), **({"not_read": not_read} if expanded or errors else {})})
    elif expanded and len(found) > 1:
        from aoftool.report.nodes import render_nodes

        render_nodes(line_console(color), reports, errors)
    else:
        from aoftool.report.findings import render_findings

        render_findings(line_console(color), reports, top=top)
        for unread in errors:
            print(render_error(unread), file=sys.stderr)
    if errors:
        raise typer.Exit(max(unread.exit_code for unread in errors))
    if not all(report.intact and report.refused is None for report in reports):
        raise typer.Exit(VERDICT)
    raise typer.Exit(DONE if all(report.judged for report in reports) else NOT_JUDGED)


def _find(paths: list[str] | None) -> tuple[list[Log | str], bool]:
    """Return the logs that were named, and the paths of those that are in folders that were named.

    The second tells whether there are such folders.
    """
    from aoftool.cli.inputs import find_input

    found: list[Log | str] = []
    expanded = False
    named: Sequence[str | None] = paths or [None]
    for path in named:
        try:
            found.append(find_input(path))
        except SeveralLogsError as error:
            found += error.paths
            expanded = True
        except AoftoolError:
            if path is None or len(named) == 1:
                raise
            found.append(path)
    return found, expanded
