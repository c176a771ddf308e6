"""`aoftool explain`: what is at this byte."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console
from aoftool.cli.ending import damage_in, diagnosed, tell_survey
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.cli.options.common_options import ProgressMode
from aoftool.cli.options.moments import find_place
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.explain import ExplainRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import InputError, UsageError
from aoftool.escape import typed_name
from aoftool.next_step import next_step

if TYPE_CHECKING:
    from aoftool.aof.layout import Log
    from aoftool.aof.survey import Survey

__all__ = ["register"]


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, explain, ExplainRequest, VERDICT, NOT_JUDGED)


def explain(asked: ExplainRequest) -> int:
    """Show what stands at a byte of a log, down to the entry.

    Says which part of the file it is (RDB header, record, value, command,
    argument, annotation) and what each byte of it means, as labelled hex; of
    --key its record, or the last command with it. A key may be typed with escapes, such as 'k\\x00\\xff'.

    \b
    Examples:
      aoftool explain dump.rdb --at 4477
      aoftool explain appendonlydir --at appendonly.aof.1.incr.aof:13063
      aoftool explain appendonlydir --key user:1
    """
    from aoftool.api.explaining import explain_key, explain_place
    from aoftool.cli.inputs import find_input

    redactor = make_redactor(asked.redact, asked.salt)
    _refuse_several(asked)
    log = find_input(asked.path)
    if asked.at:
        found = explain_place(log, find_place(asked.at[0], log, "--at"))
    else:
        key = typed_name(asked.key[0] if asked.key else "")
        try:
            found = explain_key(log, key, asked.db[0] if asked.db else None)
        except InputError as error:
            _add_damage(error, log)
            raise
    if redactor is not None:
        from aoftool.analysis.redact.explain import redacted_explanation

        found = redacted_explanation(found)
    if asked.as_json:
        from aoftool.report.hexview import explanation_json
        from aoftool.report.jsonout import print_json

        print_json(explanation_json(found))
    else:
        from aoftool.report.hexview import render_explanation

        render_explanation(line_console(asked.color), found)
    return _unread(log) if asked.key else DONE


def _refuse_several(asked: ExplainRequest) -> None:
    """Refuse what names no place or several."""
    if bool(asked.at) == bool(asked.key):
        raise UsageError(
            "explain needs either --at or --key",
            hint=next_step("explain", asked.path or os.curdir, "--at 0"),
        )
    for option, typed in (("--at", asked.at), ("--key", asked.key), ("--db", asked.db)):
        if typed and len(typed) > 1:
            raise UsageError(
                f"one place is explained, and {option} names several", hint=f"give {option} once"
            )


def _unread(log: Log) -> int:
    """Say where a file is damaged, for a key may stand behind that; return the exit code."""
    from aoftool.aof.model import LogKind

    return DONE if log.kind is LogKind.STDIN else tell_survey(log, _survey(log))


def _survey(log: Log) -> Survey:
    from aoftool.aof.survey import survey
    from aoftool.cli.progress import ProgressReporter

    with ProgressReporter("reading", log.size_bytes, ProgressMode.auto, False) as progress:
        return survey(log, progress=progress)


def _add_damage(error: InputError, log: Log) -> None:
    """Let the error that a key is nowhere say where a file could not be read on."""
    from aoftool.aof.model import LogKind

    if type(error) is not InputError or error.offset is not None or log.kind is LogKind.STDIN:
        return
    found = diagnosed(log, damage_in(_survey(log)))
    if found is not None and not found.refuted:
        error.message += f"; it may stand behind damage: {found.text}"
        error.hint = found.next
