"""Rewrite a log where it is, so that it can be undone.

A multi-part log gets a new base and a new incr file beside the old ones, then a new manifest takes the
old one's name: that is the commit point. The old files stay where they are; no manifest names them any
more, so a server leaves them alone. A single file is written beside and takes the old one's name, which
keeps another name in the receipt's folder. A kill leaves the old or the new log, whole.
"""

from __future__ import annotations

import os
import secrets
import shutil
from datetime import datetime, timezone

from aoftool import __version__
from aoftool.aof.manifest import FileType, ManifestEntry, encode_manifest
from aoftool.aof.model import Log, LogKind
from aoftool.errors import PlanStaleError, SinkError, UnsafePathError, UsageError
from aoftool.escape import printable
from aoftool.files.sink import AtomicFile, sync_parent, write_atomically
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.repair.draft import stamp_of
from aoftool.repair.folder import NEW, ORIGINALS, make_folder
from aoftool.repair.inuse import refuse_files_in_use
from aoftool.repair.model import Stamp
from aoftool.repair.receipt import Done, Receipt, Step, StepKind, write_receipt
from aoftool.rewrite.bounded import BoundedPlan
from aoftool.rewrite.model import OutputFile, RewriteResult
from aoftool.rewrite.placing import Writing, base_name, incr_name, write_pair
from aoftool.rewrite.planner import RewritePlan
from aoftool.rewrite.runner import Sinks

__all__ = ["Stamps", "rewrite_in_place", "stamps_of"]

FOLDER_PREFIX = "aoftool-rewrite-"

Stamps = dict[str, Stamp]


def stamps_of(log: Log) -> Stamps:
    """Return how the files of a log look; take it before the log is read.

    Raises:
        UsageError: no files can be replaced: standard input, or an RDB that is no log.
    """
    if log.kind not in (LogKind.MULTI_PART, LogKind.SINGLE):
        raise UsageError("only a log can be rewritten in place", hint="-o OUT")
    paths = [file.path for file in log.files if file.exists]
    if log.manifest_path is not None:
        paths.append(log.manifest_path)
    return {path: stamp_of(path) for path in paths}


def rewrite_in_place(
    plan: RewritePlan | BoundedPlan,
    log: Log,
    before: Stamps,
    write: Writing,
    *,
    in_use: bool = False,
    calls: SystemCalls = SYSTEM,
) -> tuple[RewriteResult, Receipt]:
    """Replace a log by its rewrite and return what was written, and the receipt.

    Args:
        before: how the files looked before they were read.
        in_use: go on although a process writes to the log.

    Raises:
        LogInUseError: a running process writes to the log.
        PlanStaleError: a file changed since it was read.
        UsageError: the log is compressed.
        SinkError: no space, no permission; the log is as it was.
    """
    if plan.input.paths != [file.path for file in log.files]:
        raise UsageError("a compressed log cannot be rewritten in place", hint="-o OUT")
    if not in_use:
        refuse_files_in_use(before)
    _refuse_changed(before)
    work = _InPlace(plan, log, before, calls)
    try:
        return work.multi_part(write) if log.kind is LogKind.MULTI_PART else work.single(write)
    except BaseException:
        work.clean()
        raise


def _refuse_changed(before: Stamps) -> None:
    for path, stamp in before.items():
        if os.path.islink(path):
            raise UnsafePathError(f"{_shown(path)} is a symbolic link", path=path)
        if stamp_of(path) != stamp:
            raise PlanStaleError(f"{_shown(path)} changed while it was rewritten", path=path)


def _shown(path: str) -> str:
    return printable(os.fsencode(path))


