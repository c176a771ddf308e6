"""Rewrite a damaged log: repair a copy of it first, by the plan of `aoftool fix --salvage`.

Knows where the copy lives and that the original is only read; what is compressed, or standard input, is
unpacked beside it first. What is repaired, and how, is `aoftool.repair`; what was taken out is not kept, for
the original stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from aoftool.aof.layout import find_log
from aoftool.aof.model import Log
from aoftool.dataclass import dataclass
from aoftool.errors import AoftoolError
from aoftool.files.folder import private_place
from aoftool.files.sink import refuse_same_file
from aoftool.files.spool import temporary_folder
from aoftool.next_step import next_step
from aoftool.progress import Progress, no_progress
from aoftool.repair.choice import Choice
from aoftool.repair.elsewhere import write_elsewhere
from aoftool.repair.model import Plan
from aoftool.repair.planner import make_plan
from aoftool.repair.unpacked import unpacked_log
from aoftool.rewrite.model import FileSize, RewriteResult
from aoftool.units import counted

__all__ = ["Salvaged", "describe_original", "salvaged_log"]

_PREFIX = ".aoftool-salvage-"


@dataclass(frozen=True, slots=True)
class Salvaged:
    """A log without damage.

    Attributes:
        log: the repaired copy; the original itself when there is nothing to repair.
        notes: what the repair did and what it left, in words.
        path, files: the damaged log, with the sizes that its files have unpacked.
    """

    log: Log
    notes: list[str]
    path: str
    files: list[FileSize]


@contextmanager
def salvaged_log(
    log: Log, databases: int, out: str | None = None, progress: Progress = no_progress
) -> Iterator[Salvaged]:
    """Give a repaired copy of a log; it lives as long as the context.

    Needs as much room as the log, beside the output or, without one, where temporary files go; twice that for
    what is to be unpacked first.

    Args:
        databases: the `databases` setting of the server that will load the result.
        out: where the rewrite goes.

    Raises:
        UnsupportedError: what was unpacked is a manifest.
        RefusedError: the output is one of the files of the log.
        SinkError: there is no room for the copy.
    """
    with unpacked_log(log, out, progress) as unpacked:
        plan = make_plan(unpacked.log, Choice(salvage=True, databases=databases), progress, in_place=False)
        plan.left += unpacked.left
        if out is not None:
            refuse_same_file(out, [path for path, _ in plan.inputs])
        notes, files = _notes(plan), _original_files(log, unpacked.log)
        if plan.empty:
            copies = [] if unpacked.log is log else [file.path for file in unpacked.log.files]
            with _naming(log, copies):
                yield Salvaged(unpacked.log, notes, log.path, files)
            return
        beside = None if out is None else private_place(os.path.dirname(os.path.abspath(out)))
        with temporary_folder(_PREFIX, beside) as folder, _naming(log, [folder]):
            copy = os.path.join(folder, _name_of(log, unpacked.log))
            write_elsewhere(plan, copy)
            yield Salvaged(find_log(copy), notes, log.path, files)


def _original_files(log: Log, plain: Log) -> list[FileSize]:
    """Return the files of a log with the sizes they have unpacked."""
    return [
        FileSize(file.path, file.role.value, as_plain.size_bytes or 0)
        for file, as_plain in zip(log.files, plain.files, strict=True)
        if file.exists
    ]


def _name_of(log: Log, plain: Log) -> str:
    """Return the name of the repaired copy: that of the log, or of what was unpacked."""
    path = log.path if plain is log else plain.files[0].path
    return os.path.basename(os.path.abspath(path)) or "log"


def describe_original(result: RewriteResult, salvaged: Salvaged) -> None:
    """Let a result name the files of the damaged log, and tell what was done to them first."""
    summary = result.summary
    summary.path, summary.files = salvaged.path, salvaged.files
    summary.notes = salvaged.notes + summary.notes


def _notes(plan: Plan) -> list[str]:
    if plan.empty:
        notes = ["there was nothing to salvage"]
    else:
        counts = plan.statistics
        size, commands = counts.bytes_set_aside, counts.commands_set_aside
        notes = [f"salvaged: left out were {counted(size, 'byte')} with {counted(commands, 'whole command')}"]
    if plan.statistics.commands_doubtful:
        kept = counted(plan.statistics.commands_doubtful, "command was", "commands were")
        notes.append(f"{kept} kept although damage before leaves the effect in doubt")
    # What files held that are not there is in no count.
    return notes + plan.doubts + [f"not repaired: {text}" for _, text in plan.left]


@contextmanager
def _naming(log: Log, copies: list[str]) -> Iterator[None]:
    """Let an error about a copy, which is gone when it is read, name the log."""
    try:
        yield
    except AoftoolError as error:
        path = error.path
        if path is not None and path != log.path and path.startswith(tuple(copies)):
            error.path, error.offset = log.path, None
            error.hint = next_step("check", log.path)
        raise
