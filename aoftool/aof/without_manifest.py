"""Which data files belong to one set where no manifest says so: by their names alone.

Names tell the kind of a file and its number, and nothing else. A set has one base; an older base with every
incr file that follows gives the same data as a newer one with only its own (aof-format 5.2).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from aoftool.aof.directory import Directory, EntryKind
from aoftool.aof.manifest_salvage import parse_file_name
from aoftool.aof.model import ROLES, FileRole, LayoutCode, LayoutProblem, LogFile
from aoftool.dataclass import dataclass, replace
from aoftool.errors import InputError
from aoftool.escape import printable
from aoftool.units import and_more

__all__ = ["AssumedSet", "assumed_set", "bare_base", "problems_of_assumed"]

_DEFAULT_PREFIX = b"appendonly.aof"
_NAMED = 5


@dataclass(frozen=True)
class AssumedSet:
    """The files that a manifest would name.

    Attributes:
        files: base and incr files, in load order.
        others: data files that are no part of it.
        prefix: `appendfilename` of the server, as names show it; empty without files.
        doubt: why another base might be the right one, in words; empty for no doubt.
    """

    files: tuple[LogFile, ...]
    others: tuple[LogFile, ...] = ()
    prefix: bytes = b""
    doubt: str = ""

    @property
    def base(self) -> LogFile | None:
        """The base; None where none lies there."""
        return next((file for file in self.files if file.role is FileRole.BASE), None)

    @property
    def incrs(self) -> tuple[LogFile, ...]:
        """The incr files, by number."""
        return tuple(file for file in self.files if file.role is FileRole.INCR)

    def gaps(self) -> Iterator[tuple[int, int]]:
        """Yield neighbours among the numbers of incr files between which some are missing."""
        numbers = [_number(file) for file in self.incrs]
        yield from ((low, high) for low, high in itertools.pairwise(numbers) if high > low + 1)


def bare_base(directory: Directory, prefixes: Iterable[bytes]) -> LogFile | None:
    """Return the base of a set that was an old-style file: it keeps the name without a number.

    Source: Valkey 8.0 src/aof.c aofUpgradePrepare.

    Args:
        prefixes: what names of numbered files begin with.
    """
    for name in sorted(prefixes):
        found = directory.look(name)
        if found.kind is EntryKind.FILE:
            return LogFile(found.path, FileRole.BASE, name, 1, found.size_bytes, listed=False)
    return None


def assumed_set(files: Iterable[LogFile], where: str) -> AssumedSet:
    """Return the set that data files make.

    Args:
        files: of one directory, each once. Their names tell what they are, whatever a manifest called them.
        where: the directory, for the error.

    Raises:
        InputError: files of several sets lie there, none of which has the default name.
    """
    there = [file for file in map(_by_name, files) if file.role in (FileRole.BASE, FileRole.INCR)]
    prefix = _one_prefix(there, where)
    own = [file for file in there if _prefix(file) == prefix]
    incrs = sorted((file for file in own if file.role is FileRole.INCR), key=_number)
    bases = sorted((file for file in own if file.role is FileRole.BASE), key=_number)
    base, doubt = _chosen_base(bases, incrs)
    chosen = ((base,) if base is not None else ()) + tuple(incrs)
    return AssumedSet(chosen, tuple(file for file in there if file not in chosen), prefix, doubt)


def problems_of_assumed(found: AssumedSet, directory: str) -> Iterator[LayoutProblem]:
    """Yield what is wrong with a set without a manifest: that first, then what is missing or left over."""
    words = "the manifest is missing: a server starts empty and overwrites the base file"
    yield LayoutProblem(LayoutCode.MANIFEST_MISSING, words, directory)
    if found.incrs and found.base is None:
        words = "no base file lies there: what it held is not in these files"
        yield LayoutProblem(LayoutCode.NO_BASE, words, directory)
    for low, high in found.gaps():
        missing = f"{low + 1} is" if high == low + 2 else f"{low + 1} to {high - 1} are"
        words = f"the incr files jump from {low} to {high}: {missing} not there"
        yield LayoutProblem(LayoutCode.SEQ_GAP, words, directory, 0, low + 1)
    for file in found.others:
        if _prefix(file) == found.prefix:
            continue  # a base of another generation, as every rewrite leaves it for a while
        words = f"{file.shown_name} is not taken for a part of this set"
        yield LayoutProblem(LayoutCode.ORPHAN_FILE, words, file.path, 0, file.sequence)


def _one_prefix(files: Sequence[LogFile], where: str) -> bytes:
    """Return the name that the files of the one set begin with; the server's default name wins."""
    by_prefix: dict[bytes, set[FileRole]] = {}
    for file in files:
        by_prefix.setdefault(_prefix(file), set()).add(file.role)
    whole = [prefix for prefix, roles in by_prefix.items() if len(roles) > 1] or sorted(by_prefix)
    if len(whole) < 2 or _DEFAULT_PREFIX in whole:
        return _DEFAULT_PREFIX if _DEFAULT_PREFIX in whole else b"".join(whole)
    names = ", ".join(printable(prefix) for prefix in whole[:_NAMED]) + and_more(len(whole) - _NAMED)
    message = f"{printable(where.encode('utf-8', 'surrogateescape'))} holds files of {len(whole)} sets"
    raise InputError(
        f"{message} and no manifest: {names}",
        path=where,
        hint="move the files of one of them into a folder of their own",
    )


def _chosen_base(bases: Sequence[LogFile], incrs: Sequence[LogFile]) -> tuple[LogFile | None, str]:
    """Return the oldest base from which the incr files lead on without a gap, and what speaks against it.

    Numbers of bases and incr files are independent, but both start at 1: where the first incr file is
    still there, every incr file is, and the oldest base is the one it began with.
    """
    if len(bases) < 2:
        return (bases[0] if bases else None), ""
    names = ", ".join(file.shown_name for file in bases[:_NAMED]) + and_more(len(bases) - _NAMED)
    several = f"there are several bases ({names})"
    if incrs and _number(incrs[0]) == 1 and _number(bases[0]) == 1 and bases[0].size_bytes:
        return bases[0], f"{several}; the oldest with all incr files gives the same data"
    return bases[-1], (
        f"{several} and early incr files are gone; the newest was chosen, and an incr file older than it"
        " would be replayed twice"
    )


def _by_name(file: LogFile) -> LogFile:
    parts = parse_file_name(file.name)
    return file if parts is None else replace(file, role=ROLES[parts.type], sequence=parts.sequence)


def _prefix(file: LogFile) -> bytes:
    parts = parse_file_name(file.name)
    return file.name if parts is None else parts.prefix


def _number(file: LogFile) -> int:
    return file.sequence or 0
