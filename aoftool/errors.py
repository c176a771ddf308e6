"""Every error class of aoftool, each with the exit code it leads to.

An error is raised for "cannot go on". Damage in a file is data, not an error: it is reported as a
finding by `aoftool.check`. Knows nothing of how errors are shown.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import ClassVar

__all__ = [
    "AoftoolError",
    "FormatError",
    "InputError",
    "LogInUseError",
    "ManifestError",
    "MissingExtraError",
    "NotJudgedError",
    "NotPermittedError",
    "OutputExistsError",
    "OverBudgetError",
    "PlanStaleError",
    "RdbError",
    "ReadFailedError",
    "RefusedError",
    "RespError",
    "SeveralLogsError",
    "SinkError",
    "SourceError",
    "TruncatedError",
    "UnsafePathError",
    "UnsupportedError",
    "UsageError",
    "VerifyError",
]


class AoftoolError(Exception):
    """Say what cannot go on, where, and what to type next.

    Args:
        message: what went wrong and what was found. It must already be printable: keys, values and
            file names taken from input go through `aoftool.escape` first.
        path: the file concerned.
        offset: absolute byte offset in that file.
        hint: what to type next.
    """

    exit_code: ClassVar[int] = 70

    def __init__(
        self,
        message: str,
        *,
        path: str | os.PathLike[str] | None = None,
        offset: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = None if path is None else os.fspath(path)
        self.offset = offset
        self.hint = hint


class UsageError(AoftoolError):
    """The options or arguments make no sense together."""

    exit_code = 2


class InputError(AoftoolError):
    """The input cannot be read or is not what the verb needs."""

    exit_code = 3


class SeveralLogsError(InputError):
    """A folder holds several logs, and the path does not say which.

    Args:
        paths: each of them, as it can be named.
    """

    def __init__(self, message: str, *, path: str, paths: Sequence[str], hint: str | None = None) -> None:
        super().__init__(message, path=path, hint=hint)
        self.paths = tuple(paths)


class SourceError(InputError):
    """A file is missing, unreadable or changed under the reader."""


class NotPermittedError(SourceError):
    """The system refuses whoever runs this; what stands there is unknown.

    Args:
        run_as: what to type in front of the command line so that another user runs it.
    """

    def __init__(self, message: str, *, path: str | os.PathLike[str] | None = None, run_as: str) -> None:
        super().__init__(message, path=path, hint=f"run it as a user who may: {run_as} aoftool ...")
        self.run_as = run_as


class ReadFailedError(AoftoolError):
    """The system gave an error instead of bytes, or fewer bytes than the file had when it was opened.

    What stands behind that place is unknown, which is something else than the end of the file. It is no
    `InputError`, so that whoever goes on without a file that is missing or damaged does not go on without
    this one: it is caught to tidy up, and never to go on.
    """

    exit_code = 3


class UnsupportedError(InputError):
    """A version, type or module that aoftool names but cannot handle."""


class OverBudgetError(UnsupportedError):
    """More memory or work than what is there may ask for; the user can allow more."""


class NotJudgedError(UnsupportedError):
    """What no release known here writes: nothing says that it is damaged, and it cannot be read on."""

    exit_code = 6


class MissingExtraError(InputError):
    """An optional dependency is needed for what was asked."""


class FormatError(InputError):
    """Bytes that are not what the format allows.

    Args:
        expected: what the format asks for at that place, in words.
        found: what stands there, escaped.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | os.PathLike[str] | None = None,
        offset: int | None = None,
        hint: str | None = None,
        expected: str | None = None,
        found: str | None = None,
    ) -> None:
        super().__init__(message, path=path, offset=offset, hint=hint)
        self.expected = expected
        self.found = found


class ManifestError(FormatError):
    """A manifest that a server would refuse."""


class RespError(FormatError):
    """A command stream that breaks the grammar."""


class RdbError(FormatError):
    """An RDB part that breaks the format."""


class TruncatedError(FormatError):
    """The input ends before the structure does."""


class SinkError(AoftoolError):
    """The output cannot be written: no space, no permission, no such directory."""

    exit_code = 3


class RefusedError(AoftoolError):
    """Asked to do something that would not be safe."""

    exit_code = 4


class OutputExistsError(RefusedError):
    """The output is already there and --force was not given."""


class LogInUseError(RefusedError):
    """A running server has the log open, or the log is growing."""


class PlanStaleError(RefusedError):
    """The files changed after the plan was made."""


class UnsafePathError(RefusedError):
    """A file name in the input leads out of its directory."""


class VerifyError(AoftoolError):
    """What was written did not read back as planned; the output is removed."""

    exit_code = 5
