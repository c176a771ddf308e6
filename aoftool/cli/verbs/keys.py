"""`aoftool keys`: the keys of a log, filtered, one line each."""

from __future__ import annotations

import sys

from aoftool.cli.console import line_console
from aoftool.cli.exit_codes import NOT_JUDGED, VERDICT
from aoftool.cli.log_databases import refuse_absent
from aoftool.cli.options.common_options import chosen_form
from aoftool.cli.options.narrowing import narrowing
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.keys import KeysRequest, RankBy
from aoftool.cli.verb import Application, add_verb

__all__ = ["register"]

_RANKS_SHOWN = 20


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, keys, KeysRequest, VERDICT, NOT_JUDGED)


def keys(asked: KeysRequest) -> int:
    """List the keys that a server holds after loading a log.

    Commands are replayed over the RDB part; each key comes with the number
    of commands that wrote it and the last of them, in no order that means
    anything. An RDB alone, and with --base the RDB part of any log, is listed
    record by record in constant memory, in the order of the file. With --json
    every line is an object with the exact bytes; docs/json.md describes
    values.

    With --by you see the first keys in that order, 20 without --limit: writes
    and bytes counted over all commands, bytes that a rewrite would drop
    (dead), or the largest as an RDB stores them (size). --by ttl shows the
    expiry horizon, the seconds in which most keys expire, and how many keys
    of each prefix have no expire time.

    How keys are used takes some seconds for a million commands. Bytes that
    are dead, by cause, to the field, member and item (churn). By prefix:
    values written again unchanged (same), how long keys live (life), large
    strings rewritten for small changes (blobs). By key: lists and streams
    with more in than out (backlog), keys with much of the writes of a stretch
    (hot). By cluster slot: how even, and commands across slots (slot). What
    looks like a secret, by pattern (secrets).

    \b
    Examples:
      aoftool keys dump.rdb
      aoftool keys --match 'user:*' --values /var/lib/valkey
      aoftool keys --at 2026-11-21T15:40:00 --match 'order:*'
      aoftool keys --no-ttl --min-size 100000 appendonlydir
      aoftool keys --json --values dump.rdb > keys.jsonl
      aoftool keys --by dead --limit 5 appendonlydir
      aoftool keys --by ttl --depth 2
      aoftool keys --by same --csv > repeats.csv
      aoftool keys --json | jq -s 'sort_by(.db, .key)'
    """
    from aoftool.api.keys import open_rows
    from aoftool.cli.answers.key_ranks import Look, show_ranks, show_sizes
    from aoftool.cli.answers.keys import print_rows, tell_end
    from aoftool.cli.choices.keys import chosen_keys, refuse_contradictions, wanted_rows
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    selection = chosen_keys(asked)
    form = chosen_form(asked.as_json, asked.as_csv)
    log = find_input(asked.path)
    redactor = make_redactor(asked.redact, asked.salt)
    refuse_contradictions(asked, form)
    look = Look(redactor, asked.limit or _RANKS_SHOWN, form, asked.color)
    if asked.by is not None and asked.by is not RankBy.SIZE:
        counted = narrowing(db=asked.db, match=asked.match, depth=asked.depth, separator=asked.separator)
        with ProgressReporter("reading", log.size_bytes, asked.progress, asked.quiet) as reporter:
            return show_ranks(log, asked.by.value, counted, selection, look, reporter)
    wanted = wanted_rows(asked, selection, log)
    hidden = asked.quiet or (sys.stdout.isatty() and asked.by is None)
    with (
        ProgressReporter("reading", log.size_bytes, asked.progress, hidden) as reporter,
        open_rows(log, wanted, reporter) as rows,
    ):
        if asked.by is RankBy.SIZE:
            show_sizes(rows, look)
        else:
            print_rows(rows, asked.values, form, redactor, line_console(asked.color))
    if not rows.shown:
        refuse_absent(log, asked.db)
    return tell_end(log, rows, wanted.limit)
