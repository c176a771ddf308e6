"""A log as the checkers that come with the servers go through it, judged by our check.

File by file, in their order, with the offset that they would print: so far their reader is followed
(`aoftool.check.loaders.official`). Whether a file is valid, our check says. docs/checker.md tells where they
differ.
"""

from __future__ import annotations

from contextlib import ExitStack
from enum import Enum

from aoftool.aof.model import FileRole, Log, LogFile, LogKind
from aoftool.api.machine import worker_count
from aoftool.check.checker import report_of
from aoftool.check.exam import examine
from aoftool.check.exam_model import FileExam
from aoftool.check.loaders.official import OfficialStop, follow_stream
from aoftool.check.model import Finding, Level, Severity
from aoftool.dataclass import dataclass, replace
from aoftool.escape import shown_path
from aoftool.files import open_source
from aoftool.progress import Progress, no_progress

__all__ = ["FileState", "OfficialFile", "OfficialView", "official_view"]


class FileState(Enum):
    """What becomes of one file of a log in a check."""

    VALID = "valid"
    EMPTY = "empty"
    NOT_VALID = "not valid"
    RDB_DAMAGED = "rdb damaged"
    MISSING = "missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class OfficialFile:
    """One file, as a checker tells of it.

    Attributes:
        shown, path: as it is named in lines about it, and where it is; both printable.
        role: base, incr or single.
        state: what becomes of it.
        is_rdb: it begins with an RDB part.
        is_last: no other file of the log follows.
        size_bytes: of it.
        ok_up_to: up to where it is in order, in the words of the checkers.
        lines: protocol lines read of it.
        errors: lines that say what is wrong, before the numbers.
        bad_time: an annotation of time holds none.
        has_times: there are annotations of time.
        stops: the checkers stop there too.
        reason: why it cannot be opened.
    """

    shown: str
    path: str
    role: FileRole
    state: FileState
    is_rdb: bool = False
    is_last: bool = False
    size_bytes: int = 0
    ok_up_to: int = 0
    lines: int = 0
    errors: tuple[str, ...] = ()
    bad_time: bool = False
    has_times: bool = False
    stops: bool = False
    reason: str = ""

    @property
    def is_bad(self) -> bool:
        """Tell whether the checkers stop here."""
        return self.state not in (FileState.VALID, FileState.EMPTY)

    @property
    def diff(self) -> int:
        """Return the bytes behind `ok_up_to`."""
        return self.size_bytes - self.ok_up_to


@dataclass(frozen=True)
class OfficialView:
    """What a checker tells of a log.

    Attributes:
        log: the log.
        is_set: it is a manifest with files.
        fatal: what a server logs of a manifest that it refuses; else empty.
        files: in load order.
        rest: what is damaged beyond single files, one sentence each.
    """

    log: Log
    is_set: bool
    fatal: tuple[str, ...]
    files: tuple[OfficialFile, ...]
    rest: tuple[str, ...]

    @property
    def first_bad(self) -> OfficialFile | None:
        """Return the file that the checkers stop at; None where they get to the end."""
        return next((file for file in self.files if file.is_bad), None)

    @property
    def is_valid(self) -> bool:
        """Tell whether nothing is damaged."""
        return not self.fatal and not self.rest and self.first_bad is None

    @property
    def cut_bytes(self) -> int:
        """Return how much `--fix` says that it may cut: what stands behind `ok_up_to` of the last file."""
        bad = self.first_bad
        cuts = bad is not None and bad.state is FileState.NOT_VALID and bad.is_last
        return bad.diff if cuts and bad is not None else 0


