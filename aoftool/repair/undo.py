"""Take a repair back: the original bytes under their original names.

Works from any state a repair, or an undo that was killed, can have left. Every step looks at what is
there and does only what is still to be done. Refuses when a file is neither as the repair left it nor
as it was before: then somebody wrote to it, and going back would lose that. A receipt may be forged: only
plain files in the directory of the log are touched, through that directory, and the bytes that are put
back are compared with what the receipt says of them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress

from aoftool.errors import PlanStaleError, RefusedError, SourceError, UnsafePathError
from aoftool.escape import shown_path
from aoftool.files.failures import cannot_change
from aoftool.files.folder import Folder
from aoftool.files.inplace import append_tail, move_file
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.repair.apply import kept_digest, restore_time, tail_digest
from aoftool.repair.folder import ORIGINALS, UNDONE
from aoftool.repair.inuse import refuse_files_in_use
from aoftool.repair.lost import BYTES_NAME
from aoftool.repair.model import Stamp
from aoftool.repair.reading import OpenReceipt, open_receipt, read_receipt
from aoftool.repair.receipt import Done, Receipt, Step, StepKind, write_receipt

__all__ = ["take_back", "undo_repair"]

_PIECE = 1 << 20


def undo_repair(receipt: Receipt, *, calls: SystemCalls = SYSTEM, in_use: bool = False) -> Receipt:
    """Restore what a repair changed and return the receipt, marked.

    Args:
        receipt: where it lies; it is read again.

    Raises:
        FormatError, SourceError, UnsafePathError: of the receipt, see `open_receipt`; an original is gone.
        LogInUseError: a running process writes to the log, or another run changes it.
        PlanStaleError: a file changed after the repair.
        ReadFailedError: what was kept cannot be read.
        SinkError: the system refuses; run it again.
    """
    with open_receipt(receipt.directory) as opened:
        receipt = opened.receipt
        if receipt.state is Done.UNDONE:
            return receipt
        opened.home.lock()
        if not in_use:
            refuse_files_in_use(_paths(receipt.steps))
        with _Undo(opened, calls) as undo:
            for step in receipt.steps:
                undo.refuse_changed(step)
            opened.home.require(os.path.basename(opened.folder.path), opened.folder)
            if receipt.state is Done.DONE:
                # So that whoever finds half of it knows how to go on.
                receipt.state = Done.UNDOING
                write_receipt(receipt, calls, folder=opened.folder)
            undo.run()
        receipt.state = Done.UNDONE
        write_receipt(receipt, calls, folder=opened.folder)
        return receipt


def _paths(steps: Iterable[Step]) -> list[str]:
    return [path for step in steps for path in (step.path, step.becomes) if path]


class _Undo:
    def __init__(self, opened: OpenReceipt, calls: SystemCalls) -> None:
        self._receipt = opened.receipt
        self._home = opened.home
        self._folder = opened.folder
        self._calls = calls
        self._originals = _entered(opened.folder, ORIGINALS)
        self._undone: Folder | None = None

    def __enter__(self) -> _Undo:
        return self

    def __exit__(self, *error: object) -> None:
        for folder in (self._originals, self._undone):
            if folder is not None:
                folder.close()

    # -- looking -------------------------------------------------------------------------------

    def _look(self, name: str) -> Stamp | None:
        """Return how a file of the log is now; None where there is none."""
        found = self._home.look(name)
        if found is None:
            return None
        path = self._home.join(name)
        if not stat.S_ISREG(found.st_mode):
            raise UnsafePathError(f"{shown_path(path)} is no regular file", path=path)
        self._refuse_foreign(found, path)
        return Stamp.of(found)

    def _kept(self, step: Step) -> Stamp | None:
        """Return how the original that was kept is now."""
        found = None if self._originals is None else self._originals.look(step.name)
        if found is None:
            return None
        path = os.path.join(self._folder.path, step.kept)
        if not stat.S_ISREG(found.st_mode):
            raise UnsafePathError(f"{shown_path(path)} is no regular file", path=path)
        self._refuse_foreign(found, path)
        return Stamp.of(found)

    def _refuse_foreign(self, found: os.stat_result, path: str) -> None:
        """Refuse, for a receipt of somebody else, files of a third user: a hard link leads anywhere."""
        owner = self._receipt.owner
        if owner in (None, 0, os.geteuid()):
            return
        if found.st_uid != owner:
            message = f"{shown_path(path)} belongs to uid {found.st_uid}, and the receipt to uid {owner}"
            raise RefusedError(message, path=path, hint="have the owner of the receipt undo it")

    def refuse_changed(self, step: Step) -> None:
        """Refuse when a file is neither as it was nor as it became."""
        if step.kind is StepKind.CUT:
            self._refuse_changed_cut(step)
            return
        if step.kind is StepKind.LEFT:
            self._refuse_changed_left(step)
            return
        here = self._look(step.name)
        kept = self._kept(step) if step.kept else None
        if step.becomes:
            now = self._look(step.new_name)
            if now is not None and now not in (step.before, step.after):
                raise self._changed(step.becomes)
        if step.before is None or here == step.before:
            return
        if kept is None:
            raise self._gone(step)
        path = os.path.join(self._folder.path, step.kept)
        if kept != step.before:
            raise self._changed(path)
        if not self._is_original(step):
            raise SourceError(f"{shown_path(path)} does not hold what was kept any more", path=path)
        if step.kind in (StepKind.REMOVE, StepKind.REPLACE) and here is not None:
            raise self._changed(step.path)

    def _is_original(self, step: Step) -> bool:
        """Tell whether what was kept holds what it held, where the receipt knows."""
        if not step.kept_sha256 or self._originals is None:
            return True
        return kept_digest(self._originals, step.name, step.before) == step.kept_sha256

    def _refuse_changed_left(self, step: Step) -> None:
        """Refuse when a file that the old manifest names again is not what it was."""
        here = self._look(step.name)
        if here is None:
            raise SourceError("a file that the old manifest names is gone", path=step.path)
        if here != step.before:
            raise self._changed(step.path)

    def _refuse_changed_cut(self, step: Step) -> None:
        now = self._look(step.name)
        assert step.before is not None
        assert step.after is not None
        assert step.tail is not None
        if now is None or now.inode != step.before.inode:
            raise self._changed(step.path)
        if not step.after.size_bytes <= now.size_bytes <= step.before.size_bytes:
            raise self._changed(step.path)
        if tail_digest(self._folder, *step.tail) != step.tail_sha256:
            path = self._folder.join(BYTES_NAME)
            raise SourceError(f"{shown_path(path)} does not hold what was cut off any more", path=path)
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
        place, at = step.tail[0], step.after.size_bytes
        for done in range(0, length, _PIECE):
            want = min(length - done, _PIECE)
            lost = b"".join(self._folder.pieces(BYTES_NAME, place + done, want))
            if lost != b"".join(self._home.pieces(step.name, at + done, want)):
                return False
        return True

    def _changed(self, path: str) -> PlanStaleError:
        return PlanStaleError(
            f"{shown_path(path)} changed after the repair; undoing would lose that",
            path=path,
            hint="the original is kept beside the receipt",
        )

    def _gone(self, step: Step) -> SourceError:
        path = os.path.join(self._folder.path, step.kept)
        return SourceError("the original that was kept is gone", path=path)

    # -- going back ----------------------------------------------------------------------------

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
                self._put_away(step)

    def _bring_back(self, step: Step) -> None:
        if self._look(step.name) is None:
            assert self._originals is not None
            move_file(self._originals, step.name, self._home, step.name, calls=self._calls)

    def _swap_back(self, step: Step) -> None:
        try:
            if self._look(step.name) == step.before:
                if self._originals is not None and self._originals.look(step.name) is not None:
                    self._calls.unlink(step.name, self._originals.descriptor)
                return
            assert self._originals is not None
            self._keep_new(step.name)
            here = self._home.descriptor
            self._calls.rename(step.name, step.name, self._originals.descriptor, here)
            self._home.sync(self._calls)
        except OSError as error:
            raise cannot_change(error, step.path, f"restore {shown_path(step.path)}") from error

    def _away(self) -> Folder:
        """Return the folder for what the repair made, so that nothing at all is lost."""
        if self._undone is None:
            self._undone = _entered(self._folder, UNDONE)
        if self._undone is None:
            self._undone = self._folder.make(UNDONE, 0o700, self._calls)
        return self._undone

    def _keep_new(self, name: str) -> None:
        away = self._away()
        if away.look(name) is None:
            self._calls.link(name, name, self._home.descriptor, away.descriptor)

    def _put_away(self, step: Step) -> None:
        if self._look(step.new_name) is None:
            return
        away = self._away()
        if away.look(step.new_name) is not None:
            self._calls.unlink(step.new_name, away.descriptor)
        move_file(self._home, step.new_name, away, step.new_name, calls=self._calls)

    def _mend(self, step: Step) -> None:
        """Write the tail of a file back that was cut."""
        assert step.before is not None
        assert step.after is not None
        assert step.tail is not None
        now = self._look(step.name)
        assert now is not None
        done = now.size_bytes - step.after.size_bytes
        place, length = step.tail
        if done < length:
            lost = self._folder.open_file(BYTES_NAME)
            try:
                append_tail(
                    self._home,
                    step.name,
                    lost,
                    place + done,
                    length - done,
                    self._folder.join(BYTES_NAME),
                    expected_bytes=now.size_bytes,
                    calls=self._calls,
                )
            finally:
                os.close(lost)
        restore_time(self._home, step.name, step.before.mtime_ns, self._calls)


def _entered(folder: Folder, name: str) -> Folder | None:
    """Open a part of the receipt's folder, None where there is none."""
    try:
        return folder.enter(name)
    except FileNotFoundError:
        return None
    except OSError as error:
        path = folder.join(name)
        raise UnsafePathError(f"{shown_path(path)} is no folder of a repair", path=path) from error


def take_back(receipt: str | None, written: Sequence[str]) -> str:
    """Undo a repair whose result does not verify; return what was done, empty when there was nothing to undo.

    Args:
        receipt: folder with the receipt of a repair in place.
        written: files of a repair elsewhere, made a moment ago.
    """
    if receipt is not None:
        undo_repair(read_receipt(receipt))
        return "the log is what it was before this repair"
    for path in written:
        with suppress(FileNotFoundError):
            os.unlink(path)
    for folder in {os.path.dirname(path) for path in written}:
        if len(written) > 1 and not os.listdir(folder):
            os.rmdir(folder)
    return "what was written was removed" if written else ""
