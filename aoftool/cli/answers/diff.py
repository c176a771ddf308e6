"""What `aoftool diff` answers: what differs as text, JSON or CSV, and where reading ended."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aoftool.cli.console import Color, line_console, tell
from aoftool.cli.ending import diagnosed
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.escape import shown_path
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.analysis.diff.model import Diff
    from aoftool.aof.model import Log
    from aoftool.check.diagnosis import Diagnosis

__all__ = ["exit_code", "note_damage", "print_diff"]

_STYLES = {"+ ": "green", "- ": "red", "~ ": "yellow"}


def note_damage(found: Diff, logs: Sequence[Log]) -> list[Diagnosis | None]:
    """Return what a check says of where reading ended, by log, and note it with what differs."""
    told = [diagnosed(log, damage) for log, damage in zip(logs, found.damage, strict=False)]
    told = [None if place is None or place.refuted else place for place in told]
    for log, place in zip(logs, told, strict=True):
        if place is not None:
            note = f"{shown_path(log.path)}: {place.text}; what follows may be missing here"
            found.notes += [note] if note not in found.notes else []
    return told


def exit_code(found: Diff, told: Sequence[Diagnosis | None]) -> int:
    """Say what to type next of damage, and return the exit code."""
    for step in dict.fromkeys(place.next for place in told if place is not None):
        tell(step)
    if found.changes or found.libraries or any(place is not None and place.judged for place in told):
        return VERDICT
    return NOT_JUDGED if any(told) else DONE


def print_diff(found: Diff, as_json: bool, as_csv: bool, limit: int, color: Color) -> None:
    """Print what differs, and what is to be known of it."""
    from aoftool.report.diff import diff_json, diff_lines, print_diff_csv
    from aoftool.report.jsonout import print_json

    if as_json:
        print_json(diff_json(found))
        return
    if as_csv:
        print_diff_csv(found)
        if found.libraries:
            differ = counted(len(found.libraries), "function library differs", "function libraries differ")
            found.notes.append(f"{differ}: --json names them")
    else:
        console = line_console(color)
        for line in diff_lines(found, console.width, limit):
            console.print(line, style=_STYLES.get(line[:2], ""))
    for note in found.notes:
        print(f"aoftool: {note}", file=sys.stderr)
