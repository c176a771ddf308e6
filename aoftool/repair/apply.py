"""Carry a plan out: decide nothing, lose nothing, and be whole at every instant.

Order of things: everything new is written beside and synced, with what will be taken out and the
receipt, before the log is touched. Then one step switches from the old log to the new: cutting the
file, renaming the new file over the old name, or renaming the new manifest over the old one when more
than one file changes. What is left over is tidied up after that. A kill before the switch leaves the
old log, a kill after it the new one; the receipt knows how to go back from either.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from aoftool import __version__
from aoftool.errors import AoftoolError, PlanStaleError, SinkError, UnsafePathError
from aoftool.escape import printable
from aoftool.files.inplace import cut_tail, move_file
from aoftool.files.sink import sync_parent
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.progress import Progress, no_progress
from aoftool.repair.draft import stamp_of
from aoftool.repair.folder import NEW, ORIGINALS, make_folder
from aoftool.repair.inuse import refuse_files_in_use
from aoftool.repair.lost import collect_lost, write_lost
from aoftool.repair.model import FilePlan, Method, Plan, Stamp
from aoftool.repair.receipt import Done, Receipt, Step, StepKind, write_receipt
from aoftool.repair.writing import write_planned

__all__ = ["FOLDER_PREFIX", "apply_plan", "refuse_stale"]

FOLDER_PREFIX = "aoftool-fix-"


def apply_plan(
    plan: Plan, *, calls: SystemCalls = SYSTEM, in_use: bool = False, progress: Progress = no_progress
) -> Receipt:
    """Carry out a plan in place and return the receipt.

    Args:
        plan: as made; nothing is planned anew.
        calls: the system, replaceable in tests.
        in_use: go on although a process writes to the log.
        progress: told of bytes of new files written.

    Raises:
        LogInUseError: a running process writes to the log.
        PlanStaleError: a file changed since the plan was made.
        SinkError: no space, no permission; the log is as it was.
        VerifyError: what was written did not read back; the log is as it was.
    """
    assert not plan.empty
    if not in_use:
        refuse_files_in_use(path for path, _ in plan.inputs)
    refuse_stale(plan)
    return _Apply(plan, calls, progress).run()


def refuse_stale(plan: Plan) -> None:
    """Refuse when an input is not what it was when the plan was made.

    Raises:
        PlanStaleError: it is not.
        UnsafePathError: a file to be changed is a symbolic link.
    """
    for path, stamp in plan.inputs:
        try:
            now = stamp_of(path)
        except OSError as error:
            raise PlanStaleError(f"{_shown(path)} is gone: {error.strerror}", path=path) from error
        if now != stamp:
            raise PlanStaleError(
                f"{_shown(path)} changed after the plan was made", path=path, hint="run fix again"
            )
    for file in plan.files:
        if os.path.islink(file.path):
            raise UnsafePathError(f"{_shown(file.path)} is a symbolic link", path=file.path)


def _shown(path: str) -> str:
    return printable(os.fsencode(path))


@dataclass
class _Part:
    """One file of the plan while it is carried out."""

    plan: FilePlan
    step: Step
    new: str = ""


class _Apply:
    def __init__(self, plan: Plan, calls: SystemCalls, progress: Progress) -> None:
        self._plan = plan
        self._calls = calls
        self._progress = progress
        now = datetime.now(timezone.utc)
        name = f"{FOLDER_PREFIX}{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self._folder = os.path.join(os.path.abspath(plan.directory), name)
        self._receipt = Receipt(
            self._folder, os.path.abspath(plan.path), Done.PREPARED, f"{now:%Y-%m-%d %H:%M:%SZ}", __version__
        )

    def run(self) -> Receipt:
        try:
            parts = self._write_beside()
        except BaseException:
            # The log was not touched; on a full disk every block counts.
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        try:
            self._switch(parts)
        except AoftoolError as error:
            error.hint = f"aoftool undo {_shown(self._folder)} brings everything back"
            raise
        done = replace(self._receipt, state=Done.DONE, steps=[self._final(part.step) for part in parts])
        try:
            write_receipt(done, self._calls)
        except SinkError:
            # The log is repaired. The receipt as it stands knows the way back from there too.
            return self._receipt
        self._tidy()
        return done

    def _write_beside(self) -> list[_Part]:
        """Write everything that is new, and the receipt."""
        make_folder(self._folder, self._calls)
        write_lost(self._plan, self._folder, self._calls)
        parts = [self._prepare(file) for file in self._plan.files]
        self._receipt.plan = self._plan.to_dict()
        self._receipt.steps = [part.step for part in parts]
        write_receipt(self._receipt, self._calls)
        refuse_stale(self._plan)
        return parts

    def _prepare(self, file: FilePlan) -> _Part:
        """Write what is new of one file, beside."""
        path = os.path.abspath(file.path)
        name = os.path.basename(path)
        kept = os.path.join(ORIGINALS, name)
        if file.method is Method.REMOVE:
            return _Part(file, Step(StepKind.REMOVE, path, "", kept, file.stamp))
        if file.method is Method.CUT:
            assert file.stamp is not None
            assert file.cut_at is not None
            after = Stamp(file.cut_at, file.stamp.mtime_ns, file.stamp.inode)
            tail = collect_lost(self._plan, file)
            return _Part(file, Step(StepKind.CUT, path, path, "", file.stamp, after, tail))
        becomes = os.path.abspath(file.becomes) if file.becomes else path
        new = os.path.join(self._folder, NEW, os.path.basename(becomes))
        after = write_planned(file, new, self._calls, progress=self._progress)
        kind = StepKind.CREATE if file.stamp is None else StepKind.SWAP
        if becomes != path:
            kind = StepKind.REPLACE
        step = Step(kind, path, becomes, "" if file.stamp is None else kept, file.stamp, after)
        return _Part(file, step, new)

    def _switch(self, parts: Sequence[_Part]) -> None:
        """Go from the old log to the new one."""
        for part in parts:
            if part.step.kind is StepKind.REPLACE:
                # Nothing names this file yet.
                move_file(part.new, part.step.becomes, calls=self._calls)
        for part in parts:
            if part.step.kind is StepKind.CUT:
                self._cut(part)
            elif part.step.kind in (StepKind.SWAP, StepKind.CREATE):
                self._swap(part)
        for part in parts:
            if part.step.kind in (StepKind.REMOVE, StepKind.REPLACE):
                move_file(part.step.path, self._in_folder(part.step.kept), calls=self._calls)

    def _in_folder(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _cut(self, part: _Part) -> None:
        stamp, cut_at = part.plan.stamp, part.plan.cut_at
        assert stamp is not None
        assert cut_at is not None
        cut_tail(part.step.path, cut_at, expected_bytes=stamp.size_bytes, calls=self._calls)
        restore_time(part.step.path, stamp.mtime_ns, self._calls)

    def _swap(self, part: _Part) -> None:
        """Give the new file the old one's name, in one step, the original keeping a name of its own."""
        step = part.step
        try:
            if step.kept:
                self._calls.link(step.path, self._in_folder(step.kept))
                sync_parent(self._in_folder(step.kept), self._calls)
            self._calls.rename(part.new, step.becomes)
            sync_parent(step.becomes, self._calls)
        except OSError as error:
            message = f"cannot put the new {_shown(step.path)} in place: {error.strerror}"
            raise SinkError(message, path=step.path) from error

    def _final(self, step: Step) -> Step:
        if not step.becomes:
            return step
        return replace(step, after=stamp_of(step.becomes))

    def _tidy(self) -> None:
        for name in (NEW, ORIGINALS):
            try:
                os.rmdir(os.path.join(self._folder, name))
            except OSError:
                continue


def restore_time(path: str, mtime_ns: int, calls: SystemCalls) -> None:
    """Give a file that was cut or mended its old time of modification."""
    try:
        descriptor = calls.open_existing(path)
    except OSError:
        return
    try:
        calls.set_times(descriptor, os.fstat(descriptor).st_atime_ns, mtime_ns)
    except OSError:
        return
    finally:
        os.close(descriptor)
