"""What `aoftool log --follow` answers: commands as a server writes them, each line at once."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING

from aoftool.cli.answers.log import redacted, tell_end
from aoftool.cli.console import output_width

if TYPE_CHECKING:
    from aoftool.analysis.commands.model import LoggedCommand
    from aoftool.aof.model import Log
    from aoftool.api.listing import Listing
    from aoftool.cli.requests.log import LogRequest
    from aoftool.redaction import Redactor

__all__ = ["follow"]


def follow(log: Log, asked_for: Listing, asked: LogRequest, redactor: Redactor | None) -> int:
    """Print commands as they come, each line at once, until interrupted or --limit; return the exit code."""
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
        for row in islice(redacted(follower, redactor), asked_for.limit):
            show(row)
            shown += 1
            sys.stdout.flush()
            follower.end.notes = _say(follower.end.notes)
    except KeyboardInterrupt:
        pass
    return tell_end(log, follower.end, shown, asked_for.limit)


def _say(notes: list[str]) -> list[str]:
    for note in notes:
        print(f"aoftool: {note}", file=sys.stderr)
    return []
