"""`aoftool sql`: a log asked in SQL, by one query or at a prompt."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console, output_width, render_error
from aoftool.cli.ending import tell_findings, tell_tables
from aoftool.cli.exit_codes import NOT_JUDGED, VERDICT
from aoftool.cli.options.asking import parse_seconds
from aoftool.cli.options.common_options import (
    Form,
    chosen_form,
)
from aoftool.cli.options.moments import cut_at, find_stretch, only_moment
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.options.rewrite_choice import memory_limit_bytes
from aoftool.cli.options.tables import table_request
from aoftool.cli.requests.sql import SqlRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import AoftoolError

if TYPE_CHECKING:
    from aoftool.tables.sql import Answer, Database

__all__ = ["register"]

_PROMPT, _MORE = "sql> ", "...> "
_HELP = """\
A query ends with a semicolon. SHOW TABLES lists the tables, DESCRIBE commands its columns.
.quit or the end of input leaves."""


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, sql, SqlRequest, VERDICT, NOT_JUDGED)


def sql(asked: SqlRequest) -> int:
    """Ask a log in SQL.

    The tables are commands, keys (at the end, or --at a moment), files,
    findings, events and growth; docs/export.md lists their columns, and
    docs/sql.md has ten questions and their queries. A table is read when a
    query needs it, and no further columns than it needs: a query on files
    reads no commands.

    The log is only read. A query reaches no other file without --allow-files.
    Without a query there is a prompt, where TAB completes names.

    \b
    Examples:
      aoftool sql 'SELECT name, count(*) FROM commands GROUP BY name'
      aoftool sql appendonlydir 'SELECT * FROM files'
      aoftool sql --csv dump.aof 'SELECT key, count(*) AS writes FROM commands
        GROUP BY key ORDER BY writes DESC LIMIT 20'
      aoftool sql /var/lib/valkey
    """
    from aoftool.api.machine import worker_count
    from aoftool.api.tabling import LogTables
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter
    from aoftool.tables.sql import Database, Limits

    form = chosen_form(asked.as_json, asked.as_csv)
    path, query = _path_and_query(asked)
    seconds = None if asked.timeout is None else parse_seconds(asked.timeout, "--timeout")
    limits = Limits(asked.allow_files, memory_limit_bytes(asked.memory_limit), seconds, worker_count())
    redactor = make_redactor(asked.redact, asked.salt)
    log = find_input(path)
    wanted = table_request(
        stretch=find_stretch(asked.since, asked.until, log),
        cut=cut_at(only_moment(asked.at, "--at"), log, "--at", late=False),
        arguments=asked.arguments,
        savings=asked.savings,
        redactor=redactor,
    )
    tables = LogTables(
        log,
        wanted,
        stage=lambda name, total: ProgressReporter(name, total, asked.progress, asked.quiet),
    )
    database = Database(tables.batches, limits)
    try:
        if query is None:
            _prompt(database, form, asked)
        else:
            _answer(database, query, form, asked)
    finally:
        database.close()
    for note in tables.notes:
        print(f"aoftool: {note}", file=sys.stderr)
    return tell_tables(log, tables) or tell_findings(log, tables)


def _path_and_query(asked: SqlRequest) -> tuple[str | None, str | None]:
    """Return both; a single word that is no file, and holds a blank as every query does, is a query."""
    if (
        asked.query is None
        and asked.path is not None
        and " " in asked.path
        and not os.path.lexists(asked.path)
    ):
        return None, asked.path
    return asked.path, asked.query


def _answer(database: Database, query: str, form: Form, asked: SqlRequest) -> None:
    for answer in database.ask(query):
        if answer.names:
            _show(answer, form, asked)


def _show(answer: Answer, form: Form, asked: SqlRequest) -> None:
    from itertools import islice

    from aoftool.report.csvout import CsvRows
    from aoftool.report.data.export import answer_lines, cell_json, cell_text
    from aoftool.report.jsonout import print_json

    rows = islice(answer.rows, asked.limit)
    if form is Form.CSV:
        out = CsvRows(sys.stdout, answer.names)
        for row in rows:
            out.add([cell if cell is None or isinstance(cell, int) else cell_text(cell) for cell in row])
    elif form is Form.JSON:
        columns = [
            {"name": name, "type": kind} for name, kind in zip(answer.names, answer.types, strict=True)
        ]
        body = [[cell_json(cell) for cell in row] for row in rows]
        print_json({"schema": "aoftool.sql/1", "columns": columns, "rows": body})
    else:
        console = line_console(asked.color)
        for number, line in enumerate(answer_lines(answer.names, rows, output_width())):
            console.print(line, style="bold" if number == 0 else "")


def _prompt(database: Database, form: Form, asked: SqlRequest) -> None:
    """Read queries until the end of input; an error ends a query, and not the prompt."""
    is_terminal = sys.stdin.isatty()
    if is_terminal:
        _complete(database)
        print("Queries end with a semicolon; .help tells more.", file=sys.stderr)
    held: list[str] = []
    while True:
        try:
            line = input((_MORE if held else _PROMPT) if is_terminal else "")
        except EOFError:
            break
        except KeyboardInterrupt:
            held = []
            print(file=sys.stderr)
            continue
        word = line.strip().lower()
        if not held and word in (".quit", ".exit", "quit", "exit"):
            return
        if not held and word == ".help":
            print(_HELP, file=sys.stderr)
            continue
        held.append(line)
        if word.endswith(";"):
            _one(database, "\n".join(held), form, asked, go_on=is_terminal)
            held = []
    if "".join(held).strip():
        _one(database, "\n".join(held), form, asked, go_on=is_terminal)


def _one(database: Database, query: str, form: Form, asked: SqlRequest, *, go_on: bool) -> None:
    try:
        _answer(database, query, form, asked)
    except AoftoolError as error:
        if not go_on:
            raise
        print(render_error(error), file=sys.stderr)
    except KeyboardInterrupt:
        if not go_on:
            raise
        print("aoftool: interrupted", file=sys.stderr)


def _complete(database: Database) -> None:
    """Let TAB complete names, where Python has a line editor."""
    try:
        import readline
    except ImportError:
        return
    names = database.words()

    def complete(text: str, state: int) -> str | None:
        found = [name for name in names if name.startswith(text.lower())]
        return found[state] if state < len(found) else None

    readline.set_completer_delims(" \t\n(),;=<>+-*/'\"")
    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
