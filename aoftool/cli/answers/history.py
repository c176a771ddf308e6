"""What `aoftool history` answers: steps as text, JSON lines or CSV, and what they do not show."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from aoftool.cli.console import Color, line_console, tell
from aoftool.cli.ending import tell_damage
from aoftool.cli.exit_codes import DONE, NOT_JUDGED
from aoftool.cli.options.common_options import Form
from aoftool.next_step import next_step
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.analysis.history.history import KeyHistory
    from aoftool.analysis.history.model import HistoryStep
    from aoftool.aof.model import Log
    from aoftool.redaction import Redactor

__all__ = ["printer_of_steps", "redacted", "tell_end"]


def printer_of_steps(
    form: Form, color: Color, *, several: bool, values: bool
) -> Callable[[HistoryStep], None]:
    """Return what prints one step."""
    from aoftool.report.history import HistoryCsv, HistoryLines, step_json
    from aoftool.report.jsonout import print_json_line

    if form is Form.CSV:
        return HistoryCsv(sys.stdout).add
    if form is Form.JSON:
        return lambda step: print_json_line(step_json(step, with_value=values))
    console = line_console(color)
    lines = HistoryLines(console.width, several=several, values=values)
    return lambda step: console.print("\n".join(lines.lines(step)), style="red" if step.deletion else "")


def redacted(found: Iterator[HistoryStep], redactor: Redactor | None) -> Iterator[HistoryStep]:
    """Return steps with stand-ins of what is to be hidden."""
    if redactor is None:
        return found
    from aoftool.analysis.redact.commands import redacted_step

    return (redacted_step(step, redactor) for step in found)


def tell_end(log: Log, found: KeyHistory, key: str | None, shown: int, limit: int | None) -> int:
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
            tell(next_step("history", log.path, f"--match {glob}"))
    if found.writer is not None and (note := writer_note(found.writer)):
        print(f"aoftool: {note}", file=sys.stderr)
    for note in end.notes:
        print(f"aoftool: {note}", file=sys.stderr)
    return tell_damage(log, end.damage) or (DONE if end.is_judged else NOT_JUDGED)
