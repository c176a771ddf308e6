"""Rewrite a log where it is, so that it can be undone.

A multi-part log gets a new base and a new incr file beside the old ones, then a new manifest takes the
old one's name: that is the commit point. The old files stay where they are; no manifest names them any
more, so a server leaves them alone. A single file is written beside and takes the old one's name, which
keeps another name in the receipt's folder. Everything is written in that folder and gets its place at
the very end, when the log was looked at once more, so that no server meets half of it. A kill leaves the
old or the new log, whole.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone

from aoftool import __version__
from aoftool.aof.manifest import FileType, ManifestEntry, encode_manifest
from aoftool.aof.model import Log, LogKind
from aoftool.errors import AoftoolError, PlanStaleError, UnsafePathError, UsageError
from aoftool.escape import shown_path
from aoftool.files.access import Access, access_of
from aoftool.files.folder import Folder
from aoftool.files.sink import AtomicFile, write_atomically
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.next_step import again, next_step
from aoftool.repair.apply import kept_digest
from aoftool.repair.draft import stamp_of
from aoftool.repair.folder import ORIGINALS, RepairFolder, locked_home
from aoftool.repair.inuse import refuse_files_in_use
from aoftool.repair.model import Stamp
from aoftool.repair.receipt import Done, Receipt, Step, StepKind, write_receipt
from aoftool.repair.switch import Inputs, Switch, refuse_other_set, take_back
from aoftool.rewrite.model import OutputFile, RewriteResult
from aoftool.rewrite.planner import Planned
from aoftool.rewrite.runner import Sinks
from aoftool.rewrite.write.placing import PairPlace, Writing, base_name, incr_name, refuse_result, write_pair

__all__ = ["FOLDER_PREFIX", "Stamps", "gone_meanwhile", "rewrite_in_place", "stamps_of"]

FOLDER_PREFIX = "aoftool-rewrite-"

Stamps = dict[str, Stamp]


def stamps_of(log: Log) -> Stamps:
    """Return how the files of a log look that is read; take it before that.

    Raises:
        UsageError: no files can be replaced: standard input, or an RDB that is no log.
        PlanStaleError: one is gone since the log was found.
    """
    if log.kind not in (LogKind.MULTI_PART, LogKind.SINGLE):
        raise UsageError("only a log can be rewritten in place", hint="name a new file with -o")
    paths = [file.path for file in log.files if file.exists]
    if log.manifest_path is not None:
        paths.append(log.manifest_path)
    try:
        return {path: stamp_of(path) for path in paths}
    except PlanStaleError as error:
        raise gone_meanwhile(log, error.path or log.path) from error


def gone_meanwhile(log: Log, path: str) -> PlanStaleError:
    """Return the error for a file of a log that is not there any more: a server rewrites the log."""
    message = f"{shown_path(path)} is gone since the log was found: a server rewrites it, stop that first"
    return PlanStaleError(message, path=log.path, hint=next_step("rewrite", log.path, "-o OUT"))


def rewrite_in_place(
    plan: Planned,
    log: Log,
    before: Stamps,
    write: Writing,
    *,
    in_use: bool = False,
    new_owner: bool = False,
    calls: SystemCalls = SYSTEM,
) -> tuple[RewriteResult, Receipt]:
    """Replace a log by its rewrite and return what was written, and the receipt.

    Args:
        before: how the files looked before they were read.
        in_use: go on although a process has the log open.
        new_owner: go on although the new files cannot have the owner of the old ones.

    Raises:
        LogInUseError: a running process has the log open, or another run changes it.
        PlanStaleError: a file changed since it was read, or the set of files did.
        UnsafePathError: a file is a symbolic link, or the folder was exchanged.
        RefusedError: the new files cannot have the owner of the old ones.
        UsageError: the log is compressed.
        SinkError: no space, no permission; the log is as it was.
    """
    if plan.input.paths != [file.path for file in log.files]:
        raise UsageError("a compressed log cannot be rewritten in place", hint="name a new file with -o")
    with locked_home(log.directory or os.curdir) as home:
        if not in_use:
            refuse_files_in_use(before)
        stamps = _stamps_in(home, before)
        manifest = None if log.manifest_path is None else os.path.basename(log.manifest_path)
        inputs = Inputs(home, stamps, manifest, in_use=in_use)
        refuse_other_set(log.path, [file.path for file in log.files])
        return _InPlace(plan, log, inputs, calls, keep_owner=not new_owner).run(home, write)


def _stamps_in(home: Folder, before: Stamps) -> Stamps:
    """Return the stamps by the names that the files have in the directory of the log."""
    found: Stamps = {}
    for path, stamp in before.items():
        whole = os.path.abspath(path)
        if os.path.dirname(whole) != home.path:
            raise UnsafePathError(f"{shown_path(path)} is not in the folder of the log", path=path)
        found[os.path.basename(whole)] = stamp
    return found


class _InPlace:
    def __init__(
        self,
        plan: Planned,
        log: Log,
        inputs: Inputs,
        calls: SystemCalls,
        *,
        keep_owner: bool,
    ) -> None:
        self._plan = plan
        self._log = log
        self._inputs = inputs
        self._calls = calls
        self._keep_owner = keep_owner
        self._now = datetime.now(timezone.utc)

    def run(self, home: Folder, write: Writing) -> tuple[RewriteResult, Receipt]:
        with RepairFolder(home, FOLDER_PREFIX, self._now, self._calls) as work:
            self._work = work
            self._switch = Switch(work, self._inputs, self._calls)
            path = os.path.abspath(self._log.path)
            when = f"{self._now:%Y-%m-%d %H:%M:%SZ}"
            self._receipt = Receipt(work.path, path, Done.PREPARED, when, __version__)
            try:
                multi_part = self._log.kind is LogKind.MULTI_PART
                result = self._multi_part(write) if multi_part else self._single(write)
                name = os.path.basename(self._log.manifest_path or self._log.files[0].path)
                result.judged = refuse_result(self._plan, work.new.own_path(name), self._log.path)
                write_receipt(self._receipt, self._calls, folder=work.folder)
                self._switch.refuse_changed()
                self._go_over()
            except BaseException as error:
                self._go_back(error)
                raise
            self._receipt.state = Done.DONE
            write_receipt(self._receipt, self._calls, folder=work.folder)
            work.tidy()
            return result, self._receipt

    def _multi_part(self, write: Writing) -> RewriteResult:
        """Write a new pair of files and a new manifest."""
        manifest = self._log.manifest_path
        if manifest is None:
            raise UsageError("the log has no manifest", hint=next_step("fix", self._log.path, "--dry-run"))
        base, incr = self._entries()
        new = self._work.new
        place = PairPlace(
            new, (base, incr), (self._access(self._log.files[0].path), self._access(self._log.files[-1].path))
        )
        result = write_pair(self._plan, place, write, self._calls, keep_owner=self._keep_owner)
        for file in result.files:
            self._ready(StepKind.CREATE, os.path.basename(file.path))
        name = os.path.basename(manifest)
        write_atomically(
            new.join(name),
            [encode_manifest([base, incr])],
            access=self._access(manifest),
            folder=new,
            keep_owner=self._keep_owner,
            calls=self._calls,
        )
        self._ready(StepKind.SWAP, name)
        for old in dict.fromkeys(os.path.basename(file.path) for file in self._log.files):
            path = self._work.home.join(old)
            self._receipt.steps.append(Step(StepKind.LEFT, path, before=self._inputs.stamps[old]))
        result.files = self._outputs()
        return result

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

    def _access(self, path: str) -> Access:
        """Return who may read a new file: who may read the one whose part it takes."""
        status = self._work.home.look(os.path.basename(path))
        if status is None:
            raise PlanStaleError(f"{shown_path(path)} is gone", path=path, hint=again())
        return access_of(status)

    def _single(self, write: Writing) -> RewriteResult:
        """Write the file anew."""
        name = os.path.basename(self._log.files[0].path)
        new = self._work.new
        like = self._work.home.look(name)
        with AtomicFile(
            new.join(name), like=like, folder=new, keep_owner=self._keep_owner, calls=self._calls
        ) as file:
            result = write([Sinks(self._plan.options.format, file, file)])
            file.commit()
        self._ready(StepKind.SWAP, name)
        result.files = self._outputs()
        return result

    def _ready(self, kind: StepKind, name: str) -> None:
        """Take a file that lies ready into the receipt."""
        work = self._work
        status = work.new.look(name)
        assert status is not None
        path = work.home.join(name)
        old = self._inputs.stamps.get(name)
        kept = os.path.join(ORIGINALS, name) if kind is StepKind.SWAP else ""
        digest = kept_digest(work.home, name, old) if kept else ""
        step = Step(kind, path, path, kept, old, Stamp.of(status), kept_sha256=digest)
        self._receipt.steps.append(step)

    def _outputs(self) -> list[OutputFile]:
        steps = self._receipt.steps
        return [OutputFile(step.path, step.after.size_bytes) for step in steps if step.after is not None]

    def _go_over(self) -> None:
        """Go from the old log to the new one."""
        for step in self._receipt.steps:
            if step.kind is StepKind.CREATE:
                self._switch.add(step.name)
        for step in self._receipt.steps:
            if step.kind is StepKind.SWAP:
                self._switch.swap(step.name)
        self._switch.refuse_started()

    def _go_back(self, error: BaseException) -> None:
        """Leave the old log as it was; where somebody took the new one over already, say how to go on."""
        if take_back(self._switch):
            self._work.remove()
        elif isinstance(error, AoftoolError):
            error.hint = next_step("undo", self._work.path)
