"""`aoftool log`: the commands of a log, filtered, as text, JSON lines, CSV or another log."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.console import output_width
from aoftool.cli.ending import Damage, Unknown, tell_damage, tell_unknown
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, REFUSED, VERDICT, epilog
from aoftool.cli.log_databases import refuse_absent
from aoftool.cli.log_span import absolute_time, refuse_outside
from aoftool.cli.machine import worker_count
from aoftool.cli.options import JsonOption, PathArgument, ProgressMode, ProgressOption, QuietOption
from aoftool.cli.places import parse_place
from aoftool.cli.redaction import RedactOption, SaltOption, make_redactor
from aoftool.cli.times import parse_time_ms, refuse_reversed
from aoftool.cli.told_writer import tell_writer
from aoftool.errors import UsageError
from aoftool.escape import typed_name
from aoftool.pattern import typed_pattern
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.analysis.command_filter import CommandFilter
    from aoftool.analysis.commands_model import ListingEnd, LoggedCommand, Place
    from aoftool.analysis.time_bounds import LogClock
    from aoftool.aof.model import Log
    from aoftool.redaction import Redactor

__all__ = ["register"]

# Who wrote a log without a base is read from all of its commands, which takes a second for so many bytes.
_ASKED_BYTES = 256 << 20
_HEX_AROUND = 128


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(VERDICT, REFUSED, NOT_JUDGED))(log)


@dataclass
class _Request:
    """What was asked for, options resolved against the log."""

    log: Log
    wanted: CommandFilter
    first: Place | None
    last: Place | None
    tail: int | None
    limit: int | None
    context: int
    keep: int | None
    reporter_mode: tuple[ProgressMode, bool]


def log(
    path: PathArgument = None,
    cmd: Annotated[
        list[str] | None, typer.Option("--cmd", metavar="NAME", help="Only this command; may be repeated.")
    ] = None,
    key: Annotated[list[str] | None, typer.Option("--key", help="Only commands on this key.")] = None,
    match: Annotated[str | None, typer.Option(help="Only keys that match a glob, as for KEYS.")] = None,
    regex: Annotated[str | None, typer.Option(help="Only keys in which a regex is found.")] = None,
    db: Annotated[list[int] | None, typer.Option("--db", min=0, help="Only this database.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="From this time on, in UTC: Unix time, YYYY-MM-DD[THH:MM:SS], HH:MM[:SS], or 10m before the"
            " end."
        ),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Up to this time, its second included.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="[FILE:]N", help="From this offset.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="[FILE:]N", help="Before this offset.")] = None,
    txn: Annotated[
        int | None, typer.Option("--txn", min=0, help="Only this transaction; 0 for none.")
    ] = None,
    min_size: Annotated[int, typer.Option(min=0, help="Only commands of at least this many bytes.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after this many commands.")] = None,
    tail: Annotated[int | None, typer.Option(min=1, help="Only the last N commands.")] = None,
    context: Annotated[int, typer.Option(min=0, help="Show N commands around each hit too.")] = 0,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as the server writes, across its rewrites.")
    ] = False,
    hex_at: Annotated[
        str | None, typer.Option("--hex", metavar="[FILE:]N", help="Show the bytes around an offset.")
    ] = None,
    excerpt: Annotated[
        str | None,
        typer.Option(
            "--excerpt", metavar="[FILE:]N", help="With -o: the smallest log that shows what is there."
        ),
    ] = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of text.")] = False,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write a loadable AOF.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing output.")] = False,
    redact: RedactOption = None,
    salt: SaltOption = None,
    quiet: QuietOption = False,
    progress: ProgressOption = ProgressMode.auto,
) -> None:
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
      aoftool log --from 88120114 --limit 10     at an offset
      aoftool log --key user:1 -o user1.aof      a log of one key
      aoftool log --excerpt 88120114 -o small.aof   to show to others
      aoftool log --follow --tail 10             keep up with a server
    """
    from aoftool.cli.inputs import find_input

    redactor = make_redactor(redact, salt)
    found = find_input(path)
    _refuse_contradictions(follow, tail, context, as_json, as_csv, output, limit)
    chosen = {
        "--cmd": cmd, "--key": key, "--match": match, "--regex": regex, "--db": db, "--since": since,
        "--until": until, "--from": start, "--to": to, "--txn": txn, "--min-size": min_size, "--limit": limit,
        "--tail": tail, "--context": context, "--follow": follow, "--json": as_json, "--csv": as_csv,
    }  # fmt: skip
    if hex_at is not None:
        _refuse_idle("--hex", {**chosen, "--excerpt": excerpt, "--output": output})
    if excerpt is not None:
        _refuse_idle("--excerpt", chosen)
    if follow:
        _refuse_idle("--follow", {"--to": to, "--until": until})
    if force and output is None:
        _refuse_idle("--force", {"no --output": True})
    if hex_at is not None:
        _show_bytes(found, hex_at, redactor)
        raise typer.Exit(DONE)
    if excerpt is not None:
        raise typer.Exit(_write_excerpt(found, excerpt, output, force, redactor))
    since, until = absolute_time(since, found, "--since"), absolute_time(until, found, "--until")
    request = _Request(
        found,
        _filter(cmd, key, match, regex, db, since, until, txn, min_size),
        None if start is None else parse_place(start, found, "--from"),
        None if to is None else parse_place(to, found, "--to"),
        tail,
        limit,
        context,
        None if as_json or as_csv or output or redactor else 256,
        (progress, quiet or (sys.stdout.isatty() and output is None)),
    )
    if follow:
        raise typer.Exit(_follow(path, request, redactor, as_json))
    rows, end = _rows(request)
    rows = _redacted(rows, redactor)
    if output is not None:
        raise typer.Exit(_write(rows, end, found, output, force, redacted=redactor is not None))
    shown, unknown = _print(rows, as_json, as_csv, context)
    if not shown:
        refuse_outside(found, since, until)
        refuse_absent(found, db)
    _tell_writer(found, quiet)
    raise typer.Exit(_closing(found, end, shown, limit) or tell_unknown(found, unknown))


