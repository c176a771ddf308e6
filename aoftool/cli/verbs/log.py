"""`aoftool log`: the commands of a log, filtered, as text, JSON lines, CSV or another log."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, cast

from aoftool.cli.console import Color, line_console, output_width, stdout_writer
from aoftool.cli.ending import Unknown, tell_damage, tell_unknown
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, REFUSED, VERDICT
from aoftool.cli.log_databases import refuse_absent
from aoftool.cli.options.machine import worker_count
from aoftool.cli.options.moments import (
    find_place,
    find_stretch,
    refuse_outside,
    refuse_untimed,
)
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.log import LogRequest
from aoftool.cli.told_writer import tell_writer
from aoftool.cli.verb import Application, add_verb
from aoftool.cli.written_logs import damaged_result, write_commands, write_excerpt
from aoftool.dataclass import replace
from aoftool.errors import UsageError
from aoftool.escape import typed_name
from aoftool.files.remote.names import refuse_remote
from aoftool.next_step import next_step
from aoftool.pattern import typed_pattern
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.analysis.commands.model import LoggedCommand
    from aoftool.aof.ending_model import ListingEnd
    from aoftool.aof.model import Log
    from aoftool.aof.stretch import Stretch
    from aoftool.api.listing import Listing
    from aoftool.redaction import Redactor

__all__ = ["register"]

# Who wrote a log without a base is read from all of its commands, which takes a second for so many bytes.
_ASKED_BYTES = 256 << 20
_HEX_AROUND = 128
# Of an argument on a screen.
_SHOWN_BYTES = 256


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
    from aoftool.api.listing import listed
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    redactor = make_redactor(asked.redact, asked.salt)
    found = find_input(asked.path)
    _refuse_contradictions(asked)
    if asked.hex_at is not None:
        _show_bytes(found, asked.hex_at, redactor)
        return DONE
    if asked.excerpt is not None:
        return write_excerpt(found, asked.excerpt, asked.output, asked.force, redactor)
    stretch = find_stretch(asked.since, asked.until, found)
    wanted = _wanted(asked, stretch, whole=redactor is not None)
    if asked.follow:
        return _follow(found, wanted, asked, redactor)
    quiet = asked.quiet or (sys.stdout.isatty() and asked.output is None)
    unknown = Unknown()
    if redactor is None and not asked.context and (asked.as_json or asked.as_csv):
        from aoftool.analysis.commands.lines_model import RowLook
        from aoftool.report.command_rows import row_form

        wanted = replace(wanted, look=RowLook(row_form(csv=asked.as_csv), unknown.settled))
    pieces, end = listed(
        found, wanted, stage=lambda name, total: ProgressReporter(name, total, asked.progress, quiet)
    )
    if wanted.look is not None:
        from aoftool.report.command_rows import print_rows

        shown = print_rows(pieces, wanted.look.form, unknown.see, stdout_writer())
    else:
        rows = _redacted(cast("Iterator[LoggedCommand]", pieces), redactor)
        if asked.output is not None:
            count = write_commands(rows, end, found, stretch, asked.output, force=asked.force)
            closing = _closing(found, end, count, None)
            return closing or damaged_result(asked.output, redacted=redactor is not None)
        shown = _print(rows, asked.as_json, asked.as_csv, asked.context, asked.color, unknown)
    if not shown:
        refuse_untimed(found, stretch)
        refuse_outside(found, stretch)
        refuse_absent(found, asked.db)
    _tell_writer(found, asked.quiet)
    return _closing(found, end, shown, asked.limit) or tell_unknown(found, unknown.place)


def _tell_writer(log: Log, quiet: bool) -> None:
    """Say who wrote a log; one without a base that says so is read for it, unless that takes long."""
    from aoftool.aof.model import LogKind
    from aoftool.replay.log_writer import writer_of_log

    if quiet or log.kind is LogKind.STDIN or (log.size_bytes or 0) > _ASKED_BYTES:
        return
    tell_writer(writer_of_log(log, workers=worker_count()))


def _refuse_contradictions(asked: LogRequest) -> None:
    """Refuse options that exclude each other, or have no effect beside another one."""
    if sum((asked.as_json, asked.as_csv, asked.output is not None)) > 1:
        raise UsageError("--json, --csv and --output exclude each other", hint="use one of them")
    if asked.tail is not None and asked.context:
        raise UsageError("--tail and --context exclude each other", hint="use one of them")
    if asked.tail is not None and asked.limit is not None:
        raise UsageError("--tail and --limit exclude each other", hint="use one of them")
    if asked.follow:
        line = next_step("log", asked.path or ".", "--tail 20")
        refuse_remote(asked.path, "followed: nothing grows in a store", line)
    if asked.follow and (asked.context or asked.as_csv or asked.output is not None):
        raise UsageError("--follow gives text or JSON lines only", hint="leave the other options out")
    chosen = {
        "--cmd": asked.cmd, "--key": asked.key, "--match": asked.match, "--regex": asked.regex,
        "--db": asked.db, "--since": asked.since, "--until": asked.until, "--txn": asked.txn,
        "--min-size": asked.min_size, "--limit": asked.limit, "--tail": asked.tail,
        "--context": asked.context, "--follow": asked.follow, "--json": asked.as_json,
        "--csv": asked.as_csv,
    }  # fmt: skip
    if asked.hex_at is not None:
        _refuse_idle("--hex", {**chosen, "--excerpt": asked.excerpt, "--output": asked.output})
    if asked.excerpt is not None:
        _refuse_idle("--excerpt", chosen)
    if asked.follow:
        _refuse_idle("--follow", {"--until": asked.until})
    if asked.force and asked.output is None:
        _refuse_idle("--force", {"no --output": True})


def _refuse_idle(what: str, given: Mapping[str, object]) -> None:
    """Refuse options that would have no effect beside another one.

    Raises:
        UsageError: one of them was given.
    """
    names = [name for name, value in given.items() if value not in (None, False, 0)]
    if names:
        raise UsageError(f"{what} does nothing with {', '.join(names)}", hint=f"leave out {', '.join(names)}")


def _wanted(asked: LogRequest, stretch: Stretch, *, whole: bool) -> Listing:
    """Return which commands are asked for.

    Args:
        whole: their arguments are needed whole.
    """
    from aoftool.analysis.commands.filter import CommandFilter
    from aoftool.api.listing import Listing
    from aoftool.keyspace.selection import key_selection

    has_pattern = asked.match is not None or asked.regex is not None
    wanted = CommandFilter(
        names=frozenset(_raw(" ".join(name.upper().split())) for name in asked.cmd or ()),
        keys=frozenset(map(typed_name, asked.key or ())),
        selection=key_selection(match=asked.match, regex=asked.regex) if has_pattern else None,
        glob=None if asked.match is None else typed_pattern(asked.match),
        dbs=frozenset(asked.db) if asked.db else None,
        stretch=stretch,
        txn=asked.txn,
        min_size=asked.min_size,
    )
    whole = whole or asked.as_json or asked.as_csv or asked.output is not None
    keep = None if whole else _SHOWN_BYTES
    return Listing(wanted, asked.tail, asked.limit, asked.context, keep)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _redacted(rows: Iterable[LoggedCommand], redactor: Redactor | None) -> Iterator[LoggedCommand]:
    from aoftool.analysis.redact.commands import redacted_command

    return (redacted_command(row, redactor) for row in rows)


def _print(
    rows: Iterable[LoggedCommand],
    as_json: bool,
    as_csv: bool,
    context: int,
    color: Color,
    unknown: Unknown,
) -> int:
    """Print the rows; return how many there were."""
    from aoftool.report.commands import CommandLines, command_json, print_csv
    from aoftool.report.jsonout import print_json_line

    shown = 0

    def counted() -> Iterator[LoggedCommand]:
        nonlocal shown
        for row in rows:
            shown += not row.is_context
            unknown.see(row)
            yield row

    if as_csv:
        print_csv(counted())
        return shown
    console = line_console(color)
    lines = CommandLines(console.width, marks=bool(context))
    for row in counted():
        if as_json:
            print_json_line(command_json(row))
        else:
            console.print("\n".join(lines.lines(row)), style="dim" if row.is_context else "")
    return shown


def _nothing(log: Log) -> str:
    """Return why no command is shown: there is none at all, or none like that."""
    from aoftool.aof.log import read_parts
    from aoftool.aof.model import LogKind

    if log.kind is LogKind.STDIN:
        return "no command is like that"
    has_base = False
    for part in read_parts(log):
        if part.tail_start is None or part.source.peek(1):
            return "no command is like that"
        has_base = has_base or part.rdb is not None
    return "there are no commands" + (
        ": an RDB part holds the data, and not what was done to it" if has_base else ""
    )


def _closing(log: Log, end: ListingEnd, shown: int, limit: int | None) -> int:
    from aoftool.report.commands import print_end

    if limit is not None and shown == limit:
        print(f"aoftool: stopped after {counted(limit, 'command')} (--limit)", file=sys.stderr)
    elif not shown:
        print(f"aoftool: {_nothing(log)}", file=sys.stderr)
    print_end(end)
    return tell_damage(log, end.told)


def _follow(log: Log, asked_for: Listing, asked: LogRequest, redactor: Redactor | None) -> int:
    """Print commands as they come, each line at once, until interrupted or --limit."""
    from aoftool.analysis.commands.following import LogFollower
    from aoftool.aof.model import Place
    from aoftool.report.commands import CommandLines, command_json
    from aoftool.report.jsonout import print_json_line

    first, shown = asked_for.wanted.stretch.first, 0
    lines = CommandLines(output_width())

    def show(row: LoggedCommand) -> None:
        if asked.as_json:
            print_json_line(command_json(row))
        else:
            print("\n".join(lines.lines(row)))

    if asked_for.tail is not None:
        from aoftool.analysis.commands.tailing import last_commands

        last, _ = last_commands(log, asked_for.wanted, asked_for.tail, keep=asked_for.keep)
        first = Place(last[0].file_number, last[0].offset) if last else first
    follower = LogFollower(asked.path, asked_for.wanted, first=first, keep=asked_for.keep, log=log)
    try:
        for row in islice(_redacted(follower, redactor), asked_for.limit):
            show(row)
            shown += 1
            sys.stdout.flush()
            follower.end.notes = _say(follower.end.notes)
    except KeyboardInterrupt:
        pass
    return _closing(log, follower.end, shown, asked_for.limit)


def _say(notes: list[str]) -> list[str]:
    for note in notes:
        print(f"aoftool: {note}", file=sys.stderr)
    return []


def _show_bytes(log: Log, text: str, redactor: Redactor | None) -> None:
    from aoftool.aof.log import open_log_file
    from aoftool.report.commands import hex_dump

    if redactor is not None:
        raise UsageError("--hex shows the bytes as they are", hint="leave --redact or --hex out")
    place = find_place(text, log, "--hex")
    with open_log_file(log.files[place.file]) as source:
        start = max(place.offset - _HEX_AROUND, 0)
        data = source.read_at(start, 2 * _HEX_AROUND)
    for line in hex_dump(data, start, place.offset, output_width()):
        print(line)
