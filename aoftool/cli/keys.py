"""`aoftool keys`: the keys of a log, filtered, one line each."""

from __future__ import annotations

import os
import sys
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.census_options import DepthOption, SeparatorOption, narrowing
from aoftool.cli.console import output_width
from aoftool.cli.ending import shown_path, tell_damage
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT, epilog
from aoftool.cli.log_databases import refuse_absent
from aoftool.cli.options import (
    CsvOption,
    Form,
    JsonOption,
    PathArgument,
    ProgressMode,
    ProgressOption,
    QuietOption,
    WrittenByOption,
    chosen_form,
)
from aoftool.cli.redaction import RedactOption, SaltOption, make_redactor
from aoftool.cli.times import parse_time_ms
from aoftool.databases import INFERRED
from aoftool.errors import UsageError
from aoftool.files.source import STDIN
from aoftool.units import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aoftool.analysis.keys import KeyListing
    from aoftool.analysis.keys_model import KeyRow
    from aoftool.analysis.replayed_keys import ReplayedKeys
    from aoftool.aof.model import Log
    from aoftool.redaction import Redactor
    from aoftool.rewrite.final_keys import FinalKeys

__all__ = ["register"]

_RANKS_SHOWN = 20


class RankBy(Enum):
    """What keys are ordered by."""

    WRITES = "writes"
    BYTES = "bytes"
    DEAD = "dead"
    SIZE = "size"
    TTL = "ttl"
    CHURN = "churn"
    SAME = "same"
    LIFE = "life"
    BACKLOG = "backlog"
    BLOBS = "blobs"
    HOT = "hot"
    SLOT = "slot"
    SECRETS = "secrets"


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(VERDICT, NOT_JUDGED))(keys)


def keys(
    path: PathArgument = None,
    db: Annotated[list[int] | None, typer.Option("--db", min=0, help="Only this database.")] = None,
    type_name: Annotated[
        list[str] | None, typer.Option("--type", help="Only this type, as the TYPE command names it.")
    ] = None,
    match: Annotated[str | None, typer.Option(help="Only keys that match a glob, as for KEYS.")] = None,
    regex: Annotated[str | None, typer.Option(help="Only keys in which a regex is found.")] = None,
    min_size: Annotated[int, typer.Option(min=0, help="Only records of at least this many bytes.")] = 0,
    expires_before: Annotated[
        str | None,
        typer.Option(help="Only keys that expire before: Unix time or ISO 8601 in UTC."),
    ] = None,
    no_ttl: Annotated[bool, typer.Option("--no-ttl", help="Only keys without an expire time.")] = False,
    values: Annotated[bool, typer.Option("--values", help="Show the values too.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after this many keys.")] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="MOMENT",
            help="The keys at this moment: [FILE:]N for before that offset, or a time by #TS, in UTC:"
            " YYYY-MM-DD[THH:MM:SS], HH:MM[:SS], or 10m before the end. Default: the end.",
        ),
    ] = None,
    base: Annotated[
        bool, typer.Option("--base", help="Only the records of the RDB part, as they stand.")
    ] = False,
    databases: Annotated[
        int | None,
        typer.Option(
            "--databases",
            min=1,
            help="The `databases` setting of the server. Default: as the log needs, 16 at least.",
        ),
    ] = None,
    written_by: WrittenByOption = None,
    by: Annotated[
        RankBy | None,
        typer.Option(
            "--by",
            metavar="ORDER",
            help="The first keys by what commands wrote (writes, bytes, dead), by stored size, what expires"
            " when (ttl), or how they are used (churn, same, life, backlog, blobs, hot, slot, secrets).",
            show_default=False,
        ),
    ] = None,
    depth: DepthOption = 1,
    separator: SeparatorOption = ":",
    redact: RedactOption = None,
    salt: SaltOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    quiet: QuietOption = False,
    progress: ProgressOption = ProgressMode.auto,
) -> None:
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
    from aoftool.cli.inputs import find_input
    from aoftool.cli.key_rows import RowRequest, open_rows
    from aoftool.cli.moments import parse_moment
    from aoftool.cli.progress import ProgressReporter
    from aoftool.keyspace.selection import key_selection

    selection = key_selection(
        databases=frozenset(db) if db else None,
        types=frozenset(type_name) if type_name else None,
        match=match,
        regex=regex,
        expires_before_ms=None if expires_before is None else parse_time_ms(expires_before),
        without_expire=no_ttl,
    )
    form = chosen_form(as_json, as_csv)
    log = find_input(path)
    redactor = make_redactor(redact, salt)
    if form is Form.CSV and values:
        raise UsageError("a value does not fit into a cell", hint="use --json with --values")
    _refuse_pairs(by, at, base, values, bool(type_name or regex or min_size or expires_before or no_ttl))
    if by is not None and by is not RankBy.SIZE:
        from aoftool.cli.key_ranks import show_ranks

        asked = narrowing(db=db, match=match, depth=depth, separator=separator)
        with ProgressReporter("reading", log.size_bytes, progress, quiet) as reporter:
            code = show_ranks(
                log,
                by.value,
                asked,
                selection,
                redactor,
                top=limit or _RANKS_SHOWN,
                form=form,
                progress=reporter,
            )
        raise typer.Exit(code)
    wanted = RowRequest(
        selection,
        parse_moment(at, log, "--at"),
        base=base,
        databases=databases or INFERRED,
        written_by=written_by,
        min_size_bytes=min_size,
        values=values,
        limit=None if by is RankBy.SIZE else limit,
    )
    hidden = quiet or (sys.stdout.isatty() and by is None)
    with (
        ProgressReporter("reading", log.size_bytes, progress, hidden) as reporter,
        open_rows(log, wanted, reporter) as rows,
    ):
        if by is RankBy.SIZE:
            from aoftool.cli.key_ranks import show_sizes

            show_sizes(rows, redactor, top=limit or _RANKS_SHOWN, form=form)
        else:
            _print(rows, values, form, redactor)
    if not rows.shown:
        refuse_absent(log, db)
    raise typer.Exit(_closing(log, rows, wanted.limit))