def official_view(log: Log, progress: Progress = no_progress) -> OfficialView:
    """Go through a log as the checkers do.

    Raises:
        SinkError: there is no room for a plain copy of what is compressed.
        ReadFailedError: the system gives an error instead of bytes.
    """
    is_set = log.manifest_path is not None
    if is_set and log.manifest is not None and log.manifest.problem is not None:
        return OfficialView(log, True, log.manifest.problem.server_log, (), ())
    with ExitStack() as spools:
        exam = examine(log, Level.FULL, progress, worker_count(), spools)
        found = report_of(exam).findings
        damage = [finding for finding in found if finding.severity is Severity.DAMAGE]
        # Of an RDB part that nobody here can read, nobody here says that it is sane; nor do the checkers.
        unread = [finding for finding in found if finding.severity is Severity.NOT_JUDGED]
        exams = {file.path: file for file in exam.files}
        files = []
        for number, file in enumerate(log.files):
            taken = exams.get(file.path)
            rdb_end = 0 if taken is None or taken.rdb is None else taken.rdb.end
            own = [f for f in damage if f.path == file.path]
            own += [f for f in unread if f.path == file.path and f.start is not None and f.start < rdb_end]
            is_last = number == len(log.files) - 1
            files.append(_file(log, file, taken, next(iter(own), None), is_last=is_last))
    told = {file.path for file in log.files if file.path in exams and exams[file.path].size_bytes}
    missing = {file.path for file in log.files if file.path not in exams}
    rest = tuple(f"{f.message} [{f.code}]" for f in damage if f.path not in told | missing)
    return OfficialView(log, is_set, (), tuple(files), rest)


def _file(
    log: Log, file: LogFile, exam: FileExam | None, damage: Finding | None, *, is_last: bool
) -> OfficialFile:
    is_set = log.kind is LogKind.MULTI_PART
    role = file.role if is_set else FileRole.SINGLE
    path = shown_path(file.path)
    shown = file.shown_name if is_set else path
    if exam is None:
        why = damage.message if file.is_unsafe and damage is not None else "No such file or directory"
        return OfficialFile(shown, path, role, FileState.MISSING, is_last=is_last, reason=why)
    if exam.error:
        return OfficialFile(shown, path, role, FileState.UNREADABLE, is_last=is_last, reason=exam.error)
    if not exam.size_bytes:
        return OfficialFile(shown, path, role, FileState.EMPTY, is_last=is_last)
    size, rdb = exam.size_bytes, exam.rdb
    if rdb is not None and damage is not None and (not rdb.sound or (damage.start or 0) < rdb.end):
        at, told = damage.start or 0, (_told(damage),)
        return OfficialFile(shown, path, role, FileState.RDB_DAMAGED, True, is_last, size, at, errors=told)
    stop = _stop_of(exam, None if damage is None else damage.start)
    found = OfficialFile(
        shown,
        path,
        role,
        FileState.VALID,
        is_rdb=rdb is not None,
        is_last=is_last,
        size_bytes=size,
        ok_up_to=size,
        lines=stop.lines,
        bad_time=stop.bad_time,
        has_times=stop.has_times,
    )
    if damage is None:
        # What the checkers may stop at here, servers load.
        return found
    up_to = stop.ok_up_to if stop.ok_up_to < size else min(damage.start or 0, size)
    own = _errors(stop, shown, path)
    stops = not stop.ours
    return replace(
        found, state=FileState.NOT_VALID, ok_up_to=up_to, errors=own or (_told(damage),), stops=stops
    )


def _stop_of(exam: FileExam, until: int | None) -> OfficialStop:
    """Return where the checkers end in a file, or where our damage starts if they get to the end."""
    size = exam.size_bytes
    if exam.rdb is not None and exam.tail is None:
        return OfficialStop(size, 0)
    with open_source(exam.plain_path or exam.path) as source:
        if not source.seekable or not size:
            return OfficialStop(size, 0)
        return follow_stream(source, 0 if exam.rdb is None else exam.rdb.end, size, until)


def _errors(stop: OfficialStop, shown: str, path: str) -> tuple[str, ...]:
    if stop.is_format:
        return (f"AOF {shown} format error",)
    if stop.error:
        return (_at(stop.offset, stop.error.replace("{path}", path)),)
    return ()


def _told(damage: Finding) -> str:
    return _at(damage.start or 0, f"{damage.message} [{damage.code}]")


def _at(offset: int, text: str) -> str:
    return f"0x{offset:16x}: {text}"
