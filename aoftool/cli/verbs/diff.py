"""`aoftool diff`: what is different between two logs, or between two points of one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import Color, line_console, tell
from aoftool.cli.ending import diagnosed
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.cli.log_databases import refuse_absent
from aoftool.cli.options.moments import point_of, typed_moment
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.diff import ROWS, DiffRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import UsageError
from aoftool.escape import shown_path
from aoftool.pattern import Pattern, typed_pattern
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.analysis.diff.model import Diff

__all__ = ["register"]

_STYLES = {"+ ": "green", "- ": "red", "~ ": "yellow"}


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, diff, DiffRequest, VERDICT, NOT_JUDGED)


def diff(asked: DiffRequest) -> int:
    """Show which keys differ in two logs, or at two points of one.

    Of one log, --at twice compares the one moment with the other, and once
    that moment with the end.

    Both are replayed and compared key by key: type, length, value, expire
    time; and unless --db or --match choose keys, function libraries by their
    text. For two logs of one history, such as those of a primary and a
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
    from aoftool.analysis.redact.commands import redacted_diff
    from aoftool.aof.model import LogKind
    from aoftool.api.diffing import diff as compare
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    if asked.as_json and asked.as_csv:
        raise UsageError("--json and --csv exclude each other", hint="use one of them")
    redactor = make_redactor(asked.redact, asked.salt)
    one = find_input(asked.left)
    two = one if asked.right is None else find_input(asked.right)
    moments = [typed_moment(text, "--at") for text in asked.at or ()]
    if (asked.right is None) != bool(moments) or len(moments) > 2:
        raise UsageError("compare two logs, or one at --at MOMENT", hint="aoftool diff --help")
    if moments and one.kind is LogKind.STDIN:
        raise UsageError("standard input can be read only once", hint="save it to a file for --at")
    points = [point_of(moment, one, "--at") for moment in moments]
    total = (one.size_bytes or 0) + (two.size_bytes or 0)
    with ProgressReporter("replaying", total, asked.progress, asked.quiet) as reporter:
        found = compare(
            one,
            None if two is one else two,
            left_at=points[0] if points else None,
            right_at=points[1] if len(points) > 1 else None,
            pattern=None if asked.match is None else Pattern.glob(typed_pattern(asked.match)),
            dbs=asked.db or (),
            written_by=asked.written_by,
            progress=reporter,
        )
    if asked.db and not found.left.keys and not found.right.keys:
        refuse_absent(one, asked.db)
    told = [diagnosed(log, damage) for log, damage in zip((one, two), found.damage, strict=True)]
    told = [None if place is None or place.refuted else place for place in told]
    if one is two:
        del told[1:]
    for log, place in zip((one, two), told, strict=False):
        if place is not None:
            note = f"{shown_path(log.path)}: {place.text}; what follows may be missing here"
            found.notes += [note] if note not in found.notes else []
    _print(redacted_diff(found, redactor), asked.as_json, asked.as_csv, asked.limit or ROWS, asked.color)
    for step in dict.fromkeys(place.next for place in told if place is not None):
        tell(step)
    if found.changes or found.libraries or any(place is not None and place.judged for place in told):
        return VERDICT
    return NOT_JUDGED if any(told) else DONE


def _print(found: Diff, as_json: bool, as_csv: bool, limit: int, color: Color) -> None:
    from aoftool.report.diff import diff_json, diff_lines, print_diff_csv
    from aoftool.report.jsonout import print_json

    if as_json:
        print_json(diff_json(found))
        return
    if as_csv:
        print_diff_csv(found)
        if found.libraries:
            differ = counted(len(found.libraries), "function library differs", "function libraries differ")
            found.notes.append(f"{differ}: --json names them")
    else:
        console = line_console(color)
        for line in diff_lines(found, console.width, limit):
            console.print(line, style=_STYLES.get(line[:2], ""))
    for note in found.notes:
        print(f"aoftool: {note}", file=sys.stderr)
