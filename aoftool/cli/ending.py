"""How a verb ends that met damage: what `check` says of the place, on stderr, and the exit code."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import tell
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.errors import AoftoolError, FormatError, InputError, ManifestError, NotJudgedError
from aoftool.escape import shown_path
from aoftool.files.remote.names import is_remote
from aoftool.next_step import is_line, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aoftool.analysis.commands.model import LoggedCommand
    from aoftool.aof.ending_model import Damage
    from aoftool.aof.model import Log
    from aoftool.aof.survey import FileSurvey, Survey
    from aoftool.api.tabling import LogTables
    from aoftool.check.diagnosis import Diagnosis

__all__ = [
    "Unknown",
    "damage_in",
    "diagnosed",
    "is_damaged",
    "placed",
    "tell_damage",
    "tell_findings",
    "tell_survey",
    "tell_tables",
    "tell_unknown",
]

# Verbs that look for damage themselves.
_JUDGES = frozenset({"check", "fix", "undo"})


def diagnosed(log: Log, damage: Damage | None) -> Diagnosis | None:
    """Return what a check says of a place where reading ended; None for no such place."""
    if damage is None:
        return None
    from aoftool.check.diagnosis import diagnose
    from aoftool.cli.progress import further_progress

    with further_progress("checking", log.size_bytes) as progress:
        return diagnose(log, *damage, progress)


def tell_damage(log: Log, damage: Damage | None, *, read_on: bool = False) -> int:
    """Say where reading ended and what to type next; return the exit code of the verb.

    Args:
        read_on: reading did not end there, and nothing is missing for it.
    """
    found = diagnosed(log, damage)
    if found is None:
        return DONE
    return _tell(found, read_on=read_on)


def tell_unknown(log: Log, place: Damage | None) -> int:
    """Say what a check says of a command with an unknown name; return the exit code of the verb.

    Commands of modules are unknown too, and nothing is to be said of them.
    """
    found = diagnosed(log, place)
    return DONE if found is None or not found.code else _tell(found)


def _tell(found: Diagnosis, *, read_on: bool = False) -> int:
    if found.refuted:
        place = f"{found.file} is read up to offset {found.offset:,}: {found.message}"
        print(f"aoftool: {place}; a check finds no damage there", file=sys.stderr)
        return DONE
    lines = [f"aoftool: {found.text}", *(f"   {line}" for line in told(found.next))]
    if found.judged and not read_on:
        lines.insert(1, "   what follows may be missing here")
    print(*lines, sep="\n", file=sys.stderr)
    return VERDICT if found.judged else NOT_JUDGED


def placed(error: AoftoolError, arguments: Sequence[str]) -> AoftoolError:
    """Let an error that is about damage say what a check says of that place.

    Of a command that cannot be replayed it says so only where a check finds that very command.
    """
    if not isinstance(error, InputError) or isinstance(error, ManifestError):
        return error
    if error.offset is None or error.path is None:
        return error
    if not is_remote(error.path) and not os.path.isfile(error.path):
        return error
    if not arguments or arguments[0] in _JUDGES:
        return error
    from aoftool.check.diagnosis import diagnose

    try:
        name = shown_path(os.path.basename(error.path))
        found = diagnose(_log_of(error.path, arguments), name, error.offset, error.message)
    except Exception:  # whatever goes wrong on the way to better words, the error itself is to be told
        return error
    if found.code and found.judged and (isinstance(error, FormatError) or found.offset == error.offset):
        index = found.command_index
        at = "" if index is None else f"command {index:,}: "
        error.message = f"{at}{found.message} [{found.code}]"
        error.offset = found.offset
        # A rewrite offers to repair a copy, but once, and where anything can be repaired.
        is_lost = found.next is not None and not is_line(found.next)
        if arguments[0] != "rewrite" or error.hint is None or "--salvage" in arguments or is_lost:
            error.hint = found.next
    elif found.code and not found.judged and found.offset == error.offset:
        # One that no release has: nothing is damaged, and what it did is not known.
        message = f"{found.message} [{found.code}]"
        return NotJudgedError(message, path=error.path, offset=error.offset, hint=error.hint or found.next)
    else:
        # It counts the commands of its own reading; the offset says where it is.
        error.message = error.message.removeprefix(f"command {getattr(error, 'command_index', '')}: ")
        if "--salvage" in arguments and "--salvage" in (error.hint or ""):
            # That was typed already.
            error.hint = None
    error.hint = error.hint or found.next
    return error


def _log_of(path: str, arguments: Sequence[str]) -> Log:
    """Return the log of a file, the set that lists it where that was not named by this very file."""
    from aoftool.aof.directory import Directory
    from aoftool.aof.layout import find_log
    from aoftool.aof.model import LogKind

    folder = os.path.dirname(path) or os.curdir
    if path in arguments or not any(name.endswith(b".manifest") for name in Directory(folder).names):
        return find_log(path)
    found = find_log(folder)
    listed = any(os.path.basename(file.path) == os.path.basename(path) for file in found.files)
    return found if found.kind is LogKind.MULTI_PART and listed else find_log(path)


class Unknown:
    """Watch rows go by for the first command that no release here knows: what it does is not judged.

    Attributes:
        place: file, offset and what is to be said of it; None as long as there is none.
    """

    def __init__(self) -> None:
        self.place: Damage | None = None
        self._unknown: dict[tuple[bytes, bytes | None], bool] = {}

    def see(self, row: LoggedCommand) -> None:
        """Look at a command."""
        if not row.argv:
            # A record of an RDB part.
            return
        if self.place is None and self._is_unknown(row):
            self.place = row.file, row.offset, "a command that no known release has"

    def settled(self, name: bytes) -> bool:
        """Tell whether nobody has to look at commands of this name, in upper case."""
        from aoftool.commands.payloads import carries_payload
        from aoftool.commands.table import CONTAINERS
        from aoftool.commands.wrapped import WRAPPER

        if name == WRAPPER:
            # What it holds is shown in its place.
            return False
        if self.place is not None:
            return True
        return name not in CONTAINERS and not carries_payload(name, None) and _is_known(name, None)

    def _is_unknown(self, row: LoggedCommand) -> bool:
        """Tell whether no release has a command, or may have written its payload, which may be cut here."""
        from aoftool.commands.payloads import carries_payload
        from aoftool.commands.table import CONTAINERS
        from aoftool.replay.doubt import unknown_form
        from aoftool.replay.unknown_forms import unknown_in_area

        words = row.name, row.argv[1].upper() if row.name in CONTAINERS and len(row.argv) > 1 else None
        if carries_payload(*words):
            return row.lengths is not None or bool(unknown_form(row.argv))
        if words not in self._unknown:
            self._unknown[words] = not _is_known(*words)
        return self._unknown[words] or bool(unknown_in_area(row.name, row.argv))


def _is_known(name: bytes, subcommand: bytes | None) -> bool:
    """Tell whether a release has a command, and its subcommand where it has some."""
    from aoftool.commands.table import CONTAINERS, lookup

    if name in CONTAINERS and subcommand is not None:
        return lookup(name, subcommand) is not None
    return lookup(name) is not None


def _may_be_unknown(name: bytes, subcommand: bytes | None) -> bool:
    from aoftool.commands.payloads import carries_payload

    return carries_payload(name, subcommand) or not _is_known(name, subcommand)


def tell_survey(log: Log, read: Survey) -> int:
    """Say where the first file of a survey makes no sense any more, or holds what is not judged.

    Returns:
        the exit code of the verb.
    """
    damage = damage_in(read)
    return tell_damage(log, damage) if damage is not None else tell_unknown(log, _unknown_in(read))


def tell_tables(log: Log, tables: LogTables) -> int:
    """Say how far the tables that were read reach; return the exit code of that."""
    code = DONE if tables.survey is None else tell_survey(log, tables.survey)
    return code or tell_damage(log, tables.damage)


def tell_findings(log: Log, tables: LogTables) -> int:
    """Say what to type of damage that the table of findings, if read, tells of; return the exit code."""
    from aoftool.next_step import next_step

    if not any(finding.severity.value == "damage" for finding in tables.findings or ()):
        return DONE
    print("aoftool: the table findings tells of damage", file=sys.stderr)
    tell(next_step("check", log.path))
    return VERDICT


def damage_in(read: Survey) -> Damage | None:
    """Return where the first file of a survey makes no sense any more; None where all do."""
    return next(filter(None, (_damage_of(item, is_last=item is read.files[-1]) for item in read.files)), None)


def is_damaged(read: Survey) -> bool:
    """Tell whether some file of a survey was not read to its end."""
    return damage_in(read) is not None


def _unknown_in(read: Survey) -> Damage | None:
    """Return the file with commands that no release here knows, or may know; a check finds the place."""
    from aoftool.replay.unknown_forms import first_unknown_form
    from aoftool.resp.model import OTHER_NAMES

    for item in read.files:
        rows = () if item.tail is None else [key for key in item.tail.rows if key.name != OTHER_NAMES]
        if any(_may_be_unknown(key.name, key.subcommand) for key in rows):
            name = item.file.shown_name
            return name, 0, "commands that no known release has"
    place = first_unknown_form(read)
    return None if place is None else (*place, "a form of a command that no known release has")


def _damage_of(item: FileSurvey, *, is_last: bool) -> Damage | None:
    from aoftool.aof.ending import OPEN_INSIDE
    from aoftool.files.changes import first_damage
    from aoftool.resp.model import Reason

    name = item.file.shown_name
    if item.error is not None:
        return name, 0, item.error
    if item.walk is not None and item.walk.stop is not None:
        return name, item.walk.stop.offset, item.walk.stop.message
    stop = None if item.tail is None else item.tail.stop
    if stop is None or stop.reason is Reason.END:
        lost = first_damage(item.changes)
        if lost is not None:
            return name, lost.offset or 0, lost.message
        open_at = None if item.tail is None or is_last else item.tail.transactions.open_offset
        return None if open_at is None else (name, open_at, OPEN_INSIDE)
    return name, stop.command_start, stop.reason.value
