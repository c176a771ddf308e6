"""`aoftool history`: everything that happened to a key."""

from __future__ import annotations

import sys

from aoftool.cli.ending import Unknown, tell_unknown
from aoftool.cli.exit_codes import NOT_JUDGED, VERDICT
from aoftool.cli.log_databases import refuse_absent
from aoftool.cli.options.common_options import Form, chosen_form
from aoftool.cli.options.moments import find_stretch, refuse_outside, refuse_untimed
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.history import HistoryRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import UsageError
from aoftool.escape import typed_name
from aoftool.pattern import Pattern, typed_pattern

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
    from aoftool.cli.answers.history import printer_of_steps, redacted, tell_end
    from aoftool.cli.choices.history import key_and_path
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    form = chosen_form(asked.as_json, asked.as_csv)
    if form is Form.CSV and asked.values:
        raise UsageError("a value does not fit into a cell", hint="use --json with --values")
    key, path = key_and_path(asked)
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
        show = printer_of_steps(form, asked.color, several=asked.match is not None, values=asked.values)
        shown, unknown = 0, Unknown()
        for step in islice(redacted(steps_within(found, stretch, several), redactor), asked.limit):
            shown += 1
            unknown.see(step.command)
            show(step)
    if not shown and asked.db:
        refuse_absent(log, asked.db)
    if not shown:
        refuse_outside(log, stretch)
    return tell_end(log, found, key, shown, asked.limit) or tell_unknown(log, unknown.place)
