"""Plans that take chosen commands out and keep everything behind them: the FLUSHALL nobody meant.

Commands are found by place or by name; a DEL or UNLINK of several keys is split when only some are
meant. What later commands did to the revived keys cannot be undone: they are listed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from aoftool.aof.model import Log
from aoftool.check.exam_model import FileExam
from aoftool.commands.framing import CLOSING, FRAMING
from aoftool.commands.groups import ACROSS, DELETES, FLUSHES
from aoftool.commands.table import lookup_argv
from aoftool.dataclass import dataclass, field
from aoftool.errors import RefusedError, UsageError
from aoftool.escape import excerpt, excerpt_command, shown_base, shown_path
from aoftool.files.source import open_source
from aoftool.next_step import next_step, quoted
from aoftool.pattern import compile_glob
from aoftool.repair.choice import Choice
from aoftool.repair.draft import Draft
from aoftool.repair.planners.point_in_time import find_file
from aoftool.resp.commands import CommandReader
from aoftool.resp.encode import encode_command
from aoftool.resp.frame import argv_at
from aoftool.resp.model import Command
from aoftool.units import counted

__all__ = ["Undeleted", "notes_of", "plan_undelete", "refuse_framing"]

_SHOWN = 5
_INSPECTED = 2_000_000


@dataclass
class Undeleted:
    """What was taken out, and what later commands did to the same keys.

    Attributes:
        commands: how many were taken out, whole or in part.
        touched: later commands that name a revived key, printable, at most five.
        touched_count: all of them.
        flushed: (file, offset) of the first that emptied a database, by its number; None for all databases.
        merging: later commands that write keys to a database of these, which may meet what was removed.
        instead: what stays of the commands that were taken out, by (file number, offset); None for nothing.
    """

    commands: int = 0
    touched: list[str] = field(default_factory=list)
    touched_count: int = 0
    keys: set[bytes] = field(default_factory=set)
    flushed: dict[int | None, tuple[int, int]] = field(default_factory=dict)
    merging: int = 0
    instead: dict[tuple[int, int], list[bytes] | None] = field(default_factory=dict)
    first: tuple[int, int] | None = None


def refuse_framing(name: bytes, path: str, offset: int | None = None) -> None:
    """Refuse to take out a command that frames others: what it frames can be taken out, by place.

    Args:
        name: of the command, in upper case.
        path: of the log, or of the file that the offset is of.

    Raises:
        RefusedError: it is such a command.
    """
    if name not in FRAMING:
        return
    why, instead = (
        ("the commands behind it would write to another database", "the commands behind it")
        if name == b"SELECT"
        else ("a log with half a transaction is damaged", "the commands of the transaction")
    )
    lines = ("--since", f"{offset}", "--limit 20") if offset is not None else ("--cmd", name.decode())
    raise RefusedError(
        f"{excerpt(name)} is not taken out: {why}; take out {instead}, with --drop FILE:OFFSET for each",
        path=path,
        offset=offset,
        hint=next_step("log", path, *lines, *([] if offset is not None else ["--context 5"])),
    )


def plan_undelete(files: Sequence[FileExam], drafts: Sequence[Draft], choice: Choice, path: str) -> Undeleted:
    """Plan to take the chosen commands out.

    Args:
        path: of the log.

    Raises:
        UsageError: no command stands at a place, or none has the name.
        RefusedError: a command at a place frames others.
    """
    result = Undeleted()
    for name, offset in choice.drop_at:
        number = find_file(files, name)
        _drop_at(files[number], drafts[number], offset, number, result)
    if choice.drop_command is not None:
        pattern = None if choice.match is None else compile_glob(choice.match)
        _drop_named(files, drafts, choice.drop_command.upper(), pattern, result)
        if not result.commands:
            raise _absent(files, choice.drop_command.upper(), choice.match, path)
    if result.keys:
        _list_later(files, result)
    if result.flushed:
        _count_merging(files, result)
    return result


def notes_of(found: Undeleted, log: Log) -> list[str]:
    """Return what to say of what was taken out: what later commands meet, and which are lost by it."""
    notes = [f"{counted(found.commands, 'command is', 'commands are')} taken out"]
    if found.merging:
        writes = counted(found.merging, "later write")
        notes.append(
            f"{writes} may meet keys that come back with a flush gone: lists and counters then go on from"
            " the old values"
        )
    if found.touched_count:
        shown = "" if found.touched_count == len(found.touched) else f", the first {len(found.touched)}"
        notes.append(f"{counted(found.touched_count, 'later command')} on a revived key{shown}:")
        notes += [f"  {line}" for line in found.touched]
    if found.merging or found.touched_count:
        # Imported here: only who takes out what others follow pays for a replay.
        from aoftool.repair.planners.revived import refused_notes

        notes += refused_notes(log, found.instead)
    return notes


def _absent(files: Sequence[FileExam], name: bytes, match: bytes | None, path: str) -> UsageError:
    """Return the error for a name that is not there; who asks for one flush may mean the other."""
    if match is not None:
        message = f"the log holds no {excerpt(name)} that touches {excerpt(match)}"
        line = next_step("log", path, "--cmd", quoted(os.fsdecode(name)), "--limit 20")
        return UsageError(message, hint=line)
    for other in FLUSHES - {name} if name in FLUSHES else ():
        if any(True for _ in _named(files, other)):
            words = f"the log holds no {excerpt(name)}, but {excerpt(other)}"
            return UsageError(
                words, hint=next_step("fix", path, f"--dry-run --drop-command {excerpt(other)}")
            )
    return UsageError(f"the log holds no {excerpt(name)}", hint=next_step("inspect", path, "--by command"))


def _drop_at(file: FileExam, draft: Draft, offset: int, number: int, result: Undeleted) -> None:
    if file.tail is not None and file.tail_start <= offset < file.good_end:
        with open_source(file.path) as source:
            for command in CommandReader(source, start=file.tail_start, end=file.good_end, limit=64):
                if command.offset == offset:
                    if command.txn or command.name not in CLOSING:
                        refuse_framing(command.name, file.path, offset)
                    argv = argv_at(source, offset).argv if command.lengths else command.argv
                    _drop(draft, command, argv, f"{excerpt(command.name)}, as asked", result, number)
                    return
                if command.offset > offset:
                    break
    raise UsageError(
        f"no command starts at offset {offset:,} of {shown_path(file.path)}",
        hint=next_step("log", file.path, "--limit 20"),
    )


def _drop(
    draft: Draft, command: Command, argv: Sequence[bytes], reason: str, result: Undeleted, number: int
) -> None:
    draft.drop(command.offset, command.offset + command.length, "undelete", reason, 1)
    result.instead[number, command.offset] = None
    _note(command, argv, result, number)
    spec = lookup_argv(argv)
    if spec is not None:
        result.keys.update(argv[place] for place in spec.keys(argv))


def _note(command: Command, argv: Sequence[bytes], result: Undeleted, number: int) -> None:
    result.commands += 1
    if command.name in FLUSHES:
        place = (number, command.offset)
        database = command.db if command.name == b"FLUSHDB" else None
        result.flushed[database] = min(result.flushed.get(database, place), place)
    if result.first is None:
        result.first = (number, command.offset)


def _drop_named(
    files: Sequence[FileExam],
    drafts: Sequence[Draft],
    name: bytes,
    match: re.Pattern[bytes] | None,
    result: Undeleted,
) -> None:
    for number, command in _named(files, name):
        _drop_matching(drafts[number], command, name, match, result, number)


def _named(files: Sequence[FileExam], name: bytes) -> Iterator[tuple[int, Command]]:
    """Yield the commands of a name, each with the number of its file."""
    for number, file in enumerate(files):
        if file.tail is None:
            continue
        with open_source(file.path) as source:
            start, end = file.tail_start, file.good_end
            for command in CommandReader(source, start=start, end=end, names=frozenset({name})):
                yield number, command


def _drop_matching(
    draft: Draft,
    command: Command,
    name: bytes,
    match: re.Pattern[bytes] | None,
    result: Undeleted,
    number: int,
) -> None:
    spec = lookup_argv(command.argv)
    places = [] if spec is None else spec.keys(command.argv)
    if match is None:
        _drop(draft, command, command.argv, f"{excerpt(name)}, as asked", result, number)
        return
    hit = [place for place in places if match.match(command.argv[place])]
    if not hit:
        return
    if name in DELETES and len(hit) < len(places):
        kept = [word for place, word in enumerate(command.argv) if place not in hit]
        end = command.offset + command.length
        reason = f"{len(hit)} of its {len(places)} keys were to stay"
        draft.put(command.offset, end, encode_command(kept), "undelete", reason)
        result.instead[number, command.offset] = kept
        result.keys.update(command.argv[place] for place in hit)
        _note(command, command.argv, result, number)
        return
    _drop(draft, command, command.argv, f"{excerpt(name)}, as asked", result, number)


def _list_later(files: Sequence[FileExam], result: Undeleted) -> None:
    """List commands behind the first dropped one that name a revived key."""
    for number, command in _behind(files, result.first):
        # What is taken out as well, whole or in part, does that no more.
        argv = result.instead.get((number, command.offset), command.argv)
        spec = None if argv is None else lookup_argv(argv)
        if argv is None or spec is None or not any(argv[place] in result.keys for place in spec.keys(argv)):
            continue
        result.touched_count += 1
        if len(result.touched) < _SHOWN:
            name = shown_base(files[number].path)
            result.touched.append(f"{name}:{command.offset} {excerpt_command(argv)}")


def _count_merging(files: Sequence[FileExam], result: Undeleted) -> None:
    """Count the writes that may now meet keys which a flush had removed: in its database, or from another."""
    swapped = False
    for number, command in _behind(files, min(result.flushed.values())):
        swapped = swapped or command.name == b"SWAPDB"
        spec = lookup_argv(command.argv)
        if spec is None or not spec.is_write or not spec.keys(command.argv):
            continue
        flushed = (result.flushed.get(database) for database in (None, command.db))
        behind = any(place is not None and place < (number, command.offset) for place in flushed)
        result.merging += behind or swapped or command.name in ACROSS


def _behind(files: Sequence[FileExam], first: tuple[int, int] | None) -> Iterator[tuple[int, Command]]:
    if first is None:
        return
    looked = 0
    for number, file in enumerate(files):
        if number < first[0] or file.tail is None:
            continue
        with open_source(file.path) as source:
            for command in CommandReader(source, start=file.tail_start, end=file.good_end, limit=512):
                looked += 1
                if looked > _INSPECTED:
                    return
                if (number, command.offset) > first:
                    yield number, command
