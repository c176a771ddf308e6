"""Write a repaired log somewhere else and leave the input as it is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from aoftool.dataclass import dataclass
from aoftool.files.access import PRIVATE, Access, access_of, give_access, narrowest_access
from aoftool.files.folder import Folder, parent_of
from aoftool.files.inplace import copy_file
from aoftool.files.new_directory import folder_exists, growing, new_directory
from aoftool.files.sink import cannot_write, output_exists, refuse_same_file, write_atomically
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.files.temporary import LOST_SUFFIX, temporary_folder_name
from aoftool.progress import Progress, no_progress
from aoftool.repair.apply import refuse_stale
from aoftool.repair.lost import BYTES_NAME, INDEX_NAME, write_lost
from aoftool.repair.model import FilePlan, Method, Plan
from aoftool.repair.undo import take_back
from aoftool.repair.writing import Place, write_planned

__all__ = ["write_elsewhere"]


def write_elsewhere(
    plan: Plan,
    out: str,
    *,
    force: bool = False,
    calls: SystemCalls = SYSTEM,
    progress: Progress = no_progress,
) -> list[str]:
    """Write the repaired log to another place and return what was written.

    A single file goes to a file, a multi-part log to a directory with all its files; what was taken
    out goes beside it, `.lost-and-found` in its name. Nothing is left when it fails.

    Args:
        plan: made for another place, so that files keep their names.
        out: a file or directory that must not exist, or, with `force`, a file to replace.
        progress: told of bytes of repaired files written.

    Raises:
        OutputExistsError: the output is there.
        RefusedError: the output is the input.
        ReadFailedError: bytes of the input cannot be had.
        SinkError, VerifyError: it could not be written whole.
    """
    refuse_stale(plan, but=None if plan.manifest is None else plan.manifest[0])
    inputs = [path for path, _ in plan.inputs]
    refuse_same_file(out, inputs)
    multi_part = plan.kind == "multi-part"
    if os.path.lexists(out) and (multi_part or not force):
        raise folder_exists(out) if multi_part else output_exists(out)
    with _lost_and_found(plan, inputs, out, calls) as lost:
        before = _identity(out)
        try:
            if multi_part:
                written = _directory(plan, inputs, out, calls, progress)
            else:
                written = [_file(plan, inputs, out, force, calls, progress)]
        except BaseException:
            if lost is not None and _identity(out) not in (None, before):
                # It has its name, and what it lacks is to lie beside it.
                lost.place(calls)
            raise
        try:
            return written + ([] if lost is None else lost.place(calls))
        except BaseException:
            if lost is not None and not force and not lost.is_placed:
                # What it lacks was to lie beside it.
                take_back(None, written)
            raise


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _file(
    plan: Plan, inputs: Iterable[str], out: str, force: bool, calls: SystemCalls, progress: Progress
) -> str:
    changed = next((file for file in plan.files if file.method is not Method.REMOVE), None)
    if changed is None:
        copy_file(next(iter(inputs)), out, force=force, calls=calls)
    else:
        place = Place(out, force=force, access=narrowest_access(inputs))
        write_planned(changed, place, calls, progress=progress)
    return out


def _directory(plan: Plan, inputs: list[str], out: str, calls: SystemCalls, progress: Progress) -> list[str]:
    access = access_of(os.stat(plan.directory or os.curdir))
    with new_directory(out, access, calls) as folder:
        _fill(plan, inputs, folder, calls, progress)
        names = folder.names()
    return [os.path.join(out, name) for name in names]


def _fill(plan: Plan, inputs: list[str], folder: Folder, calls: SystemCalls, progress: Progress) -> None:
    planned: dict[str, FilePlan] = {file.path: file for file in plan.files}
    access = narrowest_access(inputs)
    for path in dict.fromkeys((*inputs, *planned)):
        file = planned.get(path)
        name = path if file is None else file.becomes or path
        target = folder.join(os.path.basename(name))
        if plan.manifest is not None and path == plan.manifest[0]:
            # As it was when the files were opened that it lists, whatever it says by now.
            raw = plan.manifest[1] if file is None or file.contents is None else file.contents
            own = narrowest_access([path]) or access
            write_atomically(target, [raw], access=own, folder=folder, calls=calls)
        elif file is None:
            copy_file(path, target, folder=folder, calls=calls)
        elif file.method is not Method.REMOVE:
            write_planned(file, Place(target, folder=folder, access=access), calls, progress=progress)


@contextmanager
def _lost_and_found(plan: Plan, inputs: list[str], out: str, calls: SystemCalls) -> Iterator[_Lost | None]:
    """Give what is taken out, written before the output has its name; None where that is nothing.

    It goes at the end, with what was not given its place.
    """
    if not any(edit.taken_bytes for _, edit in plan.edits()):
        yield None
        return
    access = narrowest_access(inputs) or PRIVATE
    path = f"{out.rstrip(os.sep)}{LOST_SUFFIX}"
    temporary = temporary_folder_name(os.path.basename(path))
    try:
        parent, name = parent_of(os.path.abspath(path))
        with parent, growing(parent, temporary, 0o700, calls) as folder:
            write_lost(plan, folder, access, calls)
            yield _Lost(path, parent, temporary, name, folder, access)
    except OSError as error:
        raise cannot_write(path, error) from error


@dataclass(frozen=True)
class _Lost:
    """What was taken out, in a folder that goes, and where it belongs."""

    path: str
    parent: Folder
    temporary: str
    name: str
    folder: Folder
    access: Access

    @property
    def is_placed(self) -> bool:
        """Tell whether it is where it belongs."""
        return self.parent.holds(self.name, self.folder)

    def place(self, calls: SystemCalls) -> list[str]:
        """Give it its place beside the output, for whoever may read the log; return the paths."""
        if self.parent.look(self.name) is None:
            access = self.access.for_folder()
            give_access(self.folder.descriptor, access, self.path, keep_owner=False, calls=calls)
            self.parent.require(self.temporary, self.folder)
            here = self.parent.descriptor
            calls.rename(self.temporary, self.name, here, here)
            self.parent.sync(calls)
        else:
            with self.parent.enter(self.name) as folder:
                for name in (BYTES_NAME, INDEX_NAME):
                    calls.rename(name, name, self.folder.descriptor, folder.descriptor)
                folder.sync(calls)
        return [os.path.join(self.path, name) for name in (BYTES_NAME, INDEX_NAME)]
