"""Write a repaired log somewhere else and leave the input as it is."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable

from aoftool.errors import OutputExistsError, SinkError
from aoftool.escape import printable
from aoftool.files.inplace import copy_file
from aoftool.files.sink import refuse_same_file, sync_parent
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.progress import Progress, no_progress
from aoftool.repair.apply import refuse_stale
from aoftool.repair.lost import BYTES_NAME, INDEX_NAME, write_lost
from aoftool.repair.model import FilePlan, Method, Plan
from aoftool.repair.writing import write_planned

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
        SinkError, VerifyError: it could not be written whole.
    """
    refuse_stale(plan)
    inputs = [path for path, _ in plan.inputs]
    refuse_same_file(out, inputs)
    multi_part = plan.kind == "multi-part"
    if os.path.lexists(out) and (multi_part or not force):
        hint = None if multi_part else "--force replaces it"
        raise OutputExistsError(f"{_shown(out)} exists already", path=out, hint=hint)
    if multi_part:
        written = _directory(plan, inputs, out, calls, progress)
    else:
        written = [_file(plan, inputs, out, force, calls, progress)]
    return written + _lost(plan, out, calls)


def _shown(path: str) -> str:
    return printable(os.fsencode(path))


def _file(
    plan: Plan, inputs: Iterable[str], out: str, force: bool, calls: SystemCalls, progress: Progress
) -> str:
    changed = next((file for file in plan.files if file.method is not Method.REMOVE), None)
    if changed is None:
        copy_file(next(iter(inputs)), out, force=force, calls=calls)
    else:
        write_planned(changed, out, calls, force=force, progress=progress)
    return out


def _directory(plan: Plan, inputs: list[str], out: str, calls: SystemCalls, progress: Progress) -> list[str]:
    folder = f"{out.rstrip(os.sep)}.aoftool-{secrets.token_hex(4)}.tmp"
    try:
        os.mkdir(folder, 0o755)
        try:
            _fill(plan, inputs, folder, calls, progress)
            calls.rename(folder, out)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        sync_parent(os.path.abspath(out), calls)
    except OSError as error:
        raise SinkError(f"cannot write {_shown(out)}: {error.strerror}", path=out) from error
    return [os.path.join(out, name) for name in sorted(os.listdir(out))]


def _fill(plan: Plan, inputs: list[str], folder: str, calls: SystemCalls, progress: Progress) -> None:
    planned: dict[str, FilePlan] = {file.path: file for file in plan.files}
    for path in dict.fromkeys((*inputs, *planned)):
        file = planned.get(path)
        name = path if file is None else file.becomes or path
        target = os.path.join(folder, os.path.basename(name))
        if file is None:
            copy_file(path, target, calls=calls)
        elif file.method is not Method.REMOVE:
            write_planned(file, target, calls, progress=progress)


def _lost(plan: Plan, out: str, calls: SystemCalls) -> list[str]:
    """Put what was taken out beside the output."""
    folder = f"{out.rstrip(os.sep)}.lost-and-found"
    if not any(edit.taken_bytes for _, edit in plan.edits()):
        return []
    try:
        os.makedirs(folder, 0o755, exist_ok=True)
        for name in (BYTES_NAME, INDEX_NAME):
            if os.path.exists(os.path.join(folder, name)):
                calls.unlink(os.path.join(folder, name))
    except OSError as error:
        raise SinkError(f"cannot write {_shown(folder)}: {error.strerror}", path=folder) from error
    write_lost(plan, folder, calls)
    return [os.path.join(folder, name) for name in (BYTES_NAME, INDEX_NAME)]
