"""`aoftool keys`: the keys of a log, filtered, one line each."""

from __future__ import annotations

import sys
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.census_options import DepthOption, SeparatorOption, narrowing
from aoftool.cli.exit_codes import DONE, VERDICT, epilog
from aoftool.cli.options import JsonOption, PathArgument, ProgressMode, ProgressOption, QuietOption
from aoftool.cli.redaction import RedactOption, SaltOption, make_redactor
from aoftool.cli.times import parse_time_ms
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aoftool.analysis.keys import KeyListing
    from aoftool.analysis.keys_model import KeyRow
    from aoftool.redaction import Redactor

__all__ = ["register"]

_RANKS_SHOWN = 20


class RankBy(Enum):
    """What keys are ordered by."""

    WRITES = "writes"
    BYTES = "bytes"
    DEAD = "dead"
    SIZE = "size"
    TTL = "ttl"


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(VERDICT))(keys)


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
        str | None, typer.Option(help="Only keys that expire before: Unix time or YYYY-MM-DD[THH:MM:SS].")
    ] = None,
    no_ttl: Annotated[bool, typer.Option("--no-ttl", help="Only keys without an expire time.")] = False,
    values: Annotated[bool, typer.Option("--values", help="Show the values too.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after this many keys.")] = None,
    by: Annotated[
        RankBy | None,
        typer.Option(
            "--by",
            help="The first keys by what commands wrote (writes, bytes, dead), by stored size, or what"
            " expires when (ttl).",
            show_default=False,
        ),
    ] = None,
    depth: DepthOption = 1,
    separator: SeparatorOption = ":",
    redact: RedactOption = None,
    salt: SaltOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    progress: ProgressOption = ProgressMode.auto,
) -> None:
    """List the keys of the RDB part of a log, one line each.

    Keys come in the order of the file, in constant memory. With --json every
    line is an object with the exact bytes; docs/json.md describes values.

    With --by it reads the commands too and shows the first keys in that order,
    20 without --limit: writes and bytes counted over all commands, bytes that a
    rewrite would drop (dead), or the largest records of the RDB part (size).
    --by ttl shows the expiry horizon, the seconds in which most keys expire,
    and how many keys of each prefix have no expire time.

    \b
    Examples:
      aoftool keys dump.rdb
      aoftool keys --match 'user:*' --values /var/lib/valkey
      aoftool keys --no-ttl --min-size 100000 appendonlydir
      aoftool keys --json --values dump.rdb > keys.jsonl
      aoftool keys --by dead --limit 5 appendonlydir
      aoftool keys --by ttl --depth 2
    """
    from aoftool.analysis.keys import KeyListing
    from aoftool.aof.layout import find_log
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
    log = find_log(path)
    redactor = make_redactor(redact, salt)
    if by is not None:
        if values or (by is not RankBy.SIZE and (type_name or regex or min_size or expires_before or no_ttl)):
            raise UsageError(
                f"--by {by.value} goes with --db and --match only",
                hint="leave out the other filters, or use --by size",
            )
        from aoftool.cli.key_ranks import show_ranks

        asked = narrowing(db=db, match=match, depth=depth, separator=separator)
        with ProgressReporter("reading", log.size_bytes, progress, quiet) as reporter:
            show_ranks(
                log,
                by.value,
                asked,
                selection,
                redactor,
                top=limit or _RANKS_SHOWN,
                as_json=as_json,
                progress=reporter,
            )
        raise typer.Exit(DONE)
    with ProgressReporter("reading", log.size_bytes, progress, quiet or sys.stdout.isatty()) as reporter:
        listing = KeyListing(
            log, selection, min_size_bytes=min_size, values=values, limit=limit, progress=reporter
        )
        _print(listing, values, as_json, redactor)
    raise typer.Exit(_closing(listing, limit))


def _print(listing: KeyListing, values: bool, as_json: bool, redactor: Redactor | None) -> None:
    from aoftool.report.jsonout import print_json_line
    from aoftool.report.keys import HEADINGS, key_json, key_line

    if as_json and redactor is None:
        for lines in listing.json_lines():
            sys.stdout.buffer.write(lines)
        return
    if not as_json:
        print(HEADINGS)
    for row in _redacted(listing, redactor):
        if as_json:
            print_json_line(key_json(row, with_value=values))
        else:
            print(key_line(row, with_value=values))


def _redacted(rows: Iterable[KeyRow], redactor: Redactor | None) -> Iterator[KeyRow]:
    from dataclasses import replace

    from aoftool.analysis.redacting import redacted_value

    if redactor is None:
        yield from rows
        return
    for row in rows:
        value = None if row.value is None else redacted_value(row.value, redactor)
        yield replace(row, key=redactor.key(row.key), value=value)


def _closing(listing: KeyListing, limit: int | None) -> int:
    """Say on stderr what the listing does not show, and return the exit code."""
    if limit is not None and listing.shown == limit:
        print(f"aoftool: stopped after {limit} keys (--limit)", file=sys.stderr)
        return DONE
    if listing.damage is not None:
        print(
            f"aoftool: the RDB part is damaged at offset {listing.damage.offset:,}: {listing.damage.message}",
            f"   next: aoftool check {listing.damaged_file}",
            sep="\n",
            file=sys.stderr,
        )
        return VERDICT
    if listing.has_tail:
        print(
            "aoftool: commands follow the RDB part; what they changed is not in this listing",
            file=sys.stderr,
        )
    return DONE