def _tell_writer(log: Log, quiet: bool) -> None:
    """Say who wrote a log; one without a base that says so is read for it, unless that takes long."""
    from aoftool.aof.model import LogKind
    from aoftool.replay.log_writer import writer_of_log

    if quiet or log.kind is LogKind.STDIN or (log.size_bytes or 0) > _ASKED_BYTES:
        return
    tell_writer(writer_of_log(log, workers=worker_count()))


def _refuse_contradictions(
    follow: bool,
    tail: int | None,
    context: int,
    as_json: bool,
    as_csv: bool,
    output: str | None,
    limit: int | None,
) -> None:
    if sum((as_json, as_csv, output is not None)) > 1:
        raise UsageError("--json, --csv and --output exclude each other", hint="use one of them")
    if tail is not None and context:
        raise UsageError("--tail and --context exclude each other", hint="use one of them")
    if tail is not None and limit is not None:
        raise UsageError("--tail and --limit exclude each other", hint="use one of them")
    if follow and (context or as_csv or output is not None):
        raise UsageError("--follow gives text or JSON lines only", hint="leave the other options out")


def _refuse_idle(what: str, given: Mapping[str, object]) -> None:
    """Refuse options that would have no effect beside another one.

    Raises:
        UsageError: one of them was given.
    """
    names = [name for name, value in given.items() if value not in (None, False, 0)]
    if names:
        raise UsageError(f"{what} does nothing with {', '.join(names)}", hint=f"leave out {', '.join(names)}")


