"""Logs that `aoftool log` writes: chosen commands, and the smallest log that shows what is at an offset."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aoftool.api.machine import worker_count
from aoftool.cli.exit_codes import DONE, VERDICT
from aoftool.cli.options.moments import find_place, refuse_outside, refuse_untimed
from aoftool.errors import UsageError
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.analysis.commands.model import LoggedCommand
    from aoftool.aof.ending_model import ListingEnd
    from aoftool.aof.model import Log
    from aoftool.aof.stretch import Stretch
    from aoftool.redaction import Redactor

__all__ = ["damaged_result", "write_commands", "write_excerpt"]


def write_commands(
    rows: Iterator[LoggedCommand],
    end: ListingEnd,
    log: Log,
    stretch: Stretch,
    output: str,
    *,
    force: bool,
) -> int:
    """Write the chosen commands as a log, without the RDB part of the input; return how many there are."""
    from aoftool.analysis.commands.loadable import LoadableLog
    from aoftool.files.access import narrowest_access
    from aoftool.files.sink import AtomicFile
    from aoftool.units import format_bytes

    inputs = [file.path for file in log.files if file.exists and file.path != "-"]
    made = LoadableLog(rows, end)
    with AtomicFile(output, force=force, inputs=inputs, access=narrowest_access(inputs)) as file:
        for piece in made:
            file.write(piece)
        if not made.commands:
            refuse_untimed(log, stretch)
            refuse_outside(log, stretch)
        file.commit()
        size = file.size_bytes
    print(
        f"aoftool: {counted(made.commands, 'command')}, {format_bytes(size)}, in {ascii(output)[1:-1]}",
        file=sys.stderr,
    )
    if made.dropped:
        end.note(f"left out, as no server runs it: a MULTI without EXEC, {counted(made.dropped, 'command')}")
    if made.guessed:
        end.note(f"{counted(made.guessed, 'command')} of unknown database went to the one selected before")
    return made.commands


_OF_STAND_INS = frozenset(("unknown-command", "restore-payload"))


def damaged_result(output: str, *, redacted: bool = False) -> int:
    """Tell what a check finds in a log that was written; return the exit code.

    Args:
        redacted: stand-ins are no names of commands, and no payloads of RESTORE.
    """
    from aoftool.check.result import damage_left

    told_by_stand_ins = _OF_STAND_INS if redacted else ()
    found = [(code, text) for code, text in damage_left(output) if code not in told_by_stand_ins]
    for code, text in found:
        print(f"aoftool: {text} [{code}]", file=sys.stderr)
    return VERDICT if found else DONE


def write_excerpt(log: Log, text: str, output: str | None, force: bool, redactor: Redactor | None) -> int:
    """Write the smallest log that shows what is at an offset."""
    from aoftool.analysis.history.excerpt import cut_excerpt
    from aoftool.analysis.redact.commands import redacted_argv
    from aoftool.files.access import narrowest_access
    from aoftool.files.sink import write_atomically
    from aoftool.units import format_bytes

    if output is None:
        raise UsageError("--excerpt writes a log", hint="add -o FILE")
    made = cut_excerpt(log, find_place(text, log, "--excerpt"), workers=worker_count())
    if redactor is not None:
        if made.damaged:
            raise UsageError("damaged bytes cannot be redacted", hint="leave --redact out")
        made.argvs = [redacted_argv(argv, redactor) for argv in made.argvs]
    inputs = [file.path for file in log.files if file.exists]
    access = narrowest_access(inputs)
    size = write_atomically(output, [made.content()], force=force, inputs=inputs, access=access)
    shown = ascii(output)[1:-1]
    print(f"aoftool: {made.what}: {format_bytes(size)} in {shown}", file=sys.stderr)
    for note in made.notes:
        print(f"aoftool: {note}", file=sys.stderr)
    return DONE if made.damaged else damaged_result(output, redacted=redactor is not None)