def _refuse_pairs(by: RankBy | None, at: str | None, base: bool, values: bool, filtered: bool) -> None:
    if at is not None and base:
        raise UsageError("--base knows no moments", hint="leave out --at or --base")
    if by is None:
        return
    if values or (by is not RankBy.SIZE and filtered):
        raise UsageError(
            f"--by {by.value} goes with --db and --match only",
            hint="leave out the other filters, or use --by size",
        )
    if by is not RankBy.SIZE and (at is not None or base):
        raise UsageError(f"--by {by.value} counts over the whole log", hint="leave out --at and --base")


def _print(
    rows: KeyListing | FinalKeys | ReplayedKeys, values: bool, form: Form, redactor: Redactor | None
) -> None:
    from aoftool.analysis.keys import KeyListing
    from aoftool.report.jsonout import print_json_line
    from aoftool.report.keys import KeyLines, key_json, write_keys_csv

    if form is Form.CSV:
        write_keys_csv(_redacted(rows, redactor), sys.stdout)
        return
    as_json = form is Form.JSON
    stored = isinstance(rows, KeyListing)
    if as_json and redactor is None and isinstance(rows, KeyListing):
        for lines in rows.json_lines():
            sys.stdout.buffer.write(lines)
        return
    lines_of = KeyLines(output_width(), writers=not stored, values=values)
    if not as_json and lines_of.heading:
        print(lines_of.heading)
    for row in _redacted(rows, redactor):
        if as_json:
            print_json_line(key_json(row, with_value=values))
        else:
            print("\n".join(lines_of.lines(row)))


def _redacted(rows: Iterable[KeyRow], redactor: Redactor | None) -> Iterator[KeyRow]:
    from dataclasses import replace

    from aoftool.analysis.redacting import redacted_value

    if redactor is None:
        yield from rows
        return
    for row in rows:
        value = None if row.value is None else redacted_value(row.value, redactor)
        yield replace(row, key=redactor.key(row.key), value=value)


def _closing(log: Log, rows: KeyListing | FinalKeys | ReplayedKeys, limit: int | None) -> int:
    """Say on stderr what the listing does not show, and return the exit code."""
    from aoftool.analysis.keys import KeyListing

    if limit is not None and rows.shown == limit:
        print(f"aoftool: stopped after {counted(limit, 'key')} (--limit)", file=sys.stderr)
        return DONE
    if rows.empty:
        from aoftool.rdb.reader import empty_note

        print(f"aoftool: {empty_note(rows.empty)}", file=sys.stderr)
    return _closing_records(log, rows) if isinstance(rows, KeyListing) else _closing_log(log, rows)


def _closing_records(log: Log, rows: KeyListing) -> int:
    for note in rows.notes:
        print(f"aoftool: {note}", file=sys.stderr)
    if rows.damage is not None:
        name = shown_path(os.path.basename(rows.damaged_file or log.path))
        return tell_damage(log, (name, rows.damage.offset, rows.damage.message))
    if rows.has_tail:
        print(
            "aoftool: commands follow the RDB part; what they changed is not in this listing",
            file=sys.stderr,
        )
    return DONE


def _closing_log(log: Log, rows: FinalKeys | ReplayedKeys) -> int:
    if rows.setting:
        print(f"aoftool: {rows.setting}", file=sys.stderr)
    from aoftool.report.writer import writer_note

    note = writer_note(rows.writer)
    for text in ([note] if note else []) + rows.notes:
        print(f"aoftool: {text}", file=sys.stderr)
    if not rows.torn_bytes:
        return DONE
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
