"""The log that a verb was asked about: found, opened, and refused where it is no log at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aoftool.dataclass import dataclass
from aoftool.errors import AoftoolError, SeveralLogsError

if TYPE_CHECKING:
    from aoftool.aof.model import Log

__all__ = [
    "find_input",
    "find_inputs",
    "finish_input",
    "forget_inputs",
    "generations",
    "logs_read",
    "note_of_rewrites",
]


@dataclass(slots=True)
class _Held:
    """A log that is read, and whether it was replaced, once it is not held any more."""

    log: Log
    replaced: bool | None = None

    def is_replaced(self) -> bool:
        from aoftool.aof.holding import is_superseded

        return is_superseded(self.log) if self.replaced is None else self.replaced


_held: list[_Held] = []


def find_input(path: str | None = None) -> Log:
    """Return the log that a path means; None searches the current directory.

    Its files are kept open until `forget_inputs`, so that all readings are of one generation, whatever a
    server does meanwhile. Who changes them lets go of them first.

    Raises:
        SourceError, InputError: as for `aoftool.aof.layout.find_log`.
        InputError: the file holds nothing of a log: what it is instead.
    """
    from aoftool.aof.holding import hold_log
    from aoftool.check.foreign import refuse_foreign

    log = hold_log(path)
    _held.append(_Held(log))
    refuse_foreign(log)
    return log


def find_inputs(paths: list[str] | None) -> tuple[list[Log | str], bool]:
    """Return the logs that were named, and the paths of those that are in folders that were named.

    The second tells whether there are such folders. A path without a log is given as it was named, unless it
    is the only one.

    Raises:
        as `find_input`, for a path that is the only one.
    """
    found: list[Log | str] = []
    expanded = False
    from aoftool.aof.layout import other_logs

    named: Sequence[str | None] = paths or [None]
    for path in named:
        try:
            log = find_input(path)
            others = other_logs(path)
            found += [log, *others]
            expanded = expanded or bool(others)
        except SeveralLogsError as error:
            found += error.paths
            expanded = True
        except AoftoolError:
            if path is None or len(named) == 1:
                raise
            found.append(path)
    return found, expanded


def finish_input(log: Log) -> None:
    """Let go of one log that is done with, for who reads many."""
    from aoftool.files.held import release_files

    for held in _held:
        if held.log is log:
            held.replaced = held.is_replaced()
    release_files(file.path for file in log.files)


def logs_read() -> list[Log]:
    """Return the logs that were found, in the order of the command line."""
    return [held.log for held in _held]


def note_of_rewrites() -> str:
    """Return what to say of logs that a server rewrote while they were read; nothing where none did."""
    found = [held.log.generation or "the file of that time" for held in _held if held.is_replaced()]
    if not found:
        return ""
    return f"a server rewrote the log meanwhile; it was read as it was at the start: {'; '.join(found)}"


def generations() -> dict[str, Any]:
    """Return, for JSON, which state of each multi-part log was read."""
    from aoftool.aof.model import FileRole, LogKind
    from aoftool.escape import shown_path

    rows = []
    for held in _held:
        log = held.log
        if log.kind is LogKind.MULTI_PART:
            of_role = {role: [f.sequence for f in log.files if f.role is role] for role in FileRole}
            incrs = of_role[FileRole.INCR]
            rows.append(
                {
                    "path": shown_path(log.path),
                    "base": next(iter(of_role[FileRole.BASE]), None),
                    "first_incr": incrs[0] if incrs else None,
                    "last_incr": incrs[-1] if incrs else None,
                    "replaced": held.is_replaced(),
                }
            )
    return {"generations": rows} if rows else {}


def forget_inputs() -> None:
    """Let go of everything that is held open."""
    from aoftool.files.held import release_files

    _held.clear()
    release_files()
