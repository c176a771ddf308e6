"""Carry a plan out: decide nothing, lose nothing, and be whole at every instant.

Order of things: everything new is written beside and synced, with what will be taken out and the
receipt, before the log is touched. Then one step switches from the old log to the new: cutting the
file, renaming the new file over the old name, or renaming the new manifest over the old one when more
than one file changes. What is left over is tidied up after that. A kill before the switch leaves the
old log, a kill after it the new one; the receipt knows how to go back from either. All of it goes
through open directories, under a lock that one run holds at a time.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timezone

from aoftool import __version__
from aoftool.dataclass import dataclass, replace
from aoftool.errors import AoftoolError, PlanStaleError, SinkError, UnsafePathError
from aoftool.escape import shown_path
from aoftool.files.access import PRIVATE, narrowest_access
from aoftool.files.folder import Folder
from aoftool.files.inplace import cut_tail, move_file
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.next_step import again, next_step, quoted
from aoftool.progress import Progress, no_progress
from aoftool.repair.draft import stamp_of
from aoftool.repair.folder import ORIGINALS, RepairFolder, locked_home
from aoftool.repair.inuse import refuse_files_in_use
from aoftool.repair.lost import BYTES_NAME, collect_lost, write_lost
from aoftool.repair.model import FilePlan, Method, Plan, Stamp
from aoftool.repair.receipt import Done, Receipt, Step, StepKind, write_receipt
from aoftool.repair.switch import Inputs, Switch, refuse_other_set, take_back
from aoftool.repair.writing import Place, write_planned

__all__ = ["FOLDER_PREFIX", "apply_plan", "kept_digest", "refuse_stale", "tail_digest"]

FOLDER_PREFIX = "aoftool-fix-"
_PIECE = 1 << 20

# Larger originals are told by size, time and inode alone: a way back of 100 GB shall cost nothing.
_DIGESTED_BYTES = 64 << 20


def apply_plan(
    plan: Plan,
    *,
    calls: SystemCalls = SYSTEM,
    in_use: bool = False,
    new_owner: bool = False,
    progress: Progress = no_progress,
) -> Receipt:
    """Carry out a plan in place and return the receipt.

    Args:
        plan: as made; nothing is planned anew.
        calls: the system, replaceable in tests.
        in_use: go on although a process has the log open.
        new_owner: go on although new files cannot have the owner of the old ones.
        progress: told of bytes of new files written.

    Raises:
        LogInUseError: a running process has the log open, or another run changes it.
        PlanStaleError: a file changed since the plan was made.
        UnsafePathError: a file to be changed is a symbolic link, or its folder was exchanged.
        RefusedError: new files cannot have the owner of the old ones.
        SinkError: no space, no permission; the log is as it was.
        VerifyError: what was written did not read back; the log is as it was.
    """
    assert not plan.empty
    with locked_home(plan.directory) as home:
        if not in_use:
            refuse_files_in_use(path for path, _ in plan.inputs)
        refuse_stale(plan)
        refuse_other_set(plan.path, plan.listed)
        _refuse_outside(plan, home)
        return _Apply(plan, home, calls, progress, in_use=in_use, new_owner=new_owner).run()


def refuse_stale(plan: Plan, but: str | None = None) -> None:
    """Refuse when an input is not what it was when the plan was made.

    Args:
        but: path of one that is not needed any more.

    Raises:
        PlanStaleError: it is not.
        UnsafePathError: a file to be changed is a symbolic link.
    """
    for path, stamp in plan.inputs:
        if path == but:
            continue
        try:
            now = stamp_of(path)
        except OSError as error:
            message = f"{shown_path(path)} cannot be looked at any more: {error.strerror}"
            raise PlanStaleError(message, path=path, hint=again()) from error
        if now != stamp:
            raise PlanStaleError(
                f"{shown_path(path)} changed after the plan was made", path=path, hint=again()
            )
    for file in plan.files:
        if os.path.islink(file.path):
            hint = f"name the file that it leads to: {quoted(os.path.realpath(file.path))}"
            raise UnsafePathError(f"{shown_path(file.path)} is a symbolic link", path=file.path, hint=hint)


def _refuse_outside(plan: Plan, home: Folder) -> None:
    """Refuse a plan with a file that is not in the directory of its log."""
    for path in [path for path, _ in plan.inputs] + [file.path for file in plan.files]:
        if os.path.dirname(os.path.abspath(path)) != home.path:
            raise UnsafePathError(f"{shown_path(path)} is not in the folder of the log", path=path)


@dataclass
class _Part:
    """One file of the plan while it is carried out."""

    plan: FilePlan
    step: Step


class _Apply:
    def __init__(
        self,
        plan: Plan,
        home: Folder,
        calls: SystemCalls,
        progress: Progress,
        *,
        in_use: bool,
        new_owner: bool,
    ) -> None:
        self._plan = plan
        self._home = home
        self._calls = calls
        self._progress = progress
        self._new_owner = new_owner
        self._cutting = False
        self._now = datetime.now(timezone.utc)
        stamps = {os.path.basename(path): stamp for path, stamp in plan.inputs}
        manifest = next((name for name in stamps if name.endswith(".manifest")), None)
        self._inputs = Inputs(home, stamps, manifest, in_use=in_use)

    def run(self) -> Receipt:
        with RepairFolder(self._home, FOLDER_PREFIX, self._now, self._calls) as work:
            self._work = work
            self._switch = Switch(work, self._inputs, self._calls)
            try:
                parts = self._write_beside()
            except BaseException:
                # The log was not touched; on a full disk every block counts.
                work.remove()
                raise
            self._carry_out(parts)
            done = replace(self._receipt, state=Done.DONE, steps=[self._final(part.step) for part in parts])
            try:
                write_receipt(done, self._calls, folder=work.folder)
            except SinkError:
                # The log is repaired. The receipt as it stands knows the way back from there too.
                return self._receipt
            work.tidy()
            return done

    def _write_beside(self) -> list[_Part]:
        """Write everything that is new, and the receipt."""
        work, now = self._work, self._now
        write_lost(self._plan, work.folder, PRIVATE, self._calls, home=self._home)
        parts = [self._prepare(file) for file in self._plan.files]
        path = os.path.abspath(self._plan.path)
        self._receipt = Receipt(work.path, path, Done.PREPARED, f"{now:%Y-%m-%d %H:%M:%SZ}", __version__)
        self._receipt.plan = self._plan.to_dict()
        self._receipt.steps = [part.step for part in parts]
        write_receipt(self._receipt, self._calls, folder=work.folder)
        self._switch.refuse_changed()
        return parts

    def _prepare(self, file: FilePlan) -> _Part:
        """Write what is new of one file, beside."""
        name = os.path.basename(file.path)
        path = self._home.join(name)
        kept = os.path.join(ORIGINALS, name)
        if file.method is Method.REMOVE:
            step = Step(StepKind.REMOVE, path, "", kept, file.stamp)
            return _Part(file, replace(step, kept_sha256=kept_digest(self._home, name, file.stamp)))
        if file.method is Method.CUT:
            return _Part(file, self._cut_step(file, path))
        becomes = self._home.join(os.path.basename(file.becomes or path))
        kind = StepKind.CREATE if file.stamp is None else StepKind.SWAP
        if becomes != path:
            kind = StepKind.REPLACE
        after = write_planned(file, self._place(file, becomes), self._calls, progress=self._progress)
        step = Step(kind, path, becomes, "" if file.stamp is None else kept, file.stamp, after)
        return _Part(file, replace(step, kept_sha256=kept_digest(self._home, name, file.stamp)))

    def _cut_step(self, file: FilePlan, path: str) -> Step:
        assert file.stamp is not None
        assert file.cut_at is not None
        found = self._home.look(os.path.basename(path))
        if found is not None and found.st_nlink > 1:
            message = f"{shown_path(path)} has got another name (a hard link), which a cut would cut too"
            raise PlanStaleError(message, path=path, hint=again())
        after = Stamp(file.cut_at, file.stamp.mtime_ns, file.stamp.inode)
        tail = collect_lost(self._plan, file)
        digest = "" if tail is None else tail_digest(self._work.folder, *tail)
        return Step(StepKind.CUT, path, path, "", file.stamp, after, tail, digest)

    def _place(self, file: FilePlan, becomes: str) -> Place:
        new = self._work.new
        access = narrowest_access(path for path, _ in self._plan.inputs) if file.stamp is None else None
        keep = not self._new_owner
        name = new.join(os.path.basename(becomes))
        return Place(name, folder=new, home=self._home, access=access, keep_owner=keep)

    def _carry_out(self, parts: Sequence[_Part]) -> None:
        """Go from the old log to the new one, or, when that fails, back."""
        try:
            self._go_over(parts)
        except BaseException as error:
            cut = self._cutting and any(self._was_cut(part.step) for part in parts)
            if take_back(self._switch) and not cut:
                self._work.remove()
            elif isinstance(error, AoftoolError):
                error.hint = next_step("undo", self._work.path)
            raise
        for part in parts:
            if part.step.kind in (StepKind.REMOVE, StepKind.REPLACE):
                self._set_aside(part.step)

    def _go_over(self, parts: Sequence[_Part]) -> None:
        for part in parts:
            if part.step.kind in (StepKind.REPLACE, StepKind.CREATE):
                # Nothing names this file yet.
                self._switch.add(os.path.basename(part.step.becomes))
        for part in parts:
            if part.step.kind is StepKind.CUT:
                self._cut(part)
            elif part.step.kind is StepKind.SWAP:
                self._switch.swap(os.path.basename(part.step.path))
        if any(part.step.kind is not StepKind.CUT for part in parts):
            self._switch.refuse_started()

    def _was_cut(self, step: Step) -> bool:
        if step.kind is not StepKind.CUT:
            return False
        found = self._home.look(os.path.basename(step.path))
        return found is None or Stamp.of(found) != step.before

    def _set_aside(self, step: Step) -> None:
        name = os.path.basename(step.path)
        try:
            move_file(self._home, name, self._work.originals, name, calls=self._calls)
        except AoftoolError as error:
            error.hint = next_step("undo", self._work.path)
            raise

    def _cut(self, part: _Part) -> None:
        stamp, cut_at = part.plan.stamp, part.plan.cut_at
        assert stamp is not None
        assert cut_at is not None
        name = os.path.basename(part.step.path)
        self._cutting = True
        try:
            cut_tail(
                self._home,
                name,
                cut_at,
                expected_bytes=stamp.size_bytes,
                is_same=lambda status: Stamp.of(status) == stamp,
                calls=self._calls,
            )
        except PlanStaleError:
            self._cutting = False  # it stands as it was found, whoever changed it
            raise
        restore_time(self._home, name, stamp.mtime_ns, self._calls)

    def _final(self, step: Step) -> Step:
        found = self._home.look(os.path.basename(step.becomes)) if step.becomes else None
        return step if found is None else replace(step, after=Stamp.of(found))


def restore_time(folder: Folder, name: str, mtime_ns: int, calls: SystemCalls) -> None:
    """Give a file that was cut or mended its old time of modification."""
    try:
        descriptor = calls.open_existing(name, folder.descriptor)
    except OSError:
        return
    with suppress(OSError):
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            calls.set_times(descriptor, status.st_atime_ns, mtime_ns)
    os.close(descriptor)


def kept_digest(folder: Folder, name: str, stamp: Stamp | None) -> str:
    """Return the SHA-256 of a file that is kept; empty where there is none, or it takes long to read."""
    if stamp is None or stamp.size_bytes > _DIGESTED_BYTES:
        return ""
    return _digest(folder, name, 0, stamp.size_bytes)


def tail_digest(folder: Folder, place: int, length: int) -> str:
    """Return the SHA-256 of a range of the lost-and-found file in a folder."""
    return _digest(folder, BYTES_NAME, place, length)


def _digest(folder: Folder, name: str, start: int, length: int) -> str:
    digest = hashlib.sha256()
    for piece in folder.pieces(name, start, length):
        digest.update(piece)
    return digest.hexdigest()
