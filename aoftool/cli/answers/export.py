"""What `aoftool export` answers: the tables that were written, and how far the log was read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console, tell
from aoftool.cli.ending import tell_findings, tell_tables
from aoftool.cli.exit_codes import DONE, INPUT
from aoftool.next_step import next_step

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.api.tabling import LogTables
    from aoftool.cli.requests.export import ExportRequest
    from aoftool.tables.export_model import Exported

__all__ = ["show_export", "tell_end"]


def show_export(done: Exported, asked: ExportRequest) -> None:
    """Show which tables were written."""
    from aoftool.report.data.export import export_json, export_lines
    from aoftool.report.jsonout import print_json

    if asked.as_json:
        print_json(export_json(done))
    else:
        console = line_console(asked.color)
        for number, line in enumerate(export_lines(done, console.width)):
            console.print(line, style="" if number else "bold")
    for note in done.notes:
        print(f"aoftool: {note}", file=sys.stderr)


def tell_end(log: Log, tables: LogTables, done: Exported) -> int:
    """Say how far the log was read, and what to type next; return the exit code."""
    code = tell_tables(log, tables)
    for left in done.left_out:
        print(f"aoftool: left out: {left.table}: {left.why}", file=sys.stderr)
        if code == DONE:
            tell(left.next or next_step("check", log.path))
    if code != DONE:
        return code
    return tell_findings(log, tables) or (INPUT if done.left_out else DONE)
