"""Take a copy of a log in use that is of one moment: one generation, whole, up to a whole command.

The files were opened together before anything is read (`aoftool.aof.holding`), so that a rewrite beside
changes nothing. A base and every incr file but the last never change any more: they may be cloned, copied or
linked. The last one still grows, so that a second name of it would be no copy: its bytes are taken up to the
end of the last whole command outside of a transaction, and that offset is told. What was copied is checked
before it gets its name; where it is damaged, the newest generation that is whole and lies there too is taken.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import datetime, timezone

from aoftool import __version__
from aoftool.aof.layout import find_log
from aoftool.aof.log import open_part
from aoftool.aof.manifest import FileType, ManifestEntry, encode_manifest
from aoftool.aof.model import FileRole, Log, LogFile, LogKind
from aoftool.aof.multipart import manifest_bytes
from aoftool.aof.unlisted.generations import older_generations, other_generation
from aoftool.backup.model import CopiedBy, CopiedFile, Snapshot
from aoftool.check.checker import check
from aoftool.check.model import Level, Severity
from aoftool.dataclass import dataclass, replace
from aoftool.errors import RefusedError, UnsupportedError
from aoftool.escape import shown_path
from aoftool.files import open_source
from aoftool.files.access import access_of
from aoftool.files.copying import clone_whole
from aoftool.files.failures import reading
from aoftool.files.folder import Folder
from aoftool.files.held import held_file
from aoftool.files.new_directory import new_directory
from aoftool.files.remote.names import is_remote
from aoftool.files.seal import SEAL_NAME, Seal, SealedFile, encode_seal
from aoftool.files.sink import AtomicFile, write_atomically
from aoftool.files.syscalls import READS, SYSTEM, SystemCalls
from aoftool.next_step import next_step
from aoftool.progress import Progress, no_progress
from aoftool.resp.model import Reason
from aoftool.resp.scanner import tally

__all__ = ["take_snapshot"]

_PIECE = 1 << 20
# How a file ends that is being written to.
_TORN = frozenset(
    {Reason.TORN_HEADER, Reason.TORN_PAYLOAD, Reason.TORN_ANNOTATION, Reason.MISSING_FINAL_CRLF}
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """Files that may make up the snapshot: in load order, and the bytes of their manifest."""

    words: str
    files: tuple[LogFile, ...]
    manifest: bytes | None


class _NotWholeError(Exception):
    """A candidate is damaged, in words."""


def take_snapshot(
    log: Log,
    out: str,
    *,
    seal: bool = False,
    link: bool = False,
    as_is: bool = False,
    progress: Progress = no_progress,
    calls: SystemCalls = SYSTEM,
) -> Snapshot:
    """Copy a log, as it was when its files were opened, into a new folder.

    What is asked and what it raises is told at `aoftool.snapshot`, which this is.

    Args:
        calls: of the system, for tests of what fails.
    """
    if log.kind is LogKind.STDIN:
        raise UnsupportedError("a stream is no log in use", path=log.path, hint="name a file")
    if is_remote(log.path) or is_remote(out):
        message = "a snapshot is of files on a disk, and into a folder on a disk"
        raise UnsupportedError(message, path=log.path, hint="copy the snapshot to the store, and not the log")
    passed: list[str] = []
    gone = [file for file in log.files if not file.exists]
    if gone and log.kind is LogKind.MULTI_PART and not as_is:
        passed.append(f"{log.generation}: {gone[0].shown_name} is missing")
    for candidate in _candidates(log, as_is):
        taken = Snapshot(shown_path(log.path), shown_path(out), candidate.words)
        access = access_of(os.stat(log.directory or os.curdir))
        try:
            with new_directory(out, access, calls) as folder:
                _Filling(taken, folder, progress, calls, seal=seal, link=link).fill(candidate)
                taken.intact = _require_whole(folder, as_is)
        except _NotWholeError as error:
            passed.append(f"{candidate.words or 'the log'}: {error}")
            continue
        taken.passed_over = passed
        return taken
    found = [*passed, *(problem.message for problem in log.problems), "nothing is listed"]
    message = f"no generation that lies there is whole: {found[0]}; --as-is copies what there is"
    raise RefusedError(message, path=log.path, hint=next_step("check", log.path))


def _candidates(log: Log, as_is: bool) -> Iterator[_Candidate]:
    """Yield what may be taken, the newest first."""
    if log.kind is not LogKind.MULTI_PART:
        yield _Candidate("", log.files, None)
        return
    if as_is:
        manifest = None
        if log.manifest_path is not None:
            with open_source(log.manifest_path) as source:
                manifest = manifest_bytes(source)
        yield _Candidate(log.generation, tuple(file for file in log.files if file.exists), manifest)
        return
    listed = log.manifest
    if listed is not None and listed.problem is None and all(file.exists for file in log.files) and log.files:
        yield _Candidate(log.generation, log.files, encode_manifest(listed.load_order))
    found = [other_generation(log), *older_generations(log)]
    for generation in found:
        if generation is None or not generation.is_sure:
            continue
        incrs = [replace(file, role=FileRole.INCR) for file in generation.incrs]
        files = (replace(generation.base, role=FileRole.BASE), *incrs)
        entries = [_entry(generation.base, FileType.BASE), *(_entry(file, FileType.INCR) for file in incrs)]
        yield _Candidate(generation.words, files, encode_manifest(entries))


def _entry(file: LogFile, kind: FileType) -> ManifestEntry:
    return ManifestEntry(file.name, file.sequence or 1, kind)


def _require_whole(folder: Folder, as_is: bool) -> bool:
    """Check what was copied, before it gets its name; tell whether it is whole.

    Raises:
        _NotWholeError: it is not, and only a whole one will do.
    """
    report = check(find_log(folder.path), Level.QUICK, ())
    damage = next((f for f in report.findings if f.severity is Severity.DAMAGE), None)
    if damage is not None and not as_is:
        raise _NotWholeError(damage.message)
    return damage is None


class _Filling:
    """Puts the files of one candidate into a folder."""

    def __init__(
        self,
        taken: Snapshot,
        folder: Folder,
        progress: Progress,
        calls: SystemCalls,
        *,
        seal: bool,
        link: bool,
    ) -> None:
        self._taken = taken
        self._folder = folder
        self._progress = progress
        self._calls = calls
        self._seal = seal
        self._link = link

    def fill(self, candidate: _Candidate) -> None:
        for number, file in enumerate(candidate.files):
            is_last = number == len(candidate.files) - 1
            self._taken.files.append(self._file(file, is_last=is_last))
        if candidate.manifest is not None:
            self._manifest(candidate.manifest, candidate.files)
        if self._seal:
            self._write_seal()
        self._folder.sync(self._calls)

    def _file(self, file: LogFile, *, is_last: bool) -> CopiedFile:
        name = os.path.basename(file.path)
        held = held_file(file.path)
        with reading(file.path):
            opened = READS.open(file.path, os.O_RDONLY | os.O_CLOEXEC) if held is None else None
        descriptor = opened if held is None else held.descriptor
        assert descriptor is not None
        try:
            status = os.fstat(descriptor)
            size = status.st_size if held is None else held.status.st_size
            end = _whole_end(file, size) if is_last else size
            copied_by = self._copy(file.path, name, descriptor, status, end, grows=is_last)
        finally:
            if opened is not None:
                os.close(opened)
        self._progress(end)
        digest = self._digest(name) if self._seal else None
        return CopiedFile(file.shown_name, file.role.value, end, copied_by, size - end, digest)

    def _copy(
        self, path: str, name: str, descriptor: int, status: os.stat_result, end: int, *, grows: bool
    ) -> CopiedBy:
        if self._link and not grows and self._linked(path, name, status):
            return CopiedBy.LINK
        target = self._folder.join(name)
        with AtomicFile(target, like=status, folder=self._folder, calls=self._calls) as file:
            cloned = clone_whole(descriptor, file.descriptor, self._calls)
            if cloned:
                # It may have been written to since it was opened.
                self._calls.truncate(file.descriptor, end)
            else:
                file.copy_from(descriptor, 0, end, path)
            file.commit()
        return CopiedBy.CLONE if cloned else CopiedBy.COPY

    def _linked(self, path: str, name: str, status: os.stat_result) -> bool:
        """Give a file a second name in the folder; tell whether that is the file that was opened."""
        try:
            self._calls.link(path, name, None, self._folder.descriptor)
        except OSError:
            return False  # another file system, gone by now, or too many names
        found = self._folder.look(name)
        if found is not None and (found.st_dev, found.st_ino) == (status.st_dev, status.st_ino):
            return True
        self._calls.unlink(name, self._folder.descriptor)
        return False

    def _manifest(self, contents: bytes, files: tuple[LogFile, ...]) -> None:
        name = self._manifest_name(files)
        path = self._folder.join(name)
        like = next((os.stat(file.path) for file in files if os.path.exists(file.path)), None)
        access = None if like is None else access_of(like)
        write_atomically(path, [contents], folder=self._folder, access=access, calls=self._calls)
        digest = self._digest(name) if self._seal else None
        shown = shown_path(name)
        self._taken.files.append(CopiedFile(shown, "manifest", len(contents), CopiedBy.WRITTEN, 0, digest))

    def _manifest_name(self, files: tuple[LogFile, ...]) -> str:
        first = os.path.basename(files[0].path) if files else ""
        prefix = first.partition(".base.")[0].rpartition(".")[0] or "appendonly.aof"
        return f"{prefix}.manifest"

    def _digest(self, name: str) -> str:
        found = self._folder.look(name)
        digest = hashlib.sha256()
        if found is not None:
            for piece in self._folder.pieces(name, 0, found.st_size):
                digest.update(piece)
        return digest.hexdigest()

    def _write_seal(self) -> None:
        names = {shown_path(name): os.fsencode(name) for name in self._folder.names()}
        files = tuple(
            SealedFile(names[file.name], file.end_offset, file.sha256 or "") for file in self._taken.files
        )
        now = datetime.now(timezone.utc)
        seal = Seal(f"{now:%Y-%m-%d %H:%M:%SZ}", __version__, self._taken.generation, files)
        path = self._folder.join(SEAL_NAME)
        write_atomically(path, [encode_seal(seal)], folder=self._folder, calls=self._calls)
        self._taken.sealed = True


def _whole_end(file: LogFile, size: int) -> int:
    """Return where the last whole command outside of a transaction ends in a file that may still grow."""
    if file.role is FileRole.RDB or not size:
        return size
    with open_source(file.path) as source:
        if not source.seekable:
            return size
        part = open_part(file, source)
        if part.tail_start is None:
            return size
        found = tally(source, start=part.tail_start, end=size)
    reason = Reason.END if found.stop is None else found.stop.reason
    end = found.good_end if reason in _TORN else size
    opened = found.transactions.open_offset
    if opened is not None and (reason in _TORN or reason is Reason.END):
        end = min(end, opened)
    return end
