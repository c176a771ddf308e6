"""`aoftool audit`: what an operator would want to know about a log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import Color, line_console
from aoftool.cli.ending import tell_damage
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.cli.options.common_options import (
    Form,
    chosen_form,
)
from aoftool.cli.options.moments import (
    find_stretch,
    refuse_outside,
    refuse_untimed,
)
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.audit import AuditRequest
from aoftool.cli.told_writer import tell_writer
from aoftool.cli.verb import Application, add_verb

if TYPE_CHECKING:
    from aoftool.analysis.audit.model import Audit

__all__ = ["register"]


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, audit, AuditRequest, VERDICT, NOT_JUDGED)


def audit(asked: AuditRequest) -> int:
    """Show the commands an operator would want to know about.

    Flushes, SWAPDB, mass deletions, expiry storms, keys written over by RENAME, commands that
    no server writes, scripts and functions, deletions of big keys, very large
    commands and transactions, long runs of one command: each with its offset,
    its time by #TS, or inferred from streams and expire times around it (~, and
    how far off it may be), and the commands around it. A log cannot tell who
    sent them. What stands around is shown for events of high severity.

    \b
    Examples:
      aoftool audit /var/lib/valkey
      aoftool audit --since 2h                   the last two hours of the log
      aoftool audit --context 10 --replay always appendonlydir
      aoftool audit --json | jq '.events[] | select(.severity=="high")'
    """
    from aoftool.analysis.audit.model import AuditCode
    from aoftool.analysis.redact.commands import redacted_audit
    from aoftool.api.auditing import audit
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    form = chosen_form(asked.as_json, asked.as_csv)
    redactor = make_redactor(asked.redact, asked.salt)
    log = find_input(asked.path)
    stretch = find_stretch(asked.since, asked.until, log)
    refuse_untimed(log, stretch)
    found = audit(
        log,
        context=asked.context,
        stretch=stretch,
        replay=asked.replay.value,
        stage=lambda name, total: ProgressReporter(name, total, asked.progress, asked.quiet),
    )
    if not found.events:
        refuse_outside(log, stretch)
    _show(redacted_audit(found, redactor), form, asked.color)
    if found.damage is not None:
        return tell_damage(log, found.damage)
    unknown = any(event.code is AuditCode.UNKNOWN for event in found.events)
    return NOT_JUDGED if unknown else DONE


def _show(found: Audit, form: Form, color: Color) -> None:
    from aoftool.report.audit import audit_json, audit_lines, line_style, write_audit_csv
    from aoftool.report.jsonout import print_json

    if form is Form.JSON:
        print_json(audit_json(found))
        return
    if form is Form.CSV:
        write_audit_csv(found, sys.stdout)
    else:
        console = line_console(color)
        for line in audit_lines(found, console.width):
            console.print(line, style=line_style(line))
    _closing(found)


def _closing(found: Audit) -> None:
    tell_writer(found.writer)
    for note in found.notes:
        print(f"aoftool: {note}", file=sys.stderr)
