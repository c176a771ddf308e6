"""`aoftool export`: a log as files of tables, for pandas, polars, DuckDB and spreadsheets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.cli.exit_codes import NOT_JUDGED, REFUSED, VERDICT
from aoftool.cli.log_databases import refuse_absent_in
from aoftool.cli.options.moments import cut_at, find_stretch, only_moment, refuse_outside
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.options.tables import table_request
from aoftool.cli.requests.export import ExportRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import UsageError
from aoftool.files.remote.names import refuse_remote

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.aof.stretch import Stretch
    from aoftool.api.tabling import LogTables

__all__ = ["register"]


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, export, ExportRequest, VERDICT, REFUSED, NOT_JUDGED)


def export(asked: ExportRequest) -> int:
    """Write a log as tables: Parquet, Arrow IPC, CSV or JSON lines.

    One file a table, in a new directory: commands, keys (at the end, or --at a
    moment), files, findings, events and growth, with the columns that
    docs/export.md lists. Memory does not grow with the log, but for what the
    keys at a moment take, and 9 bytes a command for what became of it.

    --cmd, --key, --match, --regex, --db, --since, --until and --min-size choose
    commands as in log; --key, --match, --regex and --db also keys, --since and
    --until also events, and both the growth.

    Of a damaged log the rows up to the damage are written, the findings beside.

    \b
    Examples:
      aoftool export -o tables                   every table, as Parquet
      aoftool export --table commands --format csv -o tables dump/
      aoftool export --table keys --at before:FLUSHALL -o before
      aoftool export --since 2026-11-21T15:00:00 --match 'cart:*' -o carts
      aoftool export --redact all --salt TEXT -o tables   to show to others
    """
    from aoftool.api.exporting import export
    from aoftool.api.tabling import LogTables
    from aoftool.cli.answers.export import show_export, tell_end
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import stages
    from aoftool.tables.files import Format

    if asked.output is None:
        raise UsageError("export writes a new directory", hint="add -o DIR")
    refuse_remote(
        asked.output, "made here: tables are written to a disk", "name a directory with -o, then copy it"
    )
    redactor = make_redactor(asked.redact, asked.salt)
    log = find_input(asked.path)
    stretch = find_stretch(asked.since, asked.until, log)
    wanted = table_request(
        stretch=stretch,
        cut=cut_at(only_moment(asked.at, "--at"), log, "--at", late=False),
        cmd=asked.cmd,
        key=asked.key,
        match=asked.match,
        regex=asked.regex,
        db=asked.db,
        min_size=asked.min_size,
        arguments=asked.arguments,
        savings=asked.savings,
        redactor=redactor,
        limit=asked.limit,
    )
    tables = LogTables(log, wanted, stage=stages(asked))
    done = export(
        log,
        tables,
        asked.output,
        form=Format(asked.form.value),
        names=asked.table or (),
        arguments=asked.arguments,
    )
    show_export(done, asked)
    if asked.table == ["commands"] and not done.tables[0].rows:
        _tell_nothing(log, tables, stretch, asked.db)
    return tell_end(log, tables, done)


def _tell_nothing(log: Log, tables: LogTables, stretch: Stretch, db: list[int] | None) -> None:
    refuse_outside(log, stretch)
    if tables.survey is not None:
        refuse_absent_in(tables.survey, frozenset(db) if db else None)
