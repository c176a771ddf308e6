"""`aoftool history`: everything that happened to a key."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from aoftool.cli.console import Color, line_console, tell
from aoftool.cli.ending import Unknown, tell_damage, tell_unknown
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.cli.log_databases import refuse_absent
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
from aoftool.cli.requests.history import HistoryRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import UsageError
from aoftool.escape import typed_name
from aoftool.next_step import next_step
from aoftool.pattern import Pattern, typed_pattern
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.analysis.history.history import KeyHistory
    from aoftool.analysis.history.model import HistoryStep
    from aoftool.aof.model import Log
    from aoftool.redaction import Redactor

__all__ = ["register"]


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, history, HistoryRequest, VERDICT, NOT_JUDGED)


def history(asked: HistoryRequest) -> int:
    """Show what happened to a key, step by step.

    Follows RENAME, COPY, MOVE, SWAPDB and flushes, and begins with the RDB
    part. A deletion is graded: by a client, by the server because the key had
    expired, or unclear, with the evidence. An eviction is unclear: it looks
    like a client that deletes one key; a log never says which client. Without
    #TS annotations times are inferred from entry IDs of streams, expire times,
    the base and the files, each marked with ~ and how far off it may be. With
    --match in place of KEY the path comes first.

    \b
    Examples:
      aoftool history user:1042 /var/lib/valkey
      aoftool history cart:17 --values --db 2 appendonly.aof
      aoftool history --match 'session:*' --limit 50 /var/lib/valkey
      aoftool history user:1042 --json | jq 'select(.deletion)'
      aoftool history --match 'session:*' --csv > sessions.csv
    """
    from itertools import islice

    from aoftool.api.history import history, steps_within
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    form = chosen_form(asked.as_json, asked.as_csv)
    if form is Form.CSV and asked.values:
        raise UsageError("a value does not fit into a cell", hint="use --json with --values")
    key, path = _key_and_path(asked)
    redactor = make_redactor(asked.redact, asked.salt)
    log = find_input(path)
    stretch = find_stretch(asked.since, asked.until, log)
    refuse_untimed(log, stretch)
    # A key of one database is followed where it moves; of several all steps are read, and some left out.
    dbs = frozenset(asked.db or ())
    only, several = (next(iter(dbs)), frozenset[int]()) if len(dbs) == 1 else (None, dbs)
    is_quiet = asked.quiet or sys.stdout.isatty()
    with ProgressReporter("reading", log.size_bytes, asked.progress, is_quiet) as reporter:
        found = history(
            log,
            None if key is None else typed_name(key),
            pattern=None if asked.match is None else Pattern.glob(typed_pattern(asked.match)),
            db=only,
            values=asked.values,
            written_by=asked.written_by,
            progress=reporter,
        )
        show = _shower(form, asked.color, several=asked.match is not None, values=asked.values)
        shown, unknown = 0, Unknown()
        for step in islice(_redacted(steps_within(found, stretch, several), redactor), asked.limit):
            shown += 1
            unknown.see(step.command)
            show(step)
    if not shown and asked.db:
        refuse_absent(log, asked.db)
    if not shown:
        refuse_outside(log, stretch)
    return _closing(log, found, key, shown, asked.limit) or tell_unknown(log, unknown.place)


def _key_and_path(asked: HistoryRequest) -> tuple[str | None, str | None]:
    """Return which of the two arguments is the key and which the path: with --match the path comes first.

    Raises:
        UsageError: there is no key, or one too many.
    """
    if asked.match is not None:
        if asked.path is not None:
            raise UsageError("KEY and --match exclude each other", hint="leave one of them out")
        return None, asked.key
    if asked.key is None:
        raise UsageError("which key?", hint="name a key, or use --match GLOB")
    if asked.path is None and _is_log(asked.key):
        hint = next_step("history", asked.key, "--match '*'", "--limit 20")
        raise UsageError(f"{asked.key!a} is a log: name a key before it, or --match GLOB", hint=hint)
    return asked.key, asked.path


def _is_log(text: str) -> bool:
    """Tell whether a text names a file or folder that is there, and not only a key."""
    return os.path.lexists(text) and (
        os.sep in text or os.path.isdir(text) or text.endswith((".aof", ".rdb"))
    )


def _shower(form: Form, color: Color, *, several: bool, values: bool) -> Callable[[HistoryStep], None]:
    """Return what prints one step."""
    from aoftool.report.history import HistoryCsv, HistoryLines, step_json
    from aoftool.report.jsonout import print_json_line

    if form is Form.CSV:
        return HistoryCsv(sys.stdout).add
    if form is Form.JSON:
        return lambda step: print_json_line(step_json(step, with_value=values))
    console = line_console(color)
    lines = HistoryLines(console.width, several=several, values=values)
    return lambda step: console.print("\n".join(lines.lines(step)), style="red" if step.deletion else "")


def _redacted(found: Iterator[HistoryStep], redactor: Redactor | None) -> Iterator[HistoryStep]:
    if redactor is None:
        return found
    from aoftool.analysis.redact.commands import redacted_step

    return (redacted_step(step, redactor) for step in found)


def _closing(log: Log, found: KeyHistory, key: str | None, shown: int, limit: int | None) -> int:
    """Say on stderr what the history does not show, and return the exit code."""
    from aoftool.report.writer import writer_note

    end = found.end
    if limit is not None and shown == limit:
        print(f"aoftool: stopped after {counted(limit, 'step')} (--limit)", file=sys.stderr)
        return DONE
    if not shown:
        print("aoftool: nothing in the log names such a key", file=sys.stderr)
        if key is not None and any(char in key for char in "*?["):
            glob = shlex.quote(key)
            tell(next_step("history", log.path, f"--match {glob}"))
    if found.writer is not None and (note := writer_note(found.writer)):
        print(f"aoftool: {note}", file=sys.stderr)
    for note in end.notes:
        print(f"aoftool: {note}", file=sys.stderr)
    return tell_damage(log, end.damage) or (DONE if end.is_judged else NOT_JUDGED)
