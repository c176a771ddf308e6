"""Free the room that a change of a log took for the way back: remove what it replaced, and its receipt.

After this there is no undo. Only what a receipt and its folder are known to hold is removed, and files that a
rewrite left in place only while they are as it left them, no manifest names them and no process has them
open. What a run that was killed left behind, before it changed the log, goes the same way.
"""

from __future__ import annotations

import os
import stat

from aoftool.dataclass import dataclass
from aoftool.errors import PlanStaleError, RefusedError, SourceError, UnsafePathError
from aoftool.escape import shown_path
from aoftool.files.failures import cannot_change
from aoftool.files.folder import Folder, parent_of
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.files.temporary import CHANGE_FOLDER, RECEIPT_NAME, is_leftover
from aoftool.next_step import next_step
from aoftool.regex import regex
from aoftool.repair.folder import NEW, ORIGINALS, UNDONE
from aoftool.repair.inuse import refuse_open_files
from aoftool.repair.lost import BYTES_NAME, INDEX_NAME
from aoftool.repair.model import Stamp
from aoftool.repair.reading import OpenReceipt, no_repair, open_receipt
from aoftool.repair.receipt import Done, Step, StepKind
from aoftool.repair.switch import is_named, read_small

__all__ = ["Forgotten", "forget_repair", "room_of"]

_PARTS = (ORIGINALS, NEW, UNDONE)
_FILES = (BYTES_NAME, INDEX_NAME)
_LEFTOVER_PID = regex(r"\.aoftool-([0-9]+)-[0-9a-f]{8}\.tmp")


@dataclass(frozen=True)
class Forgotten:
    """What was removed.

    Attributes:
        files: how many.
        size_bytes: of them, receipt and index aside.
    """

    files: int
    size_bytes: int


def forget_repair(path: str, calls: SystemCalls = SYSTEM) -> Forgotten:
    """Remove what a change of a log kept, so that it cannot be taken back.

    Args:
        path: a receipt or the folder it is in; or a folder, or a temporary file, that a killed run left.

    Raises:
        RefusedError: the change was not finished, or what it wrote is gone; nothing is removed.
        UnsafePathError: the folder holds what no repair puts there.
        PlanStaleError: a file that a rewrite left was written to, or is listed again.
        LogInUseError: another run changes files there, or a process has one open.
        SourceError, FormatError: of the receipt.
        SinkError: the system refuses; run it again.
    """
    whole = os.path.abspath(path)
    try:
        if is_leftover(os.fsencode(os.path.basename(whole))) and not os.path.isdir(whole):
            return _forget_temporary(whole, calls)
        if os.path.isdir(whole) and not os.path.lexists(os.path.join(whole, RECEIPT_NAME)):
            return _forget_unfinished(whole, calls)
        if os.path.isfile(whole) and os.path.basename(whole) != RECEIPT_NAME:
            raise no_repair(path, "--forget")
        with open_receipt(path) as opened:
            opened.home.lock()
            return _Forget(opened, calls).run()
    except OSError as error:
        raise cannot_change(error, path, f"remove {shown_path(path)}") from error


def room_of(path: str) -> int:
    """Return the bytes of the log that forgetting a change would free; its receipt is not counted.

    Args:
        path: its receipt, or the folder it is in.
    """
    with open_receipt(path) as opened:
        return _room(opened)


def _room(opened: OpenReceipt) -> int:
    left = [opened.home.look(step.name) for step in opened.receipt.steps if step.kind is StepKind.LEFT]
    return sum(found.st_size for found in left if found is not None) + _size_of(opened.folder)


def _size_of(folder: Folder) -> int:
    total = 0
    for name in folder.names():
        found = folder.look(name)
        if found is None:
            continue
        if stat.S_ISDIR(found.st_mode):
            with folder.enter(name) as inner:
                total += _size_of(inner)
        elif found.st_nlink == 1 and name not in (RECEIPT_NAME, INDEX_NAME):
            total += found.st_size
    return total