def _filter(
    cmd: list[str] | None,
    key: list[str] | None,
    match: str | None,
    regex: str | None,
    db: list[int] | None,
    since: str | None,
    until: str | None,
    txn: int | None,
    min_size: int,
) -> CommandFilter:
    from aoftool.analysis.command_filter import CommandFilter
    from aoftool.keyspace.selection import key_selection

    refuse_reversed(since, until)
    has_pattern = match is not None or regex is not None
    return CommandFilter(
        names=frozenset(_raw(" ".join(name.upper().split())) for name in cmd or ()),
        keys=frozenset(map(typed_name, key or ())),
        selection=key_selection(match=match, regex=regex) if has_pattern else None,
        glob=None if match is None else typed_pattern(match),
        dbs=frozenset(db) if db else None,
        since_s=None if since is None else -(-parse_time_ms(since) // 1000),
        until_s=None if until is None else parse_time_ms(until) // 1000,
        txn=txn,
        min_size=min_size,
    )


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _rows(request: _Request) -> tuple[Iterator[LoggedCommand], ListingEnd]:
    """Return the commands asked for, and the object that knows afterwards what to say of them."""
    from aoftool.analysis.listing import CommandListing
    from aoftool.cli.progress import ProgressReporter

    clock = _clock(request)
    if request.tail is not None:
        if request.first is not None or request.last is not None:
            raise UsageError("--tail excludes --from and --to", hint="leave them out")
        if clock is None:
            from aoftool.analysis.tailing import last_commands

            last, end = last_commands(request.log, request.wanted, request.tail, keep=request.keep)
            return iter(last), end
    mode, quiet = request.reporter_mode
    reporter = ProgressReporter("reading", request.log.size_bytes, mode, quiet)
    listing = CommandListing(
        request.log,
        request.wanted,
        first=request.first,
        last=request.last,
        context=request.context,
        limit=request.limit,
        keep=request.keep,
        clock=clock,
        workers=worker_count(),
        progress=reporter,
    )

    def rows() -> Iterator[LoggedCommand]:
        with reporter:
            yield from listing if request.tail is None else deque(listing, maxlen=request.tail)

    return rows(), listing.end


def _clock(request: _Request) -> LogClock | None:
    """Return what infers times where they are asked for and the log has none."""
    if not request.wanted.asks_time:
        return None
    from aoftool.analysis.log_times import clock_of_log
    from aoftool.cli.progress import ProgressReporter

    mode, quiet = request.reporter_mode
    with ProgressReporter("looking for times", request.log.size_bytes, mode, quiet) as reporter:
        return clock_of_log(request.log, workers=worker_count(), progress=reporter)


def _redacted(rows: Iterable[LoggedCommand], redactor: Redactor | None) -> Iterator[LoggedCommand]:
    from aoftool.analysis.redacting import redacted_command

    return (redacted_command(row, redactor) for row in rows)


def _print(
    rows: Iterable[LoggedCommand], as_json: bool, as_csv: bool, context: int
) -> tuple[int, Damage | None]:
    """Print the rows; return how many there were, and the first command that no release here knows."""
    from aoftool.report.commands import CommandLines, command_json, print_csv
    from aoftool.report.jsonout import print_json_line

    shown, unknown = 0, Unknown()

    def counted() -> Iterator[LoggedCommand]:
        nonlocal shown
        for row in rows:
            shown += not row.is_context
            unknown.see(row)
            yield row

    if as_csv:
        print_csv(counted())
        return shown, unknown.place
    lines = CommandLines(output_width(), marks=bool(context))
    for row in counted():
        if as_json:
            print_json_line(command_json(row))
        else:
            print("\n".join(lines.lines(row)))
    return shown, unknown.place


def _nothing(log: Log) -> str:
    """Return why no command is shown: there is none at all, or none like that."""
    from aoftool.aof.log import read_parts
    from aoftool.aof.model import LogKind

    if log.kind is LogKind.STDIN or any(
        part.tail_start is None or part.source.peek(1) for part in read_parts(log)
    ):
        return "no command is like that"
    return "there are no commands: an RDB part holds the data, and not what was done to it"


def _closing(log: Log, end: ListingEnd, shown: int, limit: int | None) -> int:
    from aoftool.report.commands import print_end

    if limit is not None and shown == limit:
        print(f"aoftool: stopped after {counted(limit, 'command')} (--limit)", file=sys.stderr)
    elif not shown:
        print(f"aoftool: {_nothing(log)}", file=sys.stderr)
    print_end(end)
    return tell_damage(log, end.told)


def _write(
    rows: Iterator[LoggedCommand], end: ListingEnd, log: Log, output: str, force: bool, *, redacted: bool
) -> int:
    """Write the chosen commands as a log; the RDB part of the input is not among them."""
    from aoftool.analysis.loadable import LoadableLog
    from aoftool.files.access import narrowest_access
    from aoftool.files.sink import AtomicFile
    from aoftool.units import format_bytes

    inputs = [file.path for file in log.files if file.exists and file.path != "-"]
    made = LoadableLog(rows, end)
    with AtomicFile(output, force=force, inputs=inputs, access=narrowest_access(inputs)) as file:
        for piece in made:
            file.write(piece)
        file.commit()
        size = file.size_bytes
    print(
        f"aoftool: {counted(made.commands, 'command')}, {format_bytes(size)}, in {ascii(output)[1:-1]}",
        file=sys.stderr,
    )
    if made.dropped:
        end.note(f"left out, as no server runs it: a MULTI without EXEC, {counted(made.dropped, 'command')}")
    if made.guessed:
        end.note(f"{counted(made.guessed, 'command')} of unknown database went to the one selected before")
    return _closing(log, end, made.commands, None) or _damaged_result(output, redacted=redacted)


_OF_STAND_INS = frozenset(("unknown-command", "restore-payload"))


def _damaged_result(output: str, *, redacted: bool = False) -> int:
    """Tell what a check finds in a log that was written; return the exit code.

    Args:
        redacted: stand-ins are no names of commands, and no payloads of RESTORE.
    """
    from aoftool.check.result import damage_left

    told_by_stand_ins = _OF_STAND_INS if redacted else ()
    found = [(code, text) for code, text in damage_left(output) if code not in told_by_stand_ins]
    for code, text in found:
        print(f"aoftool: {text} [{code}]", file=sys.stderr)
    return VERDICT if found else DONE


def _write_excerpt(log: Log, text: str, output: str | None, force: bool, redactor: Redactor | None) -> int:
    """Write the smallest log that shows what is at an offset."""
    from aoftool.analysis.redacting import redacted_argv
    from aoftool.files.access import narrowest_access
    from aoftool.files.sink import write_atomically
    from aoftool.rewrite.excerpt import cut_excerpt
    from aoftool.units import format_bytes

    if output is None:
        raise UsageError("--excerpt writes a log", hint="add -o FILE")
    made = cut_excerpt(log, parse_place(text, log, "--excerpt"), workers=worker_count())
    if redactor is not None:
        if made.damaged:
            raise UsageError("damaged bytes cannot be redacted", hint="leave --redact out")
        made.argvs = [redacted_argv(argv, redactor) for argv in made.argvs]
    inputs = [file.path for file in log.files if file.exists]
    access = narrowest_access(inputs)
    size = write_atomically(output, [made.content()], force=force, inputs=inputs, access=access)
    shown = ascii(output)[1:-1]
    print(f"aoftool: {made.what}: {format_bytes(size)} in {shown}", file=sys.stderr)
    _say(made.notes)
    return DONE if made.damaged else _damaged_result(output, redacted=redactor is not None)


def _follow(path: str | None, request: _Request, redactor: Redactor | None, as_json: bool) -> int:
    """Print commands as they come, each line at once, until interrupted or --limit."""
    from aoftool.analysis.commands_model import Place
    from aoftool.analysis.following import LogFollower
    from aoftool.report.commands import CommandLines, command_json
    from aoftool.report.jsonout import print_json_line

    first, shown = request.first, 0
    lines = CommandLines(output_width())

    def show(row: LoggedCommand) -> None:
        if as_json:
            print_json_line(command_json(row))
        else:
            print("\n".join(lines.lines(row)))

    if request.tail is not None:
        from aoftool.analysis.tailing import last_commands

        last, _ = last_commands(request.log, request.wanted, request.tail, keep=request.keep)
        first = Place(last[0].file_number, last[0].offset) if last else first
    follower = LogFollower(path, request.wanted, first=first, keep=request.keep, log=request.log)
    try:
        for row in islice(_redacted(follower, redactor), request.limit):
            show(row)
            shown += 1
            sys.stdout.flush()
            follower.end.notes = _say(follower.end.notes)
    except KeyboardInterrupt:
        pass
    return _closing(request.log, follower.end, shown, request.limit)


def _say(notes: list[str]) -> list[str]:
    for note in notes:
        print(f"aoftool: {note}", file=sys.stderr)
    return []


def _show_bytes(log: Log, text: str, redactor: Redactor | None) -> None:
    from aoftool.aof.log import open_log_file
    from aoftool.report.commands import hex_dump

    if redactor is not None:
        raise UsageError("--hex shows the bytes as they are", hint="leave --redact or --hex out")
    place = parse_place(text, log, "--hex")
    with open_log_file(log.files[place.file]) as source:
        start = max(place.offset - _HEX_AROUND, 0)
        data = source.read_at(start, 2 * _HEX_AROUND)
    for line in hex_dump(data, start, place.offset, output_width()):
        print(line)
