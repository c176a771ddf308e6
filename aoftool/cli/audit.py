"""`aoftool audit`: what an operator would want to know about a log."""

from __future__ import annotations

import sys
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.console import output_width
from aoftool.cli.ending import tell_damage
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT, epilog
from aoftool.cli.machine import worker_count
from aoftool.cli.options import (
    CsvOption,
    Form,
    JsonOption,
    PathArgument,
    ProgressMode,
    ProgressOption,
    QuietOption,
    chosen_form,
)
from aoftool.cli.redaction import RedactOption, SaltOption, make_redactor
from aoftool.cli.told_writer import tell_writer

if TYPE_CHECKING:
    from aoftool.analysis.audit_model import Audit

__all__ = ["register"]

_REPLAYED_BYTES = 64 << 20


class Replay(str, Enum):
    """Whether to replay the log, to tell what was lost."""

    auto = "auto"
    always = "always"
    never = "never"


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(VERDICT, NOT_JUDGED))(audit)


def audit(
    path: PathArgument = None,
    context: Annotated[
        int, typer.Option(min=0, help="Commands to show around each event of high severity.")
    ] = 3,
    replay: Annotated[
        Replay, typer.Option("--replay", help="Replay the log to tell what was lost; auto: up to 64 MiB.")
    ] = Replay.auto,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    redact: RedactOption = None,
    salt: SaltOption = None,
    quiet: QuietOption = False,
    progress: ProgressOption = ProgressMode.auto,
) -> None:
    """Show the commands an operator would want to know about.

    Flushes, SWAPDB, mass deletions, expiry storms, keys written over by RENAME, commands that
    no server writes, scripts and functions, deletions of big keys, very large
    commands and transactions, long runs of one command: each with its offset,
    its time by #TS, or inferred from streams and expire times around it (~, and
    how far off it may be), and the commands around it. A log cannot tell who
    sent them.

    \b
    Examples:
      aoftool audit /var/lib/valkey
      aoftool audit --context 10 --replay always appendonlydir
      aoftool audit --json | jq '.events[] | select(.severity=="high")'
    """
    from aoftool.analysis.audit import audit_log
    from aoftool.analysis.audit_model import AuditCode
    from aoftool.analysis.audit_times import add_times
    from aoftool.analysis.redacting import redacted_audit
    from aoftool.aof.model import LogKind
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter
    from aoftool.report.audit import audit_json, audit_lines, write_audit_csv
    from aoftool.report.jsonout import print_json

    form = chosen_form(as_json, as_csv)
    redactor = make_redactor(redact, salt)
    log = find_input(path)
    with ProgressReporter("reading", log.size_bytes, progress, quiet) as reporter:
        found = audit_log(log, context=context, progress=reporter)
    # Of standard input only what is empty comes so far.
    is_stream = log.kind is LogKind.STDIN
    is_small = log.size_bytes is not None and log.size_bytes <= _REPLAYED_BYTES
    if not is_stream and (replay is Replay.always or (replay is Replay.auto and is_small)):
        from aoftool.analysis.audit_replay import add_losses

        with ProgressReporter("replaying", log.size_bytes, progress, quiet) as reporter:
            add_losses(found, log, progress=reporter)
    elif not is_stream and replay is Replay.auto:
        found.notes.append("the log is large and was not replayed: --replay always tells what was lost")
    if found.writer is None and not is_stream:
        from aoftool.replay.log_writer import writer_of_log

        with ProgressReporter("looking for the writer", log.size_bytes, progress, quiet) as reporter:
            found.writer = writer_of_log(log, workers=worker_count(), progress=reporter)
    if not is_stream:
        add_times(found, log)
    found = redacted_audit(found, redactor)
    if form is Form.JSON:
        print_json(audit_json(found))
    elif form is Form.CSV:
        write_audit_csv(found, sys.stdout)
        _closing(found)
    else:
        print("\n".join(audit_lines(found, output_width())))
        _closing(found)
    if found.damage is not None:
        raise typer.Exit(tell_damage(log, found.damage))
    unknown = any(event.code is AuditCode.UNKNOWN for event in found.events)
    raise typer.Exit(NOT_JUDGED if unknown else DONE)


def _closing(found: Audit) -> None:
    tell_writer(found.writer)
    for note in found.notes:
        print(f"aoftool: {note}", file=sys.stderr)
