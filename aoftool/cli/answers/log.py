"""What `aoftool log` answers: commands as text, JSON lines or CSV, bytes at an offset, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from aoftool.cli.console import Color, line_console, output_width
from aoftool.cli.ending import Unknown, tell_damage
from aoftool.cli.options.moments import find_place
from aoftool.errors import UsageError
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.analysis.commands.model import LoggedCommand
    from aoftool.aof.ending_model import ListingEnd
    from aoftool.aof.model import Log
    from aoftool.redaction import Redactor

__all__ = ["print_commands", "redacted", "show_bytes", "tell_end"]

_HEX_AROUND = 128


def redacted(rows: Iterable[LoggedCommand], redactor: Redactor | None) -> Iterator[LoggedCommand]:
    """Return commands with stand-ins of what is to be hidden."""
    from aoftool.analysis.redact.commands import redacted_command

    return (redacted_command(row, redactor) for row in rows)


def print_commands(
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


def show_bytes(log: Log, text: str, redactor: Redactor | None) -> None:
    """Show the bytes around a place.

    Args:
        text: the place as it was typed.

    Raises:
        UsageError: it is none, or bytes are to be hidden.
    """
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


def tell_end(log: Log, end: ListingEnd, shown: int, limit: int | None) -> int:
    """Say on stderr what the answer does not show, and return the exit code."""
    from aoftool.report.commands import print_end

    if limit is not None and shown == limit:
        print(f"aoftool: stopped after {counted(limit, 'command')} (--limit)", file=sys.stderr)
    elif not shown:
        print(f"aoftool: {_nothing(log)}", file=sys.stderr)
    print_end(end)
    return tell_damage(log, end.told)


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
