"""Findings about the files of a log as a set: the manifest, missing and left-over files."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import TYPE_CHECKING

from aoftool.aof.layout import LayoutCode, LayoutProblem
from aoftool.aof.manifest import ManifestCode
from aoftool.aof.model import FileRole, Log
from aoftool.aof.unlisted.lost_lines import left_out_anew
from aoftool.check.codes import severity_of
from aoftool.check.exam_model import FileExam, LogExam
from aoftool.check.model import Finding, Remedy
from aoftool.dataclass import replace
from aoftool.units import format_bytes

if TYPE_CHECKING:
    from aoftool.rdb.walk.summary import RdbWalk
    from aoftool.resp.model import TailTally

__all__ = ["find_in_layout"]

_OTHER_GENERATION = frozenset({LayoutCode.OTHER_GENERATION, LayoutCode.OTHER_GENERATION_PART})
_ORPHANS = frozenset({LayoutCode.ORPHAN_FILE, LayoutCode.ORPHAN_NEXT})
_NOTHING_TELLS = frozenset({LayoutCode.MANIFEST_MISSING, LayoutCode.NO_BASE})
_REBUILD = Remedy("rebuild the manifest", text="list the files that are there, in load order")
_REBUILD_NEWEST = Remedy(
    "rebuild the manifest",
    loses_commands=None,
    text="list the newest base and what follows it: other files lie there, too, and are left out",
)
_REPLACE = Remedy(
    "put a manifest in its place", "--salvage", text="of the files that are there; the backup keeps the text"
)
_REPLACE_NEWEST = replace(_REPLACE, loses_commands=None, text=_REBUILD_NEWEST.text)
_BASE_BACK = Remedy(
    "put the base back", text="from a backup; servers load what followed it without it", by_hand=True
)
_FILE_BACK = Remedy(
    "put the file back", text="from a backup, with its line; servers load the others without it", by_hand=True
)
_REBUILD_WITHOUT = Remedy(
    "rebuild the manifest",
    "--salvage",
    loses_commands=None,
    text="of the files that are there: what the base held is lost",
)
_PUT_BACK = Remedy("put the file back", text="from a backup or the place it was moved to", by_hand=True)
_REMEDIES: dict[str, tuple[Remedy, ...]] = {
    LayoutCode.MANIFEST_MISSING.value: (_REBUILD,),
    LayoutCode.MANIFEST_OTHER_TEXT.value: (_REPLACE,),
    LayoutCode.NO_FILES_LISTED.value: (_REBUILD,),
    LayoutCode.NO_BASE.value: (_REBUILD,),
    LayoutCode.SEQ_GAP.value: (_REBUILD,),  # where the file lies there
    LayoutCode.LISTED_TWICE.value: (_REBUILD,),
    LayoutCode.ALL_EMPTY.value: (
        Remedy("put the set back", text="from a backup; nothing is left here to repair", by_hand=True),
    ),
    LayoutCode.OTHER_GENERATION.value: (
        Remedy("list the files that lie there", text="they hold what the listed ones held"),
    ),
    LayoutCode.OTHER_GENERATION_PART.value: (
        Remedy(
            "list the files that lie there",
            "--salvage",
            loses_commands=None,
            text="nothing that is there is lost; what only the missing files held is",
        ),
    ),
    LayoutCode.NEWER_GENERATION.value: (
        Remedy(
            "list the files that lie there",
            "--salvage",
            loses_commands=None,
            text="the later base and what follows it in place of what is listed, which stays where it is",
        ),
        Remedy(
            "keep what is listed",
            text="move the files that are not listed out of the directory: what they hold is later",
            by_hand=True,
        ),
    ),
    LayoutCode.MISSING_FILE.value: (
        _PUT_BACK,
        Remedy(
            "unlist the file",
            "--salvage",
            loses_commands=None,
            text="go on without it: what it held is lost, later files are kept",
        ),
    ),
    LayoutCode.LINK_OUT.value: (
        Remedy("copy the file into the directory", text="in place of the link", by_hand=True),
    ),
}


def find_in_layout(exam: LogExam, *, is_undecided: bool = False) -> Iterator[Finding]:
    """Yield one finding for each problem of the layout that is worth a word.

    Args:
        is_undecided: the files that lie there make two sets, and neither is taken unasked.
    """
    log = exam.log
    codes = {problem.code for problem in log.problems}
    there = {(file.role, file.sequence) for file in log.unlisted}
    for problem in log.problems:
        if problem.code is LayoutCode.DUMP_BESIDE and all(file.exists for file in log.files):
            from aoftool.check.dump_beside import find_dump_beside

            found = find_dump_beside(log, problem, map(_part, exam.files))
            if found is not None:
                yield found
                continue
        severity = severity_of(problem, log)
        if severity is None:
            continue
        remedies = _remedies(problem, codes, there, log)
        if is_undecided:
            remedies = tuple(one if one.by_hand else replace(one, option="--salvage") for one in remedies)
        yield Finding(
            code=problem.code.value,
            severity=severity,
            path=problem.path or log.manifest_path or log.path,
            message=_message(problem, log),
            line=problem.line or None,
            remedies=remedies,
        )


def _message(problem: LayoutProblem, log: Log) -> str:
    """Return what is wrong; of a file that no line names also how much it holds."""
    if problem.code not in _ORPHANS:
        return problem.message
    size = _size_of(problem, log)
    return problem.message + (f"; it has {format_bytes(size)}" if size else "")


def _size_of(problem: LayoutProblem, log: Log) -> int:
    """Return how much a file holds that no line names."""
    return next((file.size_bytes or 0 for file in log.unlisted if file.path == problem.path), 0)


def _part(file: FileExam) -> tuple[RdbWalk | None, TailTally | None]:
    return None if file.rdb is None else file.rdb.walk, None if file.tail is None else file.tail.first


def _set_aside(size_bytes: int) -> Remedy:
    """Return the remedy for a file that no line names; what it holds goes with it."""
    text = "rename it, so that no server picks it up"
    return Remedy("set the file aside", "--salvage", size_bytes, None if size_bytes else 0, text)


def _may_fill(first: int, there: Set[tuple[FileRole, int | None]]) -> bool:
    """Tell whether an incr file lies there that a gap from a number on may be missing."""
    return any(role is FileRole.INCR and (number or 0) >= first for role, number in there)


def _remedies(
    problem: LayoutProblem,
    beside: Set[LayoutCode | ManifestCode],
    there: Set[tuple[FileRole, int | None]],
    log: Log,
) -> tuple[Remedy, ...]:
    """Return what can be done.

    Args:
        beside: all that is wrong with the layout.
        there: role and number of the files that lie there and that no line names.
    """
    if problem.code in _NOTHING_TELLS and {LayoutCode.MANIFEST_MISSING, LayoutCode.NO_BASE} <= beside:
        return (_PUT_BACK,) if problem.code is LayoutCode.NO_BASE else (_REBUILD_WITHOUT,)
    if problem.code is LayoutCode.NO_BASE and not any(role is FileRole.BASE for role, _ in there):
        return (_BASE_BACK,)
    if problem.code is LayoutCode.SEQ_GAP and not _may_fill(problem.sequence or 0, there):
        return (_FILE_BACK,)
    if problem.code is LayoutCode.ORPHAN_NEXT and LayoutCode.NEWER_GENERATION in beside:
        return ()  # to set aside a part of it loses what that holds
    if problem.code is LayoutCode.ORPHAN_NEXT:
        return (_set_aside(_size_of(problem, log)),)
    if problem.code is LayoutCode.MISSING_FILE and not _OTHER_GENERATION.isdisjoint(beside):
        return (_PUT_BACK,)  # nobody has to go on without it
    found = (_REBUILD,) if isinstance(problem.code, ManifestCode) else _REMEDIES.get(problem.code.value, ())
    told = problem.code in (LayoutCode.SEQ_GAP, LayoutCode.LISTED_TWICE)
    if found in ((_REBUILD,), (_REPLACE,)) and not told and left_out_anew(log):
        found = (_REBUILD_NEWEST if found == (_REBUILD,) else _REPLACE_NEWEST,)
    if LayoutCode.ALL_EMPTY in beside:
        return tuple(remedy for remedy in found if remedy.by_hand)  # a new manifest would bring nothing back
    return found
