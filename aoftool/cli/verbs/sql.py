"""`aoftool sql`: a log asked in SQL, by one query or at a prompt."""

from __future__ import annotations

import os
import sys

from aoftool.cli.ending import tell_findings, tell_tables
from aoftool.cli.exit_codes import NOT_JUDGED, VERDICT
from aoftool.cli.options.asking import parse_seconds
from aoftool.cli.options.common_options import chosen_form
from aoftool.cli.options.moments import cut_at, find_stretch, only_moment
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.options.tables import table_request
from aoftool.cli.options.writing import memory_limit_bytes
from aoftool.cli.requests.sql import SqlRequest
from aoftool.cli.verb import Application, add_verb

__all__ = ["register"]


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
    from aoftool.cli.answers.sql import answer
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import stages
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
    tables = LogTables(log, wanted, stage=stages(asked))
    database = Database(tables.batches, limits)
    try:
        if query is None:
            from aoftool.cli.answers.sql_prompt import prompt

            prompt(database, form, asked)
        else:
            answer(database, query, form, asked)
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
