"""`aoftool keys`: the keys of a log, filtered, one line each."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.exit_codes import DONE, VERDICT, epilog
from aoftool.cli.options import JsonOption, PathArgument, ProgressMode, ProgressOption, QuietOption
from aoftool.cli.times import parse_time_ms

if TYPE_CHECKING:
    from aoftool.analysis.keys import KeyListing

__all__ = ["register"]


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
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    progress: ProgressOption = ProgressMode.auto,
) -> None:
    """List the keys of the RDB part of a log, one line each.

    Keys come in the order of the file, in constant memory. With --json every
    line is an object with the exact bytes; docs/json.md describes values.

    \b
    Examples:
      aoftool keys dump.rdb
      aoftool keys --match 'user:*' --values /var/lib/valkey
      aoftool keys --no-ttl --min-size 100000 appendonlydir
      aoftool keys --json --values dump.rdb > keys.jsonl
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
    with ProgressReporter("reading", log.size_bytes, progress, quiet or sys.stdout.isatty()) as reporter:
        listing = KeyListing(
            log, selection, min_size_bytes=min_size, values=values, limit=limit, progress=reporter
        )
        _print(listing, values, as_json)
    raise typer.Exit(_closing(listing, limit))


def _print(listing: KeyListing, values: bool, as_json: bool) -> None:
    from aoftool.report.keys import HEADINGS, key_line

    if as_json:
        for lines in listing.json_lines():
            sys.stdout.buffer.write(lines)
        return
    print(HEADINGS)
    for row in listing:
        print(key_line(row, with_value=values))


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
