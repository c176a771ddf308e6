"""What `aoftool guard` says: a line or two for the log of a container, or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aoftool.escape import shown_path
from aoftool.next_step import next_step
from aoftool.repair.guard_model import Guarded, GuardOutcome
from aoftool.units import counted, format_bytes

__all__ = ["guard_json", "guard_lines"]

_SAID = {
    GuardOutcome.SOUND: "the log is whole",
    GuardOutcome.NO_LOG: "there is no log yet",
    GuardOutcome.LEFT_TO_SERVER: "the log has a torn end",
}


def guard_lines(done: Guarded, command: list[str]) -> Iterator[str]:
    """Yield what was found and done, one line each."""
    start = f"; starting {shown_path(command[0])}" if command else ""
    if done.outcome is GuardOutcome.REPAIRED:
        lost = f"{counted(done.lost_bytes, 'byte')}, {counted(done.lost_commands, 'whole command')} with them"
        gone = f"took out {lost}" if done.lost_bytes else "lost nothing"
        yield f"aoftool: {done.path}: repaired, {gone}{start}"
    else:
        yield f"aoftool: {done.path}: {_SAID[done.outcome]}{start}"
    for note in done.notes:
        yield f"aoftool: note: {note}"
    if done.receipt is not None:
        yield f"aoftool: to take the repair back, with the server stopped: {next_step('undo', done.receipt)}"
    if done.forgotten:
        size = sum(one.size_bytes for one in done.forgotten)
        repairs = counted(len(done.forgotten), "older repair")
        yield f"aoftool: removed the originals of {repairs}, {format_bytes(size)}"


def guard_json(done: Guarded, command: list[str]) -> dict[str, Any]:
    """Return the same as JSON members."""
    return {
        "schema": "aoftool.guard/1",
        "path": done.path,
        "outcome": done.outcome.value,
        "lost_bytes": done.lost_bytes,
        "lost_commands": done.lost_commands,
        "receipt": None if done.receipt is None else shown_path(done.receipt),
        "kept": [{"path": shown_path(one.path), "size_bytes": one.size_bytes} for one in done.kept],
        "forgotten": [{"path": shown_path(one.path), "size_bytes": one.size_bytes} for one in done.forgotten],
        "notes": list(done.notes),
        "command": [shown_path(word) for word in command],
    }
