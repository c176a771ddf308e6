"""`aoftool keys`: the keys of a log, filtered, one line each."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console
from aoftool.cli.ending import tell_damage
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.cli.log_databases import refuse_absent
from aoftool.cli.options.common_options import (
    Form,
    chosen_form,
)
from aoftool.cli.options.moments import cut_at, only_moment
from aoftool.cli.options.narrowing import (
    narrowing,
)
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.keys import KeysRequest, RankBy
from aoftool.cli.verb import Application, add_verb
from aoftool.databases import INFERRED
from aoftool.dataclass import replace
from aoftool.errors import UsageError
from aoftool.escape import shown_path
from aoftool.files.source import STDIN
from aoftool.units import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aoftool.analysis.keys.model import KeyRow
    from aoftool.analysis.keys.rows import KeyRows
    from aoftool.aof.model import Log
    from aoftool.redaction import Redactor
    from aoftool.report.lines import LineConsole

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
    from aoftool.aof.moment import parse_time_ms
    from aoftool.api.keys import RowRequest, open_rows
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter
    from aoftool.cli.verbs.key_ranks import Look, show_ranks, show_sizes
    from aoftool.keyspace.selection import key_selection

    selection = key_selection(
        databases=frozenset(asked.db) if asked.db else None,
        types=frozenset(asked.type_name) if asked.type_name else None,
        match=asked.match,
        regex=asked.regex,
        expires_before_ms=None if asked.expires_before is None else parse_time_ms(asked.expires_before),
        without_expire=asked.no_ttl,
    )
    form = chosen_form(asked.as_json, asked.as_csv)
    log = find_input(asked.path)
    redactor = make_redactor(asked.redact, asked.salt)
    if form is Form.CSV and asked.values:
        raise UsageError("a value does not fit into a cell", hint="use --json with --values")
    _refuse_pairs(
        asked.by,
        asked.at,
        asked.base,
        asked.values,
        bool(asked.type_name or asked.regex or asked.min_size or asked.expires_before or asked.no_ttl),
    )
    look = Look(redactor, asked.limit or _RANKS_SHOWN, form, asked.color)
    if asked.by is not None and asked.by is not RankBy.SIZE:
        counted_keys = narrowing(db=asked.db, match=asked.match, depth=asked.depth, separator=asked.separator)
        with ProgressReporter("reading", log.size_bytes, asked.progress, asked.quiet) as reporter:
            return show_ranks(
                log,
                asked.by.value,
                counted_keys,
                selection,
                look,
                reporter,
            )
    wanted = RowRequest(
        selection,
        cut_at(only_moment(asked.at, "--at"), log, "--at", late=False),
        base=asked.base,
        databases=asked.databases or INFERRED,
        written_by=asked.written_by,
        min_size_bytes=asked.min_size,
        values=asked.values,
        limit=None if asked.by is RankBy.SIZE else asked.limit,
    )
    hidden = asked.quiet or (sys.stdout.isatty() and asked.by is None)
    with (
        ProgressReporter("reading", log.size_bytes, asked.progress, hidden) as reporter,
        open_rows(log, wanted, reporter) as rows,
    ):
        if asked.by is RankBy.SIZE:
            show_sizes(rows, look)
        else:
            _print(rows, asked.values, form, redactor, line_console(asked.color))
    if not rows.shown:
        refuse_absent(log, asked.db)
    return _closing(log, rows, wanted.limit)


def _refuse_pairs(by: RankBy | None, at: list[str] | None, base: bool, values: bool, filtered: bool) -> None:
    if at and base:
        raise UsageError("--base knows no moments", hint="leave out --at or --base")
    if by is None:
        return
    if values or (by is not RankBy.SIZE and filtered):
        raise UsageError(
            f"--by {by.value} goes with --db and --match only",
            hint="leave out the other filters, or use --by size",
        )
    if by is not RankBy.SIZE and (at or base):
        raise UsageError(f"--by {by.value} counts over the whole log", hint="leave out --at and --base")


def _print(rows: KeyRows, values: bool, form: Form, redactor: Redactor | None, console: LineConsole) -> None:
    from aoftool.report.jsonout import print_json_line
    from aoftool.report.keys import KeyLines, key_json, write_keys_csv

    if form is Form.CSV:
        write_keys_csv(_redacted(rows, redactor), sys.stdout)
        return
    as_json = form is Form.JSON
    ready = rows.json_lines() if as_json and redactor is None else None
    if ready is not None:
        for lines in ready:
            sys.stdout.buffer.write(lines)
        return
    lines_of = KeyLines(console.width, writers=not rows.is_stored, values=values)
    if not as_json and lines_of.heading:
        console.print(lines_of.heading, style="bold")
    for row in _redacted(rows, redactor):
        if as_json:
            print_json_line(key_json(row, with_value=values))
        else:
            console.print("\n".join(lines_of.lines(row)))


def _redacted(rows: Iterable[KeyRow], redactor: Redactor | None) -> Iterator[KeyRow]:
    from aoftool.analysis.redact.commands import redacted_value

    if redactor is None:
        yield from rows
        return
    for row in rows:
        value = None if row.value is None else redacted_value(row.value, redactor)
        yield replace(row, key=redactor.key(row.key), value=value)


def _closing(log: Log, rows: KeyRows, limit: int | None) -> int:
    """Say on stderr what the listing does not show, and return the exit code."""
    if limit is not None and rows.shown == limit:
        print(f"aoftool: stopped after {counted(limit, 'key')} (--limit)", file=sys.stderr)
        return DONE
    if rows.empty:
        from aoftool.rdb.records.reader import empty_note

        print(f"aoftool: {empty_note(rows.empty)}", file=sys.stderr)
    return _closing_records(log, rows) if rows.is_stored else _closing_log(log, rows)


def _closing_records(log: Log, rows: KeyRows) -> int:
    for note in rows.notes:
        print(f"aoftool: {note}", file=sys.stderr)
    if rows.stop is not None:
        return tell_damage(log, rows.stop)
    if rows.has_tail:
        print(
            "aoftool: commands follow the RDB part; what they changed is not in this listing",
            file=sys.stderr,
        )
    return DONE


def _closing_log(log: Log, rows: KeyRows) -> int:
    if rows.setting:
        print(f"aoftool: {rows.setting}", file=sys.stderr)
    from aoftool.report.writer import writer_note

    note = None if rows.writer is None else writer_note(rows.writer)
    for text in ([note] if note else []) + rows.notes:
        print(f"aoftool: {text}", file=sys.stderr)
    if not rows.torn_bytes:
        return NOT_JUDGED if rows.unknown else DONE
    print(
        f"aoftool: the last command is torn ({counted(rows.torn_bytes, 'byte')}); a server drops it, and so"
        " does this listing",
        file=sys.stderr,
    )
    last = log.files[-1]
    if last.path == STDIN:
        return VERDICT
    # The last damage of the file, wherever it is: what is torn stands at the end.
    return tell_damage(log, (shown_path(os.path.basename(last.path)), sys.maxsize, "torn"))
