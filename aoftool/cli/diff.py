"""`aoftool diff`: what is different between two logs, or between two points of one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.console import output_width
from aoftool.cli.ending import diagnosed, shown_path
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT, epilog
from aoftool.cli.log_databases import refuse_absent
from aoftool.cli.log_span import absolute_time
from aoftool.cli.moments import is_offset
from aoftool.cli.options import JsonOption, ProgressMode, ProgressOption, QuietOption, WrittenByOption
from aoftool.cli.places import parse_state_place
from aoftool.cli.redaction import RedactOption, SaltOption, make_redactor
from aoftool.cli.times import parse_time_ms
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aoftool.analysis.diff import Point
    from aoftool.analysis.diff_model import Diff
    from aoftool.aof.model import Log

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(VERDICT, NOT_JUDGED))(diff)


def diff(
    left: Annotated[str, typer.Argument(metavar="A", help="A log, as for `inspect`.", show_default=False)],
    right: Annotated[str | None, typer.Argument(metavar="B", help="Another log.", show_default=False)] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            metavar="POINT",
            help="A point of A: [FILE:]N for before that offset, or a time by #TS, in UTC:"
            " YYYY-MM-DD[THH:MM:SS], HH:MM[:SS], or 10m before the end. Twice: from one to the other;"
            " once: from there to the end.",
        ),
    ] = None,
    db: Annotated[int | None, typer.Option("--db", min=0, help="Only this database.")] = None,
    match: Annotated[str | None, typer.Option(help="Only keys that match a glob, as for KEYS.")] = None,
    written_by: WrittenByOption = None,
    limit: Annotated[int, typer.Option(min=0, help="Keys to show.")] = 40,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of text.")] = False,
    redact: RedactOption = None,
    salt: SaltOption = None,
    quiet: QuietOption = False,
    progress: ProgressOption = ProgressMode.auto,
) -> None:
    """Show which keys differ in two logs, or at two points of one.

    Both are replayed and compared key by key: type, length, value, expire
    time; function libraries are not compared. For two logs of one history, such as those of a primary and a
    replica, it also says where their commands part. Exits with 1 when there
    are differences. Takes the memory of one data set and some 400 bytes for
    each key; at most 10 million keys, which --db and --match choose.

    \b
    Examples:
      aoftool diff node-a/appendonlydir node-b/appendonlydir
      aoftool diff --at 2026-11-21T15:40:00 --at 2026-11-21T15:45:00 appendonlydir
      aoftool diff --at 88120114 appendonly.aof       from there to the end
      aoftool diff before/ after/ --json | jq .counts
    """
    from aoftool.analysis.diff import Point, compare_points
    from aoftool.analysis.parting import find_parting
    from aoftool.analysis.redacting import redacted_diff
    from aoftool.aof.model import LogKind
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter
    from aoftool.rewrite.final_facts import final_state

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other", hint="use one of them")
    redactor = make_redactor(redact, salt)
    one = find_input(left)
    two = one if right is None else find_input(right)
    points = [_point(text, one) for text in at or ()]
    if (right is None) != bool(points) or len(points) > 2:
        raise UsageError("compare two logs, or one at --at POINT", hint="aoftool diff --help")
    if points and one.kind is LogKind.STDIN:
        raise UsageError("standard input can be read only once", hint="save it to a file for --at")
    points = [*points, Point(), Point()] if points else [Point(), Point()]
    total = (one.size_bytes or 0) + (two.size_bytes or 0)
    with ProgressReporter("replaying", total, progress, quiet) as reporter:
        found = compare_points(
            (one, points[0]),
            (two, points[1]),
            admits=_admits(db, match),
            written_by=written_by,
            quick=final_state,
            progress=reporter,
        )
    if db is not None and not found.left.keys and not found.right.keys:
        refuse_absent(one, (db,))
    # Standard input has been read, and its commands cannot be read again.
    if right is not None and LogKind.STDIN not in (one.kind, two.kind):
        found.parting = find_parting(one, two)
    found.notes += _not_compared(*((one,) if two is one else (one, two)))
    told = [diagnosed(log, damage) for log, damage in zip((one, two), found.damage, strict=True)]
    told = [None if place is None or place.refuted else place for place in told]
    if one is two:
        del told[1:]
    for log, place in zip((one, two), told, strict=False):
        if place is not None:
            note = f"{shown_path(log.path)}: {place.text}; what follows may be missing here"
            found.notes += [note] if note not in found.notes else []
    _print(redacted_diff(found, redactor), as_json, as_csv, limit)
    for step in dict.fromkeys(place.next for place in told if place is not None):
        print(f"   next: {step}", file=sys.stderr)
    raise typer.Exit(VERDICT if found.changes or any(told) else DONE)


def _not_compared(*logs: Log) -> list[str]:
    """Return what the logs hold beside keys."""
    from aoftool.analysis.functions_seen import holds_functions
    from aoftool.aof.model import LogKind

    if not any(log.kind is not LogKind.STDIN and holds_functions(log) for log in logs):
        return []
    return ["keys are compared; function libraries, of which there are or were some, are not"]


def _point(text: str, log: Log) -> Point:
    """Return the point that a text means: an offset, or a time."""
    from aoftool.analysis.diff import Point

    if is_offset(text):
        place = parse_state_place(text, log, "--at")
        return Point(place=(place.file, place.offset), words=f"offset {place.offset:,}")
    moment = absolute_time(text, log, "--at") or text
    return Point(time_s=parse_time_ms(moment) // 1000, words=moment)


def _admits(db: int | None, match: str | None) -> Callable[[int, bytes], bool] | None:
    from aoftool.keyspace.selection import key_selection

    if db is None and match is None:
        return None
    databases = None if db is None else frozenset((db,))
    selection = key_selection(databases=databases, match=match)
    return lambda number, key: selection.admits(number, key, "", None)


def _print(found: Diff, as_json: bool, as_csv: bool, limit: int) -> None:
    from aoftool.report.diff import diff_json, diff_lines, print_diff_csv
    from aoftool.report.jsonout import print_json

    if as_json:
        print_json(diff_json(found))
        return
    if as_csv:
        print_diff_csv(found)
    else:
        print("\n".join(diff_lines(found, output_width(), limit)))
    for note in found.notes:
        print(f"aoftool: {note}", file=sys.stderr)
