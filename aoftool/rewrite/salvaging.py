"""Rewrite a damaged log: repair a copy of it first, by the plan of `aoftool fix --salvage`.

Knows where the copy lives and that the original is only read. What is repaired, and how, is
`aoftool.repair`; what was taken out is not kept, for the original stays.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aoftool.aof.layout import find_log
from aoftool.aof.model import Log
from aoftool.errors import AoftoolError
from aoftool.files.sink import refuse_same_file
from aoftool.progress import Progress, no_progress
from aoftool.repair.elsewhere import write_elsewhere
from aoftool.repair.model import Choice, Plan
from aoftool.repair.planner import make_plan
from aoftool.rewrite.model import FileSize, RewriteResult

__all__ = ["Salvaged", "describe_original", "salvaged_log"]

_PREFIX = ".aoftool-salvage-"


@dataclass(frozen=True, slots=True)
class Salvaged:
    """A log without damage.

    Attributes:
        log: the repaired copy; the original itself when there is nothing to repair.
        notes: what the repair did and what it left, in words.
    """

    log: Log
    notes: list[str] = field(default_factory=list)


@contextmanager
def salvaged_log(
    log: Log, databases: int, out: str | None = None, progress: Progress = no_progress
) -> Iterator[Salvaged]:
    """Give a repaired copy of a log; it lives as long as the context.

    Needs as much room as the log, beside the output or, without one, where temporary files go.

    Args:
        databases: the `databases` setting of the server that will load the result.
        out: where the rewrite goes.

    Raises:
        UnsupportedError: standard input, or compressed files.
        RefusedError: the output is one of the files of the log.
        SinkError: there is no room for the copy.
    """
    plan = make_plan(log, Choice(salvage=True, databases=databases), progress, in_place=False)
    if out is not None:
        refuse_same_file(out, [path for path, _ in plan.inputs])
    if plan.empty:
        yield Salvaged(log, _notes(plan))
        return
    beside = None if out is None else os.path.dirname(os.path.abspath(out))
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=beside) as folder:
        copy = os.path.join(folder, os.path.basename(os.path.abspath(log.path)) or "log")
        write_elsewhere(plan, copy)
        try:
            yield Salvaged(find_log(copy), _notes(plan))
        except AoftoolError as error:
            _name_original(error, folder, log)
            raise


def describe_original(result: RewriteResult, log: Log, notes: list[str]) -> None:
    """Let a result name the files of the damaged log, and tell what was done to them first."""
    summary = result.summary
    summary.path = log.path
    summary.files = [
        FileSize(file.path, file.role.value, file.size_bytes or 0) for file in log.files if file.exists
    ]
    summary.notes = notes + summary.notes


def _notes(plan: Plan) -> list[str]:
    if plan.empty:
        notes = ["there was nothing to salvage"]
    else:
        counts = plan.statistics
        size, commands = counts.bytes_set_aside, counts.commands_set_aside
        notes = [f"salvaged: {size:,} bytes with {commands:,} whole commands were left out"]
    if plan.statistics.commands_doubtful:
        doubtful = f"{plan.statistics.commands_doubtful:,}"
        notes.append(
            f"{doubtful} commands were kept although damage before them leaves their effect in doubt"
        )
    return notes + [f"not repaired: {text}" for _, text in plan.left]


def _name_original(error: AoftoolError, folder: str, log: Log) -> None:
    """Let an error about the copy, which is gone when it is read, name the log."""
    if error.path is not None and error.path.startswith(folder):
        error.path, error.offset = log.path, None
        error.hint = f"aoftool check {log.path}"
