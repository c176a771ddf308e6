"""How a verb ends that met damage: what `check` says of the place, on stderr, and the exit code."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.errors import AoftoolError, FormatError, InputError, ManifestError
from aoftool.escape import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aoftool.analysis.commands_model import LoggedCommand
    from aoftool.aof.model import Log
    from aoftool.aof.survey import FileSurvey, Survey
    from aoftool.check.diagnosis import Diagnosis

__all__ = [
    "Damage",
    "Unknown",
    "diagnosed",
    "is_damaged",
    "placed",
    "shown_path",
    "tell_damage",
    "tell_survey",
    "tell_unknown",
]

# Verbs that look for damage themselves.
_JUDGES = frozenset({"check", "fix", "undo"})
Damage = tuple[str, int, str]
"""File, offset and reason of the place where reading ended."""


def diagnosed(log: Log, damage: Damage | None) -> Diagnosis | None:
    """Return what a check says of a place where reading ended; None for no such place."""
    if damage is None:
        return None
    from aoftool.check.diagnosis import diagnose

    return diagnose(log, *damage)


def shown_path(path: str) -> str:
    """Return a path as it may be shown."""
    return printable(os.fsencode(path))


def tell_damage(log: Log, damage: Damage | None) -> int:
    """Say where reading ended and what to type next; return the exit code of the verb."""
    found = diagnosed(log, damage)
    if found is None:
        return DONE
    return _tell(found)


def tell_unknown(log: Log, place: Damage | None) -> int:
    """Say what a check says of a command with an unknown name; return the exit code of the verb.

    Commands of modules are unknown too, and nothing is to be said of them.
    """
    found = diagnosed(log, place)
    return DONE if found is None or not found.code else _tell(found)


def _tell(found: Diagnosis) -> int:
    if found.refuted:
        place = f"{found.file} is read up to offset {found.offset:,}: {found.message}"
        print(f"aoftool: {place}; a check finds no damage there", file=sys.stderr)
        return DONE
    lines = [f"aoftool: {found.text}", f"   next: {found.next}"]
    if found.judged:
        lines.insert(1, "   what follows may be missing here")
    print(*lines, sep="\n", file=sys.stderr)
    return VERDICT if found.judged else NOT_JUDGED


def placed(error: AoftoolError, arguments: Sequence[str]) -> AoftoolError:
    """Let an error that is about damage say what a check says of that place.

    Of a command that cannot be replayed it says so only where a check finds that very command.
    """
    if not isinstance(error, InputError) or isinstance(error, ManifestError):
        return error
    if error.offset is None or error.path is None or not os.path.isfile(error.path):
        return error
    if not arguments or arguments[0] in _JUDGES:
        return error
    from aoftool.aof.layout import find_log
    from aoftool.check.diagnosis import diagnose

    try:
        name = shown_path(os.path.basename(error.path))
        found = diagnose(find_log(error.path), name, error.offset, error.message)
    except Exception:  # whatever goes wrong on the way to better words, the error itself is to be told
        return error
    if found.code and found.judged and (isinstance(error, FormatError) or found.offset == error.offset):
        index = found.command_index
        at = "" if index is None else f"command {index:,}: "
        error.message = f"{at}{found.message} [{found.code}]"
        error.offset = found.offset
        # A rewrite offers to repair a copy, but once, and where anything can be repaired.
        is_lost = found.next is not None and not found.next.startswith("aoftool ")
        if arguments[0] != "rewrite" or error.hint is None or "--salvage" in arguments or is_lost:
            error.hint = found.next
    else:
        # It counts the commands of its own reading; the offset says where it is.
        error.message = error.message.removeprefix(f"command {getattr(error, 'command_index', '')}: ")
    error.hint = error.hint or found.next
    return error


class Unknown:
    """Watch rows go by for the first command that no release here knows: what it does is not judged.

    Attributes:
        place: file, offset and what is to be said of it; None as long as there is none.
    """

    def __init__(self) -> None:
        self.place: Damage | None = None
        self._known: dict[bytes, bool] = {}

    def see(self, row: LoggedCommand) -> None:
        """Look at a command."""
        if not row.argv:
            # A record of an RDB part.
            return
        name = row.name
        if name not in self._known:
            from aoftool.commands.table import lookup

            self._known[name] = lookup(name) is not None
        if not self._known[name] and self.place is None:
            self.place = row.file, row.offset, "a command that no known release has"


def tell_survey(log: Log, read: Survey) -> int:
    """Say where the first file of a survey makes no sense any more, or holds what is not judged.

    Returns:
        the exit code of the verb.
    """
    damage = next(filter(None, map(_damage_of, read.files)), None)
    return tell_damage(log, damage) if damage is not None else tell_unknown(log, _unknown_in(read))


def is_damaged(read: Survey) -> bool:
    """Tell whether some file of a survey was not read to its end."""
    return any(_damage_of(item) is not None for item in read.files)


def _unknown_in(read: Survey) -> Damage | None:
    """Return the file with commands that no release here knows; a check finds the place."""
    from aoftool.commands.table import lookup
    from aoftool.resp.model import OTHER_NAMES

    for item in read.files:
        names = set() if item.tail is None else {key.name for key in item.tail.rows} - {OTHER_NAMES}
        if any(lookup(name) is None for name in names):
            name = printable(item.file.name) or shown_path(os.path.basename(item.file.path))
            return name, 0, "commands that no known release has"
    return None


def _damage_of(item: FileSurvey) -> Damage | None:
    from aoftool.files.changes import first_damage
    from aoftool.resp.model import Reason

    name = printable(item.file.name) or shown_path(os.path.basename(item.file.path))
    if item.error is not None:
        return name, 0, item.error
    if item.walk is not None and item.walk.stop is not None:
        return name, item.walk.stop.offset, item.walk.stop.message
    stop = None if item.tail is None else item.tail.stop
    if stop is None or stop.reason is Reason.END:
        lost = first_damage(item.changes)
        return None if lost is None else (name, lost.offset or 0, lost.message)
    return name, stop.command_start, stop.reason.value
