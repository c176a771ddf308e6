"""Plans that cut a log at a moment: a time, an offset, or just before a command.

The cut never splits a transaction and never a command. Files behind it are set aside, and the manifest
follows. Nothing before the base can be reached: an RDB holds one moment only.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aoftool.check.exam_model import FileExam
from aoftool.errors import RefusedError, UsageError
from aoftool.escape import excerpt, printable
from aoftool.files.source import Source, open_source
from aoftool.next_step import next_step
from aoftool.repair.model import Choice
from aoftool.resp.batch import BatchReader
from aoftool.resp.commands import CommandReader
from aoftool.units import counted, format_time_ms

__all__ = ["CutPoint", "find_cut", "find_file"]

_MARKS = frozenset({b"MULTI", b"EXEC"})


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


def find_cut(files: Sequence[FileExam], choice: Choice) -> CutPoint:
    """Return the place at which the log is to be cut.

    Raises:
        UsageError: nothing in the log matches.
        RefusedError: the moment lies before the log begins.
    """
    if choice.to_offset is not None:
        return _at_offset(files, *choice.to_offset)
    if choice.before is not None:
        return _before_command(files, choice.before, choice.nth)
    assert choice.to_timestamp is not None
    return _at_time(files, choice.to_timestamp)


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
    return printable(os.fsencode(os.path.basename(file.path)))


def _transaction_start(source: Source, file: FileExam, at: int) -> int:
    """Return `at`, or the start of the transaction it lies in."""
    opened: int | None = None
    for command in CommandReader(source, start=file.tail_start, end=file.good_end, names=_MARKS):
        if command.offset >= at:
            break
        opened = (command.offset if opened is None else opened) if command.name == b"MULTI" else None
    return at if opened is None else opened


def _at_offset(files: Sequence[FileExam], name: str, offset: int) -> CutPoint:
    number = find_file(files, name)
    file = files[number]
    if offset < file.tail_start or (file.tail is None and offset != file.size_bytes):
        raise RefusedError(
            f"offset {offset:,} lies in the RDB part of {_shown(file)}, which holds one moment only",
            path=file.path,
            offset=offset,
        )
    with open_source(file.path) as source:
        last = file.tail_start
        for batch in BatchReader(source, start=file.tail_start, end=file.size_bytes):
            ends = batch.offset + batch.length
            fits = np.flatnonzero(ends <= offset)
            if len(fits):
                last = int(ends[fits[-1]])
            if len(fits) < len(ends):
                break
        cut = _transaction_start(source, file, min(last + 1, file.size_bytes)) if last else last
    cut = min(cut, last) if cut != last + 1 else last
    notes = () if cut == offset else (f"the last boundary outside a transaction before it is {cut:,}",)
    return CutPoint(number, cut, f"cut at offset {offset:,} of {_shown(file)}", notes)


def _before_command(files: Sequence[FileExam], name: bytes, nth: int | None) -> CutPoint:
    found: list[tuple[int, int]] = []
    wanted = name.upper()
    for number, file in enumerate(files):
        if file.tail is None:
            continue
        with open_source(file.path) as source:
            for command in CommandReader(
                source, start=file.tail_start, end=file.good_end, names=frozenset({wanted})
            ):
                found.append((number, command.offset))
                if nth is not None and len(found) >= nth:
                    break
        if nth is not None and len(found) >= nth:
            break
    if not found or (nth is not None and len(found) < nth):
        raise UsageError(
            f"the log holds {counted(len(found), 'command')} {excerpt(wanted)}",
            hint=next_step("inspect", files[0].path, "--by command"),
        )
    number, offset = found[-1]
    file = files[number]
    with open_source(file.path) as source:
        cut = _transaction_start(source, file, offset)
    place = f"{excerpt(wanted)} at offset {offset:,} of {_shown(file)}"
    notes = () if cut == offset else (f"it stands in a transaction that starts at {cut:,}",)
    return CutPoint(number, cut, f"cut before {place}", notes)


def _at_time(files: Sequence[FileExam], time_s: int) -> CutPoint:
    """Return the place before the first command that is marked as later.

    Annotations say when the commands behind them were written. Where clocks went backwards the first
    later mark counts, as it does for the official checker.
    """
    notes: list[str] = []
    seen = False
    for number, file in enumerate(files):
        if file.tail is None:
            continue
        if any(stretch.tally.annotations.backwards.count for stretch in file.tail.stretches):
            notes.append(f"times go backwards in {_shown(file)}: the first later one counts")
        with open_source(file.path) as source:
            found, marked = _first_later(source, file, time_s)
        if found is not None:
            when = format_time_ms(time_s * 1000)
            if not seen and found <= file.tail_start and number == 0 and file.rdb is None:
                raise RefusedError(f"the log has nothing from before {when}", path=file.path, offset=found)
            return CutPoint(number, found, f"cut behind the last command up to {when}", tuple(notes))
        seen = seen or marked
    if not seen:
        raise UsageError("the log has no timestamps", hint="use --to-offset or --before")
    last = len(files) - 1
    return CutPoint(last, files[last].size_bytes, "every command is from before that time", tuple(notes))


def _first_later(source: Source, file: FileExam, time_s: int) -> tuple[int | None, bool]:
    """Return where the first command that is later begins, its annotation included."""
    end_before = file.tail_start
    opened_txn, opened_at = 0, 0
    marked = False
    for batch in BatchReader(source, start=file.tail_start, end=file.good_end):
        later = np.flatnonzero(batch.time_s > time_s)
        marked = marked or bool((batch.time_s >= 0).any())
        upto = int(later[0]) if len(later) else len(batch) - 1
        txn = int(batch.txn[upto])
        if txn:
            first = int(np.flatnonzero(batch.txn == txn)[0])
            if txn != opened_txn:
                opened_txn = txn
                opened_at = int(batch.offset[first])
        if len(later):
            row = int(later[0])
            before = end_before if row == 0 else int(batch.offset[row - 1] + batch.length[row - 1])
            if txn and opened_at < int(batch.offset[row]):
                return opened_at, marked
            return before, marked
        end_before = int(batch.offset[-1] + batch.length[-1])
    return None, marked
