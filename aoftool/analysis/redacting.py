"""Commands with stand-ins for their keys and data: what a reporter gets when output is to be shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aoftool.analysis.commands_model import LoggedCommand
from aoftool.commands.roles import ArgumentRole, argument_roles
from aoftool.redaction import Redactor

__all__ = ["redacted_argv", "redacted_command"]


def redacted_argv(argv: Sequence[bytes], redactor: Redactor) -> list[bytes]:
    """Return the arguments with stand-ins of the same lengths; they must be whole, not cut."""
    out = []
    for argument, role in zip(argv, argument_roles(argv), strict=True):
        if role is ArgumentRole.KEY:
            out.append(redactor.key(argument))
        elif role is ArgumentRole.DATA:
            # A command nobody knows: its keys cannot be told from its data, so either mode hides all.
            out.append(_data(argument, redactor, unknown=len(out) == 0 or out[0] != argv[0]))
        else:
            out.append(argument)
    return out


def _data(argument: bytes, redactor: Redactor, *, unknown: bool) -> bytes:
    return redactor.key(argument) if unknown and not redactor.hides_values else redactor.value(argument)


def redacted_command(command: LoggedCommand, redactor: Redactor | None) -> LoggedCommand:
    """Return a command as it may be shown."""
    if redactor is None:
        return command
    return replace(command, argv=redacted_argv(command.argv, redactor), lengths=None)