class _Forget:
    def __init__(self, opened: OpenReceipt, calls: SystemCalls) -> None:
        self._opened = opened
        self._calls = calls
        self._home = opened.home
        self._folder = opened.folder
        self._steps = opened.receipt.steps

    def run(self) -> Forgotten:
        state = self._opened.receipt.state
        if state not in (Done.DONE, Done.UNDONE):
            raise RefusedError(
                "the change was not finished: what is kept may be needed",
                path=self._folder.path,
                hint=next_step("undo", self._folder.path),
            )
        _refuse_strange(self._folder, {step.name for step in self._steps} | self._new_names())
        left = []
        if state is Done.DONE:
            for step in self._steps:
                self._refuse_lost(step)
            left = [step for step in self._steps if step.kind is StepKind.LEFT]
        size = _room(self._opened) if state is Done.DONE else _size_of(self._folder)
        files = sum(self._remove_left(step) for step in left)
        name = os.path.basename(self._folder.path)
        files += _remove_folder(self._home, name, self._folder, self._calls)
        return Forgotten(files, size)

    def _new_names(self) -> set[str]:
        return {step.new_name for step in self._steps if step.becomes}

    def _refuse_lost(self, step: Step) -> None:
        """Refuse when what is kept may be all there is, or what was left is not as it was left."""
        if step.becomes and self._home.look(step.new_name) is None:
            message = f"{shown_path(step.becomes)} is gone: what is kept may be all there is"
            raise RefusedError(message, path=step.becomes, hint=next_step("undo", self._folder.path))
        if step.kind is not StepKind.LEFT:
            return
        found = self._home.look(step.name)
        if found is None:
            return
        if Stamp.of(found) != step.before:
            message = f"{shown_path(step.path)} changed since it was replaced"
            raise PlanStaleError(message, path=step.path, hint="see what writes to it")
        if is_named(self._home, step.name):
            message = f"a manifest names {shown_path(step.path)} again"
            raise PlanStaleError(message, path=step.path, hint=next_step("check", os.path.dirname(step.path)))
        if not self._was_listed(step.name):
            message = f"the manifest that was replaced does not name {shown_path(step.path)}"
            raise UnsafePathError(message, path=step.path)
        refuse_open_files({(found.st_dev, found.st_ino): step.path})

    def _was_listed(self, name: str) -> bool:
        manifests = [step for step in self._steps if step.kind is StepKind.SWAP]
        try:
            with self._folder.enter(ORIGINALS) as originals:
                return any(os.fsencode(name) in read_small(originals, step.name) for step in manifests)
        except (OSError, SourceError):
            return False

    def _remove_left(self, step: Step) -> int:
        found = self._home.look(step.name)
        if found is None or Stamp.of(found) != step.before:
            return 0
        self._calls.unlink(step.name, self._home.descriptor)
        return 1


def _refuse_strange(folder: Folder, names: set[str] | None) -> None:
    """Refuse a folder that holds what no repair puts there.

    Args:
        names: of the files in its parts; None where nobody knows, and nothing may be kept.
    """
    for name in folder.names():
        found = folder.look(name)
        if found is None or name in (RECEIPT_NAME, *_FILES) or is_leftover(os.fsencode(name)):
            continue
        if name not in _PARTS or not stat.S_ISDIR(found.st_mode):
            raise _strange(folder.join(name))
        with folder.enter(name) as inner:
            for part in inner.names():
                kept = inner.look(part)
                plain = kept is not None and stat.S_ISREG(kept.st_mode)
                known = (names is None and name == NEW) or (names is not None and part in names)
                if not plain or not (known or is_leftover(os.fsencode(part))):
                    raise _strange(inner.join(part))


def _strange(path: str) -> UnsafePathError:
    message = f"{shown_path(path)} is nothing that a repair puts there"
    return UnsafePathError(message, path=path, hint="look at it, and move it away")


def _remove_folder(home: Folder, name: str, folder: Folder, calls: SystemCalls) -> int:
    """Remove a folder with what is in it, the receipt last, so that a kill leaves what can be run again."""
    home.require(name, folder)
    files = 0
    for part in [part for part in folder.names() if part in _PARTS]:
        with folder.enter(part) as inner:
            files += len(inner.names())
            inner.empty(calls)
        calls.remove_directory(part, folder.descriptor)
    for file in sorted(folder.names(), key=lambda file: file == RECEIPT_NAME):
        calls.unlink(file, folder.descriptor)
        files += 1
    calls.remove_directory(name, home.descriptor)
    home.sync(calls)
    return files


def _forget_unfinished(path: str, calls: SystemCalls) -> Forgotten:
    """Remove the folder of a run that was killed before it wrote its receipt: the log is as it was."""
    home, name = parent_of(path)
    with home:
        home.lock()
        if not CHANGE_FOLDER.fullmatch(name):
            raise no_repair(path, "--forget")
        with home.enter(name) as folder:
            _refuse_strange(folder, None)
            size = _size_of(folder)
            return Forgotten(_remove_folder(home, name, folder, calls), size)


def _forget_temporary(path: str, calls: SystemCalls) -> Forgotten:
    """Remove a temporary file of a run that was killed."""
    home, name = parent_of(path)
    with home:
        home.lock()
        found = home.look(name)
        if found is None:
            raise SourceError(f"{shown_path(path)} is not there", path=path)
        writer = _LEFTOVER_PID.search(name)
        if not stat.S_ISREG(found.st_mode) or writer is None:
            raise UnsafePathError(f"{shown_path(path)} is no temporary file of aoftool", path=path)
        if os.path.exists(f"/proc/{writer[1]}"):
            message = f"process {writer[1]}, which made {shown_path(path)}, may still be at work"
            raise RefusedError(message, path=path, hint="wait until it has ended")
        calls.unlink(name, home.descriptor)
        home.sync(calls)
        return Forgotten(1, found.st_size)