class _InPlace:
    def __init__(self, plan: RewritePlan | BoundedPlan, log: Log, before: Stamps, calls: SystemCalls) -> None:
        self._plan = plan
        self._log = log
        self._before = before
        self._calls = calls
        self._switched = False
        self._home = os.path.abspath(log.directory or os.curdir)
        now = datetime.now(timezone.utc)
        name = f"{FOLDER_PREFIX}{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self._folder = os.path.join(self._home, name)
        self._receipt = Receipt(
            self._folder, os.path.abspath(log.path), Done.PREPARED, f"{now:%Y-%m-%d %H:%M:%SZ}", __version__
        )

    def multi_part(self, write: Writing) -> tuple[RewriteResult, Receipt]:
        """Write a new pair of files and switch the manifest."""
        manifest = self._log.manifest_path
        if manifest is None:
            raise UsageError("the log has no manifest", hint="aoftool fix")
        base, incr = self._entries()
        make_folder(self._folder, self._calls)
        paths = [os.path.join(self._home, os.fsdecode(entry.name)) for entry in (base, incr)]
        self._receipt.steps = [Step(StepKind.CREATE, path, path) for path in paths]
        result = write_pair(self._plan, self._home, base, incr, write, self._calls)
        self._receipt.steps = [Step(StepKind.CREATE, path, path, after=stamp_of(path)) for path in paths]
        result.files.append(self._swap(manifest, [encode_manifest([base, incr])]))
        return result, self._receipt

    def _entries(self) -> tuple[ManifestEntry, ManifestEntry]:
        """Return the new files, numbered above every file of the directory."""
        everything = (*self._log.files, *self._log.history, *self._log.unlisted)
        sequence = 1 + max((file.sequence or 0 for file in everything), default=0)
        prefix = os.fsdecode(self._log.prefix) or "appendonly.aof"
        base = base_name(prefix, sequence, self._plan.options.format)
        incr = incr_name(prefix, sequence)
        return (
            ManifestEntry(os.fsencode(base), sequence, FileType.BASE),
            ManifestEntry(os.fsencode(incr), sequence, FileType.INCR),
        )

    def single(self, write: Writing) -> tuple[RewriteResult, Receipt]:
        """Write the file anew beside and switch the names."""
        path = os.path.abspath(self._log.files[0].path)
        make_folder(self._folder, self._calls)
        new = os.path.join(self._folder, NEW, os.path.basename(path))
        with AtomicFile(new, like=path, calls=self._calls) as file:
            result = write([Sinks(self._plan.options.format, file, file)])
            file.commit()
        result.files = [self._switch(path, new)]
        return result, self._receipt

    def _swap(self, path: str, pieces: list[bytes]) -> OutputFile:
        path = os.path.abspath(path)
        new = os.path.join(self._folder, NEW, os.path.basename(path))
        write_atomically(new, pieces, like=path, calls=self._calls)
        return self._switch(path, new)

    def _switch(self, path: str, new: str) -> OutputFile:
        """Let a new file take a name, the old one keeping another: before it the log is the old one."""
        kept = os.path.join(ORIGINALS, os.path.basename(path))
        old = {os.path.abspath(name): stamp for name, stamp in self._before.items()}[path]
        step = Step(StepKind.SWAP, path, path, kept, old, stamp_of(new))
        self._receipt.steps.append(step)
        write_receipt(self._receipt, self._calls)
        _refuse_changed(self._before)
        try:
            self._calls.link(path, os.path.join(self._folder, kept))
            sync_parent(os.path.join(self._folder, kept), self._calls)
            self._calls.rename(new, path)
            self._switched = True
            sync_parent(path, self._calls)
        except OSError as error:
            message = f"cannot put the new {_shown(path)} in place: {error.strerror}"
            raise SinkError(message, path=path) from error
        self._receipt.state = Done.DONE
        write_receipt(self._receipt, self._calls)
        os.rmdir(os.path.join(self._folder, NEW))
        return OutputFile(path, os.stat(path).st_size)

    def clean(self) -> None:
        """Remove what was made, unless the log is the new one already."""
        if self._switched:
            return
        for step in self._receipt.steps:
            if step.kind is StepKind.CREATE and os.path.exists(step.path):
                os.unlink(step.path)
        shutil.rmtree(self._folder, ignore_errors=True)
