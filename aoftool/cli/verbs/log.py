"""`aoftool log`: the commands of a log, filtered, as text, JSON lines, CSV or another log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from aoftool.cli.console import stdout_writer
from aoftool.cli.ending import Unknown, tell_unknown
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, REFUSED, VERDICT
from aoftool.cli.log_databases import refuse_absent
from aoftool.cli.options.moments import find_stretch, refuse_outside, refuse_untimed
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.log import LogRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.dataclass import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aoftool.analysis.commands.model import LoggedCommand
    from aoftool.aof.model import Log
    from aoftool.aof.stretch import Stretch
    from aoftool.api.listing import Listing
    from aoftool.redaction import Redactor

__all__ = ["register"]


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, log, LogRequest, VERDICT, REFUSED, NOT_JUDGED)


def log(asked: LogRequest) -> int:
    """Show the commands of a log, filtered.

    One line each: offset, time (from #TS, - without), database, transaction,
    bytes, and the command with long values shortened. --json gives exact
    bytes, one object a line. -o writes the chosen commands as a log that a
    server loads, with SELECT, MULTI and EXEC where they belong.

    In a log without #TS, --since and --until choose every command that may
    have run then, by times inferred from entry IDs of streams and expire
    times, each marked with ~ and how far off it may be.

    \b
    Examples:
      aoftool log --tail 20                      what ran last
      aoftool log --cmd FLUSHALL --context 5     and what stood around it
      aoftool log --match 'cart:*' --since 2026-11-21T15:00:00
      aoftool log --since 88120114 --limit 10    at an offset
      aoftool log --key user:1 -o user1.aof      a log of one key
      aoftool log --excerpt 88120114 -o small.aof   to show to others
      aoftool log --follow --tail 10             keep up with a server
    """
    from aoftool.cli.choices.log import refuse_contradictions, wanted_commands
    from aoftool.cli.inputs import find_input

    redactor = make_redactor(asked.redact, asked.salt)
    found = find_input(asked.path)
    refuse_contradictions(asked)
    if asked.hex_at is not None:
        from aoftool.cli.answers.log import show_bytes

        show_bytes(found, asked.hex_at, redactor)
        return DONE
    if asked.excerpt is not None:
        from aoftool.cli.answers.written_logs import write_excerpt

        return write_excerpt(found, asked.excerpt, asked.output, asked.force, redactor)
    stretch = find_stretch(asked.since, asked.until, found)
    wanted = wanted_commands(asked, stretch, whole=redactor is not None)
    if asked.follow:
        from aoftool.cli.answers.following import follow

        return follow(found, wanted, asked, redactor)
    return _list(found, stretch, wanted, asked, redactor)


def _list(log: Log, stretch: Stretch, wanted: Listing, asked: LogRequest, redactor: Redactor | None) -> int:
    from aoftool.api.listing import listed, quick_writer
    from aoftool.cli.answers.log import print_commands, redacted, tell_end
    from aoftool.cli.progress import stages
    from aoftool.cli.told_writer import tell_writer

    unknown = Unknown()
    if redactor is None and not asked.context and (asked.as_json or asked.as_csv):
        from aoftool.analysis.commands.lines_model import RowLook
        from aoftool.report.command_rows import row_form

        wanted = replace(wanted, look=RowLook(row_form(csv=asked.as_csv), unknown.settled))
    quiet = asked.quiet or (sys.stdout.isatty() and asked.output is None)
    pieces, end = listed(log, wanted, stage=stages(replace(asked, quiet=quiet)))
    if wanted.look is not None:
        from aoftool.report.command_rows import print_rows

        shown = print_rows(pieces, wanted.look.form, unknown.see, stdout_writer())
    else:
        rows = redacted(cast("Iterator[LoggedCommand]", pieces), redactor)
        if asked.output is not None:
            from aoftool.cli.answers.written_logs import damaged_result, write_commands

            count = write_commands(rows, end, log, stretch, asked.output, force=asked.force)
            closing = tell_end(log, end, count, None)
            return closing or damaged_result(asked.output, redacted=redactor is not None)
        shown = print_commands(rows, asked.as_json, asked.as_csv, asked.context, asked.color, unknown)
    if not shown:
        refuse_untimed(log, stretch)
        refuse_outside(log, stretch)
        refuse_absent(log, asked.db)
    if not asked.quiet:
        tell_writer(quick_writer(log))
    return tell_end(log, end, shown, asked.limit) or tell_unknown(log, unknown.place)
