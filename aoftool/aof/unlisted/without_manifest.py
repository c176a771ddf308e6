"""Which data files belong to one set where no manifest says so: by their names alone.

A rewrite ends with a new base, which holds all that was written before it; what was written since is in the
incr files opened with it. So the newest base is the truth, with its own incr files: an older generation may
be a copy of an earlier moment, and lack what was written then. It counts only where the newest base is torn.
Both numbers rise with every rewrite, that of incr files also with one that failed.
Source: Valkey 8.0 src/aof.c rewriteAppendOnlyFileBackground, backgroundRewriteDoneHandler.
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
from aoftool.files import open_source
from aoftool.rdb.header import HEADER_BYTES, is_rdb
from aoftool.units import and_more

__all__ = ["AssumedSet", "assumed_set", "bare_base", "problems_of_assumed"]

_DEFAULT_PREFIX = b"appendonly.aof"
_NAMED = 5
_RDB_END_BYTES = 9


@dataclass(frozen=True)
class AssumedSet:
    """The files that a manifest would name.

    Attributes:
        files: base and incr files, in load order.
        others: data files that are no part of it.
        prefix: `appendfilename` of the server, as names show it; empty without files.
        doubt: why other files might be the right ones, in words; empty for no doubt.
        is_open: nothing tells which incr files go with the base.
        older: older bases, the newest first, each with every incr file behind it, none of which is missing.
    """

    files: tuple[LogFile, ...]
    others: tuple[LogFile, ...] = ()
    prefix: bytes = b""
    doubt: str = ""
    is_open: bool = False
    older: tuple[tuple[LogFile, ...], ...] = ()

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
    base, followers = _chosen(bases, incrs)
    chosen = ((base,) if base is not None else ()) + tuple(followers)
    others = tuple(file for file in there if file not in chosen)
    is_open = len(bases) > 1 and bool(incrs) and not followers
    older = tuple(_older(base, bases, incrs))
    return AssumedSet(chosen, others, prefix, _doubt(base, followers, bases, incrs), is_open, older)


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
            continue  # of another generation: the doubt tells
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


def _chosen(bases: Sequence[LogFile], incrs: Sequence[LogFile]) -> tuple[LogFile | None, list[LogFile]]:
    """Return the newest base that is not torn, and the incr files that go with it."""
    if not bases:
        return None, list(incrs)
    newest = bases[-1]
    if len(bases) > 1 and _is_torn(newest):
        for base, *followers in _older(newest, bases, incrs):
            if not _is_torn(base):
                return base, followers
    return newest, _followers(newest, bases, incrs)


def _older(
    base: LogFile | None, bases: Sequence[LogFile], incrs: Sequence[LogFile]
) -> Iterator[tuple[LogFile, ...]]:
    """Yield the bases before one, the newest first, with every incr file behind them and no gap."""
    if base is None:
        return
    for other in reversed(bases[: bases.index(base)]):
        followers = _followers(other, bases, incrs)
        numbers = [_number(file) for file in followers]
        if numbers and len(numbers) == numbers[-1] - numbers[0] + 1:
            yield other, *followers


def _followers(base: LogFile, bases: Sequence[LogFile], incrs: Sequence[LogFile]) -> list[LogFile]:
    """Return the incr files that were written behind a base, as far as numbers tell.

    None has a smaller number than its base, unless the log was rewritten while it was switched off. Where
    rewrites failed before, the incr files of the oldest base there tell by how much they are ahead.
    """
    oldest = _number(bases[0])
    ahead = _number(incrs[0]) - oldest if incrs and oldest > 1 else 0
    found = [file for file in incrs if _number(file) >= _number(base) + max(ahead, 0)]
    found = found or [file for file in incrs if _number(file) >= _number(base)]
    return found or (list(incrs) if len(bases) == 1 else [])


def _doubt(
    base: LogFile | None, followers: Sequence[LogFile], bases: Sequence[LogFile], incrs: Sequence[LogFile]
) -> str:
    """Return what speaks for another reading; empty where files of one generation lie there."""
    older = [file for file in incrs if file not in followers]
    if base is None or (len(bases) < 2 and not older):
        return ""
    those = [file.shown_name for file in (*bases, *older) if file is not base]
    names = ", ".join(those[:_NAMED]) + and_more(len(those) - _NAMED)
    if base is not bases[-1]:
        return (
            f"{bases[-1].shown_name} is torn, and the older {base.shown_name} with what follows it was"
            " chosen: what was written between the copy of one of these files and the next is not in it"
        )
    words = f"files of other generations lie there, too ({names}); {base.shown_name} is the newest base"
    if len(followers) < 2:
        return words
    first = followers[0].shown_name
    return (
        f"{words}; if a rewrite failed before it was written, {first} is older, and would be replayed twice"
    )


def _is_torn(base: LogFile) -> bool:
    """Tell whether a base ends in the middle, by its end alone; false where nobody can look."""
    with open_source(base.path) as source:
        size = source.size_bytes
        if size is None or not source.seekable:
            return False
        if size < _RDB_END_BYTES:
            return True
        last = source.read_at(size - _RDB_END_BYTES, _RDB_END_BYTES)
        # Behind an RDB may stand commands: a set that was an old-style file.
        return not (last.endswith(b"\r\n") or (is_rdb(source.peek(HEADER_BYTES)) and last[:1] == b"\xff"))


def _by_name(file: LogFile) -> LogFile:
    parts = parse_file_name(file.name)
    return file if parts is None else replace(file, role=ROLES[parts.type], sequence=parts.sequence)


def _prefix(file: LogFile) -> bytes:
    parts = parse_file_name(file.name)
    return file.name if parts is None else parts.prefix


def _number(file: LogFile) -> int:
    return file.sequence or 0
