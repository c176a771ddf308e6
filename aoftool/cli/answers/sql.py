"""What `aoftool sql` answers: the rows of a query as text, JSON or CSV."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console, output_width
from aoftool.cli.options.common_options import Form

if TYPE_CHECKING:
    from aoftool.cli.requests.sql import SqlRequest
    from aoftool.tables.sql import Answer, Database

__all__ = ["answer"]


def answer(database: Database, query: str, form: Form, asked: SqlRequest) -> None:
    """Ask one or several queries and show what they give."""
    for found in database.ask(query):
        if found.names:
            _show(found, form, asked)


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
