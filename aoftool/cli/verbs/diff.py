"""`aoftool diff`: what is different between two logs, or between two points of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.cli.exit_codes import NOT_JUDGED, VERDICT
from aoftool.cli.log_databases import refuse_absent
from aoftool.cli.options.moments import point_of, typed_moment
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.diff import ROWS, DiffRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import UsageError
from aoftool.pattern import Pattern, typed_pattern

if TYPE_CHECKING:
    pass

__all__ = ["register"]


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
    from aoftool.cli.answers.diff import exit_code, note_damage, print_diff
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
    told = note_damage(found, (one,) if two is one else (one, two))
    print_diff(redacted_diff(found, redactor), asked.as_json, asked.as_csv, asked.limit or ROWS, asked.color)
    return exit_code(found, told)
