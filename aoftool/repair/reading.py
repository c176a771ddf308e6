"""Read a receipt, which anybody may have written: believe nothing in it that was not looked at.

A receipt is a regular file in a folder beside the log; it speaks of files in the directory of that folder
alone, by plain names. Everything else is refused here, before anything is looked up by it.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any, TypeVar

from aoftool.errors import AoftoolError, FormatError, SourceError, UnsafePathError
from aoftool.escape import shown_path, shown_text
from aoftool.files.failures import reading
from aoftool.files.folder import Folder, parent_of
from aoftool.files.temporary import CHANGE_FOLDER, RECEIPT_NAME
from aoftool.next_step import instead, next_step
from aoftool.repair.folder import ORIGINALS, change_folders
from aoftool.repair.model import Stamp
from aoftool.repair.receipt import SCHEMA, Done, Receipt, Step, StepKind, receipt_digest

__all__ = ["OpenReceipt", "no_repair", "open_receipt", "read_receipt"]

_LIMIT = 64 << 20
_LARGEST = 1 << 64
# What servers call the folder of a log; a repair's own lies in it.
_LOG_FOLDER = "appendonlydir"
_NAMED = 8
# What has to be there of before, after, kept, becomes and tail.
_NEEDS = {
    StepKind.CUT: ("before", "after", "becomes", "tail"),
    StepKind.SWAP: ("before", "after", "kept", "becomes"),
    StepKind.REPLACE: ("before", "after", "kept", "becomes"),
    StepKind.CREATE: ("after", "becomes"),
    StepKind.REMOVE: ("before", "kept"),
    StepKind.LEFT: ("before",),
}

_T = TypeVar("_T")


class OpenReceipt:
    """A receipt with the directories that it is about, open.

    Attributes:
        receipt: what it says, its paths below the directory it lies in now.
        home: the directory of the log.
        folder: the folder with the receipt.
    """

    def __init__(self, receipt: Receipt, home: Folder, folder: Folder) -> None:
        self.receipt = receipt
        self.home = home
        self.folder = folder

    def __enter__(self) -> OpenReceipt:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the directories."""
        self.folder.close()
        self.home.close()


def open_receipt(path: str) -> OpenReceipt:
    """Read a receipt and open its folder and the directory of the log.

    Args:
        path: the receipt, or the folder it is in.

    Raises:
        SourceError: it is not there or cannot be read.
        FormatError: it is no receipt, or was altered.
        UnsafePathError: it is a link or no regular file, or speaks of files elsewhere.
    """
    home, folder = _directories(path)
    try:
        raw, owner = _content(folder)
        where = folder.join(RECEIPT_NAME)
        try:
            receipt = _receipt(json.loads(raw.decode("utf-8", "surrogateescape")), home, folder)
        except AoftoolError as error:
            error.path = where
            raise
        except (ValueError, RecursionError) as error:
            message = f"this is no receipt of aoftool: {_first_line(error)}"
            raise FormatError(message, path=where) from error
        receipt.owner = owner
        return OpenReceipt(receipt, home, folder)
    except BaseException:
        folder.close()
        home.close()
        raise


def read_receipt(path: str) -> Receipt:
    """Return what a receipt says; see `open_receipt` for what is raised."""
    with open_receipt(path) as opened:
        return opened.receipt


def _first_line(error: Exception) -> str:
    return shown_text(str(error).partition("\n")[0])[:200]


def _directories(path: str) -> tuple[Folder, Folder]:
    """Open the directory of the log and the folder in it that a path means."""
    whole = os.path.abspath(path)
    if os.path.basename(whole) == RECEIPT_NAME and not os.path.isdir(whole):
        whole = os.path.dirname(whole)
    try:
        home, name = parent_of(whole)
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        return home, home.enter(name)
    except OSError as error:
        home.close()
        if os.path.islink(whole):
            raise UnsafePathError(
                f"{shown_path(path)} is a symbolic link", path=path, hint="name the folder itself"
            ) from error
        if isinstance(error, NotADirectoryError):
            raise no_repair(path) from error
        raise _unreadable(path, error) from error


def no_repair(path: str, *options: str) -> SourceError:
    """Return what to raise for a path that is no folder of a repair; it names those that lie there.

    Args:
        options: of the call, for the line to type.
    """
    inside = path if os.path.isdir(path) else os.path.dirname(path) or os.curdir
    found = change_folders(inside) or change_folders(os.path.join(inside, _LOG_FOLDER))
    if len(found) == 1:
        hint = next_step("undo", found[0], *options)
    elif found:
        hint = instead(path, found[-_NAMED:])
    else:
        hint = "nothing here was repaired or rewritten in place, so nothing can be undone"
    message = f"{shown_path(path)} is no folder of a repair, nor the {RECEIPT_NAME} in one"
    return SourceError(message, path=path, hint=hint)


def _unreadable(path: str, error: OSError) -> SourceError:
    return SourceError(f"cannot read the receipt: {error.strerror}", path=path)


