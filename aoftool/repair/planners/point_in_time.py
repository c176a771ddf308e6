"""Plans that cut a log at a moment: a time, an offset, or just before a command.

The cut never splits a transaction and never a command. Files behind it are set aside, and the manifest
follows. Nothing before the base can be reached: an RDB holds one moment only.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial

from aoftool.aof.model import Log, Place
from aoftool.aof.moment import need_within
from aoftool.aof.moment_places import (
    Stream,
    boundary_before,
    boundary_note,
    in_rdb_part,
    place_of_command,
    place_of_time,
)
from aoftool.check.exam_model import FileExam
from aoftool.dataclass import dataclass
from aoftool.errors import RefusedError, UsageError
from aoftool.escape import excerpt, shown_base
from aoftool.files.source import open_source
from aoftool.repair.choice import Choice
from aoftool.resp.commands import CommandReader
from aoftool.units import format_time_ms

__all__ = ["CutPoint", "find_cut", "find_file"]


@dataclass(frozen=True)
class CutPoint:
    """Where a log is to end.

    Attributes:
        file: index of the file in load order; those behind it go.
        offset: where it is cut.
        reason: why there, for people.
        notes: what to know about it.
    """

    file: int
    offset: int
    reason: str
    notes: tuple[str, ...] = ()


def find_cut(log: Log, files: Sequence[FileExam], choice: Choice) -> CutPoint:
    """Return the place at which the log is to be cut.

    Raises:
        UsageError: nothing in the log matches.
        RefusedError: the moment lies before the log begins.
    """
    if choice.to_offset is not None:
        return _at_offset(files, *_named(log, choice.to_offset), log.path)
    if choice.before is not None:
        return _before_command(files, choice.before, choice.nth)
    assert choice.to_timestamp is not None
    return _at_time(files, choice.to_timestamp, log.path)


def _named(log: Log, place: tuple[str, int] | Place) -> tuple[str, int]:
    """Return the path or name of a file, and an offset in it."""
    return (log.files[place.file].path, place.offset) if isinstance(place, Place) else place


def find_file(files: Sequence[FileExam], name: str) -> int:
    """Return the index of the file a user named, by its name or its path.

    Raises:
        UsageError: there is none.
    """
    for number, file in enumerate(files):
        if name in (file.path, os.path.basename(file.path)) or os.path.abspath(name) == os.path.abspath(
            file.path
        ):
            return number
    known = ", ".join(os.path.basename(file.path) for file in files)
    raise UsageError(f"no file {name} in this log", hint=f"its files: {known}")


def _shown(file: FileExam) -> str:
    return shown_base(file.path)


def _at_offset(files: Sequence[FileExam], name: str, offset: int, path: str) -> CutPoint:
    number = find_file(files, name)
    file = files[number]
    need_within(offset, file.size_bytes, os.path.basename(file.path), file.path)
    if offset < file.tail_start or (file.tail is None and offset != file.size_bytes):
        starts = [(part.path, None if part.tail is None else part.tail_start) for part in files]
        raise in_rdb_part(offset, number, starts, path)
    with open_source(file.path) as source:
        cut = boundary_before(source, file.tail_start, offset)
    notes = () if cut == offset else (boundary_note(offset, cut),)
    return CutPoint(number, cut, f"cut at offset {offset:,} of {_shown(file)}", notes)


def _streams(files: Sequence[FileExam]) -> list[Stream]:
    """Return what can be read of the command streams."""
    return [
        Stream(number, partial(open_source, file.path), file.tail_start, file.good_end)
        for number, file in enumerate(files)
        if file.tail is not None
    ]


def _before_command(files: Sequence[FileExam], name: bytes, nth: int | None) -> CutPoint:
    found = place_of_command(_streams(files), name, nth, files[0].path)
    file = files[found.file]
    with open_source(file.path) as source:
        reader = CommandReader(source, start=found.offset, end=file.good_end, names=frozenset({name.upper()}))
        offset = next(iter(reader)).offset
    place = f"{excerpt(name.upper())} at offset {offset:,} of {_shown(file)}"
    inside = found.offset != offset
    notes = (f"it stands in a transaction that starts at {found.offset:,}",) if inside else ()
    return CutPoint(found.file, found.offset, f"cut before {place}", notes)


def _at_time(files: Sequence[FileExam], time_s: int, path: str) -> CutPoint:
    """Return the place before the first command that is marked as later."""
    notes = tuple(
        f"times go backwards in {_shown(file)}: the first later one counts"
        for file in files
        if file.tail is not None
        and any(stretch.tally.annotations.backwards.count for stretch in file.tail.stretches)
    )
    found = place_of_time(_streams(files), time_s, path)
    if found is None:
        last = len(files) - 1
        return CutPoint(last, files[last].size_bytes, "every command is from before that time", notes)
    when = format_time_ms(time_s * 1000)
    file = files[found.file]
    if found.file == 0 and file.rdb is None and found.offset <= file.tail_start:
        raise RefusedError(f"the log has nothing from before {when}", path=file.path, offset=found.offset)
    return CutPoint(found.file, found.offset, f"cut behind the last command up to {when}", notes)
