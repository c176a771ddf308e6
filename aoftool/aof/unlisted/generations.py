"""Find the files of another generation than the manifest lists, as a copy made during a rewrite leaves them.

A rewrite gives base and incr file the next numbers, lists them and removes the old ones; who copies meanwhile
gets the manifest of one moment and the files of another. An older base with every incr file that follows it
gives the same data as a newer base with only its own; that is all the reasoning there is. Where an incr file
is gone, those behind it are kept as if they had been listed. Looks at names and numbers only.

Source: Valkey 8.0 src/aof.c getNewBaseFileNameAndMarkPreAsHistory, getNewIncrAofName.
"""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.aof.manifest import FileType
from aoftool.aof.manifest_salvage import parse_file_name
from aoftool.aof.model import FileRole, Log, LogFile
from aoftool.dataclass import dataclass

__all__ = ["Generation", "newer_generation", "older_generations", "other_generation"]


@dataclass(frozen=True)
class Generation:
    """A base and the incr files that go with it.

    Attributes:
        base, incrs: the files, in load order.
        has_all: nothing that was listed is missing from it: where listed files are not there, this base
            or these incr files hold what they held.
        is_sure: the numbers tell that they belong together.
    """

    base: LogFile
    incrs: tuple[LogFile, ...]
    has_all: bool
    is_sure: bool = True

    @property
    def words(self) -> str:
        """Return `base 1 and incr 1 to 2`, with a gap `base 1 and incr 1, 3`."""
        numbers = [file.sequence or 0 for file in self.incrs]
        if numbers[-1] - numbers[0] >= len(numbers):
            return f"base {self.base.sequence} and incr {', '.join(map(str, numbers))}"
        span = f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else f"{numbers[0]}"
        return f"base {self.base.sequence} and incr {span}"


def other_generation(log: Log) -> Generation | None:
    """Return what to load in place of what is listed, where the listed base or incr files are not all there.

    The newest whole generation; where only incr files are gone a newer one, else the base with what is
    there of the files behind it, if no line names one of these.
    """
    listed = [file for file in log.files if file.role is FileRole.BASE and file.listed]
    if not listed or listed[0].sequence is None:
        return None
    if listed[0].exists and not any(map(_is_gone, log.files)):
        return None
    there = [f for f in (*log.files, *log.history, *log.unlisted) if f.exists and _prefix(f) == log.prefix]
    bases = _by_number(there, FileType.BASE)
    incrs = _by_number(there, FileType.INCR)
    numbers = [f.sequence for f in log.files if f.role is FileRole.INCR and f.sequence is not None]
    # Bases and incr files count apart, in step unless a rewrite failed or the log was switched off.
    apart = listed[0].sequence - min(numbers, default=listed[0].sequence)
    # What an older base needs is gone where the listed one is there and files behind it are not.
    usable = [n for n in bases if n > listed[0].sequence or not listed[0].exists]
    for number in sorted(usable, reverse=True):
        run = _run(incrs, number - apart)
        if run and len(run) == sum(n >= number - apart for n in incrs):
            last = max(numbers, default=0)
            return Generation(bases[number], tuple(run), (run[-1].sequence or 0) >= last)
    if listed[0].exists:
        return _with_later(listed[0], log, incrs, min(numbers))
    nothing_listed = not any(file.exists for file in log.files)
    run = _run(incrs, min(incrs, default=0))
    if nothing_listed and len(bases) == 1 and run and len(run) == len(incrs):
        return Generation(next(iter(bases.values())), tuple(run), has_all=False, is_sure=False)
    return None


def _is_gone(file: LogFile) -> bool:
    return file.role is FileRole.INCR and not (file.exists or file.is_unsafe or file.links_out)


def _with_later(base: LogFile, log: Log, incrs: dict[int, LogFile], first: int) -> Generation | None:
    """Return a base with the files from a number on that are there; None where all of them are listed."""
    later = tuple(incrs[number] for number in sorted(incrs) if number >= first)
    named = {file.name for file in log.files}
    if all(file.name in named for file in later):
        return None
    return Generation(base, later, has_all=False, is_sure=False)


def newer_generation(log: Log) -> Generation | None:
    """Return what lies there beside all that is listed, and was written after it.

    A server lists an incr file before it writes to it. So one that no line names, with a number above all
    that are named, was listed by a later manifest than the one that lies there. A base alone tells nothing:
    one that is just written is listed a moment later, and holds what the listed files hold.
    """
    listed = next((f for f in log.files if f.role is FileRole.BASE and f.listed and f.exists), None)
    numbers = [f.sequence or 0 for f in (*log.files, *log.history) if _kind(f) is FileType.INCR]
    # With the log switched off a rewrite lists a base alone: incr files beside it are older.
    if listed is None or listed.sequence is None or not numbers:
        return None
    there = [f for f in (*log.files, *log.unlisted) if f.exists and _prefix(f) == log.prefix]
    incrs, bases = _by_number(there, FileType.INCR), _by_number(there, FileType.BASE)
    later = [number for number, file in incrs.items() if number > max(numbers) and not file.listed]
    ahead = max(bases, default=0) - listed.sequence
    if ahead <= 0 or not any(incrs[number].size_bytes for number in later):
        return None
    loaded = [f.sequence or 0 for f in log.files if f.role is FileRole.INCR]
    first = min(min(loaded, default=min(later)) + ahead, max(later))
    run = tuple(incrs[number] for number in sorted(incrs) if number >= first)
    return Generation(bases[listed.sequence + ahead], run, has_all=False)


def older_generations(log: Log) -> list[Generation]:
    """Return the older whole generations that lie there beside the one that is listed, newest first.

    Each holds what the listed one holds: an older base with every incr file that follows it.
    """
    listed = [file for file in log.files if file.role is FileRole.BASE and file.listed]
    numbers = [f.sequence for f in log.files if f.role is FileRole.INCR and f.sequence is not None]
    if not listed or listed[0].sequence is None or not numbers:
        return []
    there = [f for f in (*log.files, *log.history, *log.unlisted) if f.exists and _prefix(f) == log.prefix]
    bases, incrs = _by_number(there, FileType.BASE), _by_number(there, FileType.INCR)
    apart = listed[0].sequence - min(numbers)
    found = []
    for number in sorted((n for n in bases if n < listed[0].sequence), reverse=True):
        run = _run(incrs, number - apart)
        if run and len(run) == sum(n >= number - apart for n in incrs) and run[-1].sequence == max(numbers):
            found.append(Generation(bases[number], tuple(run), has_all=True))
    return found


def _kind(file: LogFile) -> FileType | None:
    parts = parse_file_name(file.name)
    return None if parts is None else parts.type


def _prefix(file: LogFile) -> bytes | None:
    parts = parse_file_name(file.name)
    return None if parts is None else parts.prefix


def _by_number(files: Iterable[LogFile], kind: FileType) -> dict[int, LogFile]:
    found: dict[int, LogFile] = {}
    for file in files:
        parts = parse_file_name(file.name)
        if parts is not None and parts.type is kind:
            found.setdefault(parts.sequence, file)
    return found


def _run(incrs: dict[int, LogFile], first: int) -> list[LogFile]:
    """Return the files from a number on, up to the first that is not there."""
    run: list[LogFile] = []
    while first + len(run) in incrs:
        run.append(incrs[first + len(run)])
    return run