def _content(folder: Folder) -> tuple[bytes, int]:
    try:
        descriptor = folder.open_file(RECEIPT_NAME)
    except SourceError as error:
        if folder.look(RECEIPT_NAME) is None:
            if not CHANGE_FOLDER.fullmatch(os.path.basename(folder.path)):
                raise no_repair(folder.path) from error
            raise SourceError(
                f"there is no {RECEIPT_NAME} in it: no repair came so far as to change the log",
                path=folder.path,
                hint=next_step("undo", folder.path, "--forget"),
            ) from error
        raise
    path = folder.join(RECEIPT_NAME)
    with reading(path), os.fdopen(descriptor, "rb") as file:
        raw = file.read(_LIMIT + 1)
        if len(raw) > _LIMIT:
            raise FormatError(f"a receipt has at most {_LIMIT:,} bytes", path=path)
        return raw, os.fstat(descriptor).st_uid


# -- what it says ------------------------------------------------------------------------------


def _receipt(members: object, home: Folder, folder: Folder) -> Receipt:
    found = _typed(members, dict, "the whole")
    if found.get("schema") != SCHEMA:
        raise ValueError(f"schema is not {SCHEMA}")
    if found.get("sha256") != receipt_digest(found):
        raise FormatError(
            "the receipt was altered: its digest is another one",
            hint=f"what was kept lies beside it, in {ORIGINALS} and lost-and-found.bin",
        )
    steps = [_step(step) for step in _member(found, "steps", list)]
    _refuse_elsewhere(steps, home)
    return Receipt(
        folder.path,
        _member(found, "log", str),
        Done(_member(found, "state", str)),
        _member(found, "created", str),
        _member(found, "version", str),
        [_placed(step, home) for step in steps],
        _member(found, "plan", dict),
    )


def _step(value: object) -> Step:
    members = _typed(value, dict, "a step")
    tail = members.get("tail")
    step = Step(
        StepKind(_member(members, "kind", str)),
        _path(members, "path"),
        _path(members, "becomes"),
        _member(members, "kept", str),
        _stamp(members.get("before")),
        _stamp(members.get("after")),
        None if tail is None else _tail(tail),
        _member(members, "tail_sha256", str),
        _member(members, "kept_sha256", str) if "kept_sha256" in members else "",
    )
    missing = [name for name in _NEEDS[step.kind] if not getattr(step, name)]
    if missing or not step.name:
        raise ValueError(f"a step of kind {step.kind.value} without {', '.join(missing) or 'path'}")
    if step.kept and step.kept != os.path.join(ORIGINALS, step.name):
        raise UnsafePathError("the receipt has an original in another place than repairs put it")
    if step.kind in (StepKind.CUT, StepKind.SWAP, StepKind.CREATE) and step.becomes != step.path:
        raise ValueError(f"a step of kind {step.kind.value} with two names")
    if step.kind is StepKind.CUT and not _cut_fits(step):
        raise ValueError("a cut whose sizes do not fit its tail")
    return step


def _cut_fits(step: Step) -> bool:
    assert step.before is not None
    assert step.after is not None
    assert step.tail is not None
    lost = step.before.size_bytes - step.after.size_bytes
    return step.tail[1] == lost > 0 and step.before.inode == step.after.inode


def _refuse_elsewhere(steps: list[Step], home: Folder) -> None:
    """Refuse files that are not in the directory the receipt's folder is in, unless all of it was moved."""
    paths = [path for step in steps for path in (step.path, step.becomes) if path]
    folders = {os.path.dirname(path) for path in paths}
    if len(folders) > 1:
        raise UnsafePathError("the receipt speaks of files in several folders")
    for recorded in folders:
        with suppress(OSError):
            status, own = os.stat(recorded), os.fstat(home.descriptor)
            if (status.st_dev, status.st_ino) != (own.st_dev, own.st_ino):
                message = (
                    f"the receipt speaks of files in {shown_path(recorded)},"
                    f" and lies in {shown_path(home.path)}"
                )
                raise UnsafePathError(message)


def _placed(step: Step, home: Folder) -> Step:
    """Return a step with its paths in the directory that is open."""
    becomes = home.join(step.new_name) if step.becomes else ""
    return Step(
        step.kind,
        home.join(step.name),
        becomes,
        step.kept,
        step.before,
        step.after,
        step.tail,
        step.tail_sha256,
        step.kept_sha256,
    )


def _path(members: dict[str, Any], name: str) -> str:
    """Return an absolute path with a plain last name; empty stays empty."""
    path = _member(members, name, str)
    if path and (not os.path.isabs(path) or os.path.basename(path) in ("", ".", "..")):
        raise UnsafePathError("the receipt has a path that is not whole")
    return path


def _stamp(value: object) -> Stamp | None:
    if value is None:
        return None
    members = _typed(value, dict, "a stamp")
    return Stamp(*(_number(members.get(name)) for name in ("size_bytes", "mtime_ns", "inode")))


def _tail(value: object) -> tuple[int, int]:
    found = _typed(value, list, "tail")
    if len(found) != 2:
        raise ValueError("a tail is an offset and a length")
    return _number(found[0]), _number(found[1])


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < _LARGEST:
        raise ValueError("a number that is none, or out of range")
    return value


def _member(members: dict[str, Any], name: str, kind: type[_T]) -> _T:
    if name not in members:
        raise ValueError(f"no {name}")
    return _typed(members[name], kind, name)


def _typed(value: object, kind: type[_T], name: str) -> _T:
    if not isinstance(value, kind):
        raise ValueError(f"{name} is not of type {kind.__name__}")
    text: object = value
    if isinstance(text, str) and "\0" in text:
        raise ValueError(f"{name} has a zero byte in it")
    return value
