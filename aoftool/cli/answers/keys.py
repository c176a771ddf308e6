"""What `aoftool keys` answers: keys as text, JSON lines or CSV, and what they do not show."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from aoftool.cli.ending import tell_damage
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.cli.options.common_options import Form
from aoftool.dataclass import replace
from aoftool.escape import shown_path
from aoftool.files.source import STDIN
from aoftool.units import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aoftool.analysis.keys.model import KeyRow
    from aoftool.analysis.keys.rows import KeyRows
    from aoftool.aof.model import Log
    from aoftool.redaction import Redactor
    from aoftool.report.lines import LineConsole

__all__ = ["print_rows", "tell_end"]


def print_rows(
    rows: KeyRows, values: bool, form: Form, redactor: Redactor | None, console: LineConsole
) -> None:
    """Print one line for each key.

    Args:
        values: show them too.
    """
    from aoftool.report.jsonout import print_json_line
    from aoftool.report.keys import KeyLines, key_json, write_keys_csv

    if form is Form.CSV:
        write_keys_csv(_redacted(rows, redactor), sys.stdout)
        return
    as_json = form is Form.JSON
    ready = rows.json_lines() if as_json and redactor is None else None
    if ready is not None:
        for lines in ready:
            sys.stdout.buffer.write(lines)
        return
    lines_of = KeyLines(console.width, writers=not rows.is_stored, values=values)
    if not as_json and lines_of.heading:
        console.print(lines_of.heading, style="bold")
    for row in _redacted(rows, redactor):
        if as_json:
            print_json_line(key_json(row, with_value=values))
        else:
            console.print("\n".join(lines_of.lines(row)))


def tell_end(log: Log, rows: KeyRows, limit: int | None) -> int:
    """Say on stderr what the listing does not show, and return the exit code."""
    if limit is not None and rows.shown == limit:
        print(f"aoftool: stopped after {counted(limit, 'key')} (--limit)", file=sys.stderr)
        return DONE
    if rows.empty:
        from aoftool.rdb.records.reader import empty_note

        print(f"aoftool: {empty_note(rows.empty)}", file=sys.stderr)
    return _records_end(log, rows) if rows.is_stored else _log_end(log, rows)


def _records_end(log: Log, rows: KeyRows) -> int:
    for note in rows.notes:
        print(f"aoftool: {note}", file=sys.stderr)
    if rows.stop is not None:
        return tell_damage(log, rows.stop)
    if rows.has_tail:
        print(
            "aoftool: commands follow the RDB part; what they changed is not in this listing",
            file=sys.stderr,
        )
    return DONE


def _log_end(log: Log, rows: KeyRows) -> int:
    if rows.setting:
        print(f"aoftool: {rows.setting}", file=sys.stderr)
    from aoftool.report.writer import writer_note

    note = None if rows.writer is None else writer_note(rows.writer)
    for text in ([note] if note else []) + rows.notes:
        print(f"aoftool: {text}", file=sys.stderr)
    if not rows.torn_bytes:
        return NOT_JUDGED if rows.unknown else DONE
    print(
        f"aoftool: the last command is torn ({counted(rows.torn_bytes, 'byte')}); a server drops it, and so"
        " does this listing",
        file=sys.stderr,
    )
    last = log.files[-1]
    if last.path == STDIN:
        return VERDICT
    # The last damage of the file, wherever it is: what is torn stands at the end.
    return tell_damage(log, (shown_path(os.path.basename(last.path)), sys.maxsize, "torn"))


def _redacted(rows: Iterable[KeyRow], redactor: Redactor | None) -> Iterator[KeyRow]:
    from aoftool.analysis.redact.commands import redacted_value

    if redactor is None:
        yield from rows
        return
    for row in rows:
        value = None if row.value is None else redacted_value(row.value, redactor)
        yield replace(row, key=redactor.key(row.key), value=value)
