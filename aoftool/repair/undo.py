"""Take a repair back: the original bytes under their original names.

Works from any state a repair, or an undo that was killed, can have left. Every step looks at what is
there and does only what is still to be done. Refuses when a file is neither as the repair left it nor
as it was before: then somebody wrote to it, and going back would lose that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from aoftool.errors import PlanStaleError, SinkError, SourceError
from aoftool.escape import printable
from aoftool.files.copying import copy_range
from aoftool.files.inplace import move_file
from aoftool.files.sink import sync_parent
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.repair.apply import restore_time
from aoftool.repair.draft import stamp_of
from aoftool.repair.inuse import refuse_files_in_use
from aoftool.repair.lost import BYTES_NAME
from aoftool.repair.model import Stamp
from aoftool.repair.receipt import Done, Receipt, Step, StepKind, write_receipt

__all__ = ["undo_repair"]

_UNDONE = "undone"
_PIECE = 1 << 20


def undo_repair(receipt: Receipt, *, calls: SystemCalls = SYSTEM, in_use: bool = False) -> Receipt:
    """Restore what a repair changed and return the receipt, marked.

    Raises:
        LogInUseError: a running process writes to the log.
        PlanStaleError: a file changed after the repair.
        SourceError: an original is gone.
        SinkError: the system refuses; run it again.
    """
    if not in_use:
        refuse_files_in_use(_paths(receipt.steps))
    undo = _Undo(receipt, calls)
    for step in receipt.steps:
        undo.refuse_changed(step)
    undo.run()
    receipt.state = Done.UNDONE
    write_receipt(receipt, calls)
    return receipt


def _paths(steps: Iterable[Step]) -> list[str]:
    return [path for step in steps for path in (step.path, step.becomes) if path]


def _look(path: str) -> Stamp | None:
    try:
        return stamp_of(path)
    except OSError:
        return None


class _Undo:
    def __init__(self, receipt: Receipt, calls: SystemCalls) -> None:
        self._receipt = receipt
        self._calls = calls

    def _in_folder(self, name: str) -> str:
        return os.path.join(self._receipt.directory, name)

    def refuse_changed(self, step: Step) -> None:
        """Refuse when a file is neither as it was nor as it became."""
        if step.kind is StepKind.CUT:
            self._refuse_changed_cut(step)
            return
        if step.kind is StepKind.REMOVE:
            if _look(step.path) is None and not os.path.exists(self._in_folder(step.kept)):
                raise self._gone(step)
            return
        now = _look(step.becomes)
        expected = [stamp for stamp in (step.before, step.after) if stamp is not None]
        if now is not None and now not in expected:
            raise self._changed(step.becomes)
        original_here = _look(step.path) == step.before
        if step.before is not None and not original_here and not os.path.exists(self._in_folder(step.kept)):
            raise self._gone(step)

    def _refuse_changed_cut(self, step: Step) -> None:
        now = _look(step.path)
        assert step.before is not None
        assert step.after is not None
        if now is None or now.inode != step.before.inode:
            raise self._changed(step.path)
        if not step.after.size_bytes <= now.size_bytes <= step.before.size_bytes:
            raise self._changed(step.path)
        if now.size_bytes > step.after.size_bytes:
            # A server that appended, or an undo that was killed while it wrote the tail back.
            if not self._is_own_tail(step, now.size_bytes - step.after.size_bytes):
                raise self._changed(step.path)
        elif self._receipt.state is Done.DONE and now.mtime_ns != step.after.mtime_ns:
            raise self._changed(step.path)

    def _is_own_tail(self, step: Step, length: int) -> bool:
        """Tell whether the bytes behind the cut are the first ones of what was cut."""
        assert step.tail is not None
        assert step.after is not None
        with open(self._in_folder(BYTES_NAME), "rb") as lost, open(step.path, "rb") as file:
            lost.seek(step.tail[0])
            file.seek(step.after.size_bytes)
            left = length
            while left > 0:
                want = min(left, _PIECE)
                if lost.read(want) != file.read(want):
                    return False
                left -= want
        return True

    def _changed(self, path: str) -> PlanStaleError:
        return PlanStaleError(
            f"{printable(os.fsencode(path))} changed after the repair; undoing would lose that",
            path=path,
            hint="the original is kept beside the receipt",
        )

    def _gone(self, step: Step) -> SourceError:
        return SourceError("the original that was kept is gone", path=self._in_folder(step.kept))

    def run(self) -> None:
        """Take the steps back, the manifest before the files that only the new one names."""
        steps = self._receipt.steps
        for step in steps:
            if step.kind in (StepKind.REMOVE, StepKind.REPLACE):
                self._bring_back(step)
        for step in steps:
            if step.kind is StepKind.CUT:
                self._mend(step)
            elif step.kind is StepKind.SWAP:
                self._swap_back(step)
        for step in steps:
            if step.kind in (StepKind.REPLACE, StepKind.CREATE):
                self._put_away(step.becomes)

    def _bring_back(self, step: Step) -> None:
        if _look(step.path) is None:
            move_file(self._in_folder(step.kept), step.path, calls=self._calls)

    def _swap_back(self, step: Step) -> None:
        kept = self._in_folder(step.kept)
        try:
            if _look(step.path) == step.before:
                if os.path.exists(kept):
                    self._calls.unlink(kept)
                return
            self._keep_new(step.path)
            self._calls.rename(kept, step.path)
            sync_parent(step.path, self._calls)
        except OSError as error:
            raise SinkError(f"cannot restore: {error.strerror}", path=step.path) from error

    def _away(self, path: str) -> str:
        folder = self._in_folder(_UNDONE)
        os.makedirs(folder, 0o700, exist_ok=True)
        return os.path.join(folder, os.path.basename(path))

    def _keep_new(self, path: str) -> None:
        """Give what the repair made a name beside the receipt, so that nothing at all is lost."""
        away = self._away(path)
        if not os.path.exists(away):
            self._calls.link(path, away)

    def _put_away(self, path: str) -> None:
        if _look(path) is None:
            return
        away = self._away(path)
        if os.path.exists(away):
            self._calls.unlink(away)
        move_file(path, away, calls=self._calls)

    def _mend(self, step: Step) -> None:
        """Write the tail of a file back that was cut."""
        assert step.before is not None
        assert step.after is not None
        assert step.tail is not None
        size = os.stat(step.path).st_size
        if size < step.before.size_bytes:
            self._write_tail(step, size - step.after.size_bytes)
        restore_time(step.path, step.before.mtime_ns, self._calls)

    def _write_tail(self, step: Step, done: int) -> None:
        assert step.tail is not None
        assert step.after is not None
        place, length = step.tail
        lost = os.open(self._in_folder(BYTES_NAME), os.O_RDONLY | os.O_CLOEXEC)
        try:
            descriptor = self._calls.open_existing(step.path)
            try:
                os.lseek(descriptor, step.after.size_bytes + done, os.SEEK_SET)
                copied = copy_range(lost, descriptor, place + done, length - done, self._calls)
                if copied < length - done:
                    raise SourceError(
                        "the lost-and-found file is too short", path=self._in_folder(BYTES_NAME)
                    )
                self._calls.sync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise SinkError(f"cannot write the tail back: {error.strerror}", path=step.path) from error
        finally:
            os.close(lost)
