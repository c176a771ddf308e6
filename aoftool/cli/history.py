"""`aoftool history`: everything that happened to a key."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.console import output_width
from aoftool.cli.ending import Unknown, tell_damage, tell_unknown
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT, epilog
from aoftool.cli.log_databases import refuse_absent
from aoftool.cli.machine import worker_count
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
from aoftool.errors import UsageError
from aoftool.escape import typed_name
from aoftool.next_step import next_step
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.analysis.history import KeyHistory
    from aoftool.analysis.history_model import HistoryStep
    from aoftool.aof.model import Log
    from aoftool.progress import Progress
    from aoftool.redaction import Redactor

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(VERDICT, NOT_JUDGED))(history)


def history(
    key: Annotated[str | None, typer.Argument(metavar="KEY", show_default=False, help="The key.")] = None,
    path: PathArgument = None,
    match: Annotated[
        str | None, typer.Option(help="All keys that match a glob, as for KEYS, instead of KEY.")
    ] = None,
    db: Annotated[int | None, typer.Option("--db", min=0, help="Only the key of this database.")] = None,
    values: Annotated[bool, typer.Option("--values", help="Show the value after each step.")] = False,
    written_by: WrittenByOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after this many steps.")] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    redact: RedactOption = None,
    salt: SaltOption = None,
    quiet: QuietOption = False,
    progress: ProgressOption = ProgressMode.auto,
) -> None:
    """Show what happened to a key, step by step.

    Follows RENAME, COPY, MOVE, SWAPDB and flushes, and begins with the RDB
    part. A deletion is graded: by a client, by the server because the key had
    expired, or unclear, with the evidence. An eviction is unclear: it looks
    like a client that deletes one key; a log never says which client. Without
    #TS annotations times are inferred from entry IDs of streams, expire times,
    the base and the files, each marked with ~ and how far off it may be. With
    --match the path comes first.

    \b
    Examples:
      aoftool history user:1042 /var/lib/valkey
      aoftool history cart:17 --values --db 2 appendonly.aof
      aoftool history --match 'session:*' --limit 50 /var/lib/valkey
      aoftool history user:1042 --json | jq 'select(.deletion)'
      aoftool history --match 'session:*' --csv > sessions.csv
    """
    from itertools import islice

    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    form = chosen_form(as_json, as_csv)
    if form is Form.CSV and values:
        raise UsageError("a value does not fit into a cell", hint="use --json with --values")
    if match is not None:
        if path is not None:
            raise UsageError("KEY and --match exclude each other", hint="leave one of them out")
        key, path = None, key
    elif key is None:
        raise UsageError("which key?", hint="name a key, or use --match GLOB")
    elif path is None and _is_log(key):
        hint = next_step("history", key, "--match '*'", "--limit 20")
        raise UsageError(f"{key!a} is a log: name a key before it, or --match GLOB", hint=hint)
    redactor = make_redactor(redact, salt)
    log = find_input(path)
    is_quiet = quiet or sys.stdout.isatty()
    with ProgressReporter("reading", log.size_bytes, progress, is_quiet) as reporter:
        found = _history(log, key, match, db, values, written_by, reporter)
        show = _shower(form, several=match is not None, values=values)
        shown, unknown = 0, Unknown()
        for step in islice(_redacted(found, redactor), limit):
            shown += 1
            unknown.see(step.command)
            show(step)
    if not shown and db is not None:
        refuse_absent(log, (db,))
    raise typer.Exit(_closing(log, found, key, shown, limit) or tell_unknown(log, unknown.place))


def _is_log(text: str) -> bool:
    """Tell whether a text names a file or folder that is there, and not only a key."""
    return os.path.lexists(text) and (
        os.sep in text or os.path.isdir(text) or text.endswith((".aof", ".rdb"))
    )


def _shower(form: Form, *, several: bool, values: bool) -> Callable[[HistoryStep], None]:
    """Return what prints one step."""
    from aoftool.report.history import HistoryCsv, HistoryLines, step_json
    from aoftool.report.jsonout import print_json_line

    if form is Form.CSV:
        return HistoryCsv(sys.stdout).add
    if form is Form.JSON:
        return lambda step: print_json_line(step_json(step, with_value=values))
    lines = HistoryLines(output_width(), several=several, values=values)
    return lambda step: print("\n".join(lines.lines(step)))


def _history(
    log: Log,
    key: str | None,
    match: str | None,
    db: int | None,
    values: bool,
    written_by: str | None,
    progress: Progress,
) -> KeyHistory:
    from aoftool.analysis.history import KeyHistory

    workers = worker_count()
    if match is None:
        keys = frozenset((typed_name(key or ""),))
        return KeyHistory(
            log, keys, db=db, values=values, written_by=written_by, workers=workers, progress=progress
        )
    # Only here: these load the replay engine, which must not hold up the scan.
    from aoftool.pattern import compile_glob, literal_of, typed_pattern
    from aoftool.resp.watch import Watch

    typed = typed_pattern(match)
    pattern = compile_glob(typed)
    literal, at_start = literal_of(typed)
    candidates = Watch(literal=literal, at_start=at_start) if literal else Watch(min_length=1)
    return KeyHistory(
        log,
        frozenset(),
        admits=lambda name: pattern.search(name) is not None,
        candidates=candidates,
        db=db,
        values=values,
        written_by=written_by,
        workers=workers,
        progress=progress,
    )


def _redacted(found: KeyHistory, redactor: Redactor | None) -> Iterator[HistoryStep]:
    if redactor is None:
        return iter(found)
    from aoftool.analysis.redacting import redacted_step

    return (redacted_step(step, redactor) for step in found)


def _closing(log: Log, found: KeyHistory, key: str | None, shown: int, limit: int | None) -> int:
    """Say on stderr what the history does not show, and return the exit code."""
    from aoftool.report.writer import writer_note

    end = found.end
    if limit is not None and shown == limit:
        print(f"aoftool: stopped after {counted(limit, 'step')} (--limit)", file=sys.stderr)
        return DONE
    if not shown:
        print("aoftool: nothing in the log names such a key", file=sys.stderr)
        if key is not None and any(char in key for char in "*?["):
            glob = shlex.quote(key)
            print(f"   next: {next_step('history', log.path, f'--match {glob}')}", file=sys.stderr)
    if found.writer is not None and (note := writer_note(found.writer)):
        print(f"aoftool: {note}", file=sys.stderr)
    for note in end.notes:
        print(f"aoftool: {note}", file=sys.stderr)
    return tell_damage(log, end.damage)
