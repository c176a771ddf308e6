"""The log that a verb was asked about: found, and refused where it is no log at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aoftool.aof.model import Log

__all__ = ["find_input"]


def find_input(path: str | None = None) -> Log:
    """Return the log that a path means; None searches the current directory.

    Raises:
        SourceError, InputError: as for `aoftool.aof.layout.find_log`.
        InputError: the file holds nothing of a log: what it is instead.
    """
    from aoftool.aof.layout import find_log
    from aoftool.check.foreign import refuse_foreign

    log = find_log(path)
    refuse_foreign(log)
    return log
