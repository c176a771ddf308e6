"""A plan: what a repair will do to which bytes, as data.

A plan is computed without writing, shown by `--dry-run` and before the question, and carried out as it
stands. It refers to its inputs by size, modification time and inode, so that applying can refuse when
they changed. Knows nothing of how damage is found and nothing of writing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import Enum
from typing import Any

from aoftool.dataclass import dataclass, field
from aoftool.escape import json_bytes
from aoftool.repair.choice import Choice

__all__ = [
    "Edit",
    "EditKind",
    "FilePlan",
    "Method",
    "Plan",
    "Rebuild",
    "Stamp",
    "Statistics",
]

# How many suspect keys a plan keeps: enough to look at, never enough to fill memory.
MAX_SUSPECTS = 1000


class EditKind(str, Enum):
    """What an edit does to its span."""

    CUT = "cut"
    DROP = "drop"
    REPLACE = "replace"
    INSERT = "insert"


@dataclass(frozen=True)
class Edit:
    """One change to a span of bytes of one file.

    Attributes:
        kind: CUT and DROP take bytes out (a CUT reaches to the end of the file), REPLACE puts `data` in
            their place, INSERT has an empty span.
        start, end: half-open span in the original file.
        data: bytes to put there.
        code: code of the finding it answers.
        reason: one sentence for people.
        commands: whole commands taken out.
        lossless: every byte of meaning is kept: only framing changes.
        doubtful: commands that stay but may differ from what the log meant.
    """

    kind: EditKind
    start: int
    end: int
    data: bytes = b""
    code: str = ""
    reason: str = ""
    commands: int = 0
    lossless: bool = False
    doubtful: int = 0

    @property
    def taken_bytes(self) -> int:
        """Bytes of the original that go to the lost-and-found file."""
        return self.end - self.start

    def to_dict(self) -> dict[str, Any]:
        """Return the edit as JSON members."""
        members: dict[str, Any] = {
            "kind": self.kind.value,
            "start": self.start,
            "end": self.end,
            "code": self.code,
            "reason": self.reason,
            "commands": self.commands,
            "lossless": self.lossless,
            "doubtful": self.doubtful,
        }
        if self.data:
            members |= json_bytes("data", self.data)
        return members


class Method(str, Enum):
    """How a file gets its new contents.

    Attributes:
        CUT: shortened in place.
        REWRITE: written anew beside and swapped in.
        CREATE: did not exist.
        REMOVE: set aside: no longer part of the log.
    """

    CUT = "cut"
    REWRITE = "rewrite"
    CREATE = "create"
    REMOVE = "remove"


@dataclass(frozen=True)
class Stamp:
    """How a file looked when the plan was made."""

    size_bytes: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """Return the stamp of a file with this status."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)

    def to_dict(self) -> dict[str, int]:
        """Return the stamp as JSON members."""
        return {"size_bytes": self.size_bytes, "mtime_ns": self.mtime_ns, "inode": self.inode}


@dataclass(frozen=True)
class Rebuild:
    """An RDB part that is written anew as commands, from the records that are kept of it.

    Attributes:
        end: where the part ends in the original; what follows stays, edits applied.
        magic: magic and version to read the records by.
        target: name of the server family that the commands are for.
        spans: start, end and open database of stretches of records, ascending.
        skipped: offsets of records in them that are left out.
        functions: spans of function libraries.
        scripts: scripts to load.
        named: the AUX fields that name the writer, which an RDB part without keys carries in front.
        followed: commands follow in the same file.
        keys: keys that are written.
        size_bytes: of the commands.
    """

    end: int
    magic: bytes
    target: str
    spans: tuple[tuple[int, int, int], ...] = ()
    skipped: frozenset[int] = frozenset()
    functions: tuple[tuple[int, int], ...] = ()
    scripts: tuple[bytes, ...] = ()
    named: tuple[tuple[bytes, bytes], ...] = ()
    followed: bool = False
    keys: int = 0
    size_bytes: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return what it comes to as JSON members."""
        return {
            "end": self.end,
            "target": self.target,
            "keys": self.keys,
            "functions": len(self.functions),
            "size_bytes": self.size_bytes,
        }


@dataclass(frozen=True)
class FilePlan:
    """What becomes of one file.

    Attributes:
        path: the file as it is now, or will be for CREATE.
        method: how it gets its new contents.
        stamp: None for a file that does not exist yet.
        edits: ascending and not overlapping.
        contents: whole new contents, for CREATE and for small files written anew, such as manifests.
        becomes: path it has afterwards; the same as `path` unless the manifest gives it a new name.
        transform: name of a repair of the whole text, applied before `edits` are counted; empty for
            none.
        reason: why the file as a whole is changed.
        rebuild: how its RDB part is written as commands; edits before the end of the part then only
            name what is left out. None for any other repair.
    """

    path: str
    method: Method
    stamp: Stamp | None = None
    edits: tuple[Edit, ...] = ()
    contents: bytes | None = None
    becomes: str = ""
    transform: str = ""
    reason: str = ""
    rebuild: Rebuild | None = None

    @property
    def size_after(self) -> int:
        """Bytes the file will have; of a transformed file not known before."""
        if self.contents is not None:
            return len(self.contents)
        size = 0 if self.stamp is None else self.stamp.size_bytes
        edits = self.edits
        if self.rebuild is not None:
            size += self.rebuild.size_bytes - self.rebuild.end
            edits = tuple(edit for edit in edits if edit.start >= self.rebuild.end)
        return size + sum(len(edit.data) - edit.taken_bytes for edit in edits)

    @property
    def cut_at(self) -> int | None:
        """Offset of the cut if cutting the tail is all that happens, else None."""
        if len(self.edits) == 1 and self.edits[0].kind is EditKind.CUT:
            return self.edits[0].start
        return None

    def kept(self) -> Iterator[tuple[int, int]]:
        """Yield the spans of the original that stay, ascending."""
        at = 0
        for edit in self.edits:
            if edit.start > at:
                yield at, edit.start
            at = edit.end
        if self.stamp is not None and at < self.stamp.size_bytes:
            yield at, self.stamp.size_bytes

    def to_dict(self) -> dict[str, Any]:
        """Return the file's plan as JSON members."""
        members: dict[str, Any] = {
            "path": self.path,
            "becomes": self.becomes or self.path,
            "method": self.method.value,
            "reason": self.reason,
            "before": None if self.stamp is None else self.stamp.to_dict(),
            "size_after": None if self.transform else self.size_after,
            "transform": self.transform,
            "rebuild": None if self.rebuild is None else self.rebuild.to_dict(),
            "edits": [edit.to_dict() for edit in self.edits],
        }
        if self.contents is not None:
            members |= json_bytes("contents", self.contents)
        return members


def _holds_more_than_edits(file: FilePlan) -> bool:
    """Tell whether what becomes of a file as a whole may lose something, whatever its edits say.

    A part that is written anew from what can be read of it may have held more.
    """
    is_gone = file.method is Method.REMOVE and (file.stamp is None or file.stamp.size_bytes > 0)
    return is_gone or file.rebuild is not None


@dataclass
class Statistics:
    """What a plan keeps and takes, over all files.

    Attributes:
        bytes_kept, bytes_set_aside, bytes_added: of the original files; set aside means it goes to the
            lost-and-found file or stays in a file that is no longer listed.
        commands_kept, commands_set_aside: whole commands.
        commands_removed: those of them that stand in files which leave the log.
        commands_doubtful: kept, but the log may have meant something else: their database or the value
            they change is in doubt.
        keys_kept, keys_lost: of RDB parts; keys_lost None when it cannot be counted.
    """

    bytes_kept: int = 0
    bytes_set_aside: int = 0
    bytes_added: int = 0
    commands_kept: int = 0
    commands_set_aside: int = 0
    commands_removed: int = 0
    commands_doubtful: int = 0
    keys_kept: int = 0
    keys_lost: int | None = 0

    def to_dict(self) -> dict[str, int | None]:
        """Return the statistics as JSON members."""
        return dict(vars(self))


@dataclass
class Plan:
    """Everything a repair will do to one log.

    Attributes:
        path: what was asked to be fixed.
        kind: layout of the log.
        directory: where receipt, originals and lost-and-found go.
        files: in load order; a manifest that changes comes behind them, then files that leave the log.
        inputs: every file of the log as it was read, changed or not.
        listed: paths of the files that make up the log, in load order, as they were found.
        manifest: path and content of the manifest as it was read; None where there is none, or it is packed.
        statistics: see `Statistics`.
        suspects: keys that relative commands touched after a gap, printable; at most a thousand.
        left: codes and sentences of what stays wrong, and which option would repair it.
        left_options: those that would repair what stays, where there are any.
        not_judged: sentences of what stays because nothing here knows it.
        notes: what to know before saying yes.
        doubts: those of them that say that the result may not be what the log held: a file is missing.
        choice: what was asked for, for the receipt.
        goes_without: files that were listed and are not there are listed no more.
        is_one_of_several: the files of the set can be read in another way, too.
    """

    path: str
    kind: str
    directory: str
    files: list[FilePlan] = field(default_factory=list)
    inputs: list[tuple[str, Stamp]] = field(default_factory=list)
    listed: tuple[str, ...] = ()
    manifest: tuple[str, bytes] | None = None
    statistics: Statistics = field(default_factory=Statistics)
    suspects: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    left_options: tuple[str, ...] = ()
    not_judged: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    choice: Choice = field(default_factory=Choice)
    goes_without: bool = False
    is_one_of_several: bool = False

    @property
    def empty(self) -> bool:
        """Tell whether there is nothing to do."""
        return not self.files

    @property
    def lossless(self) -> bool:
        """Tell whether nothing that a server would have run is taken out, or missing from then on."""
        removed = self.goes_without or self.is_one_of_several
        removed = removed or any(map(_holds_more_than_edits, self.files))
        return not removed and all(edit.lossless for _, edit in self.edits())

    @property
    def loss(self) -> tuple[int, int]:
        """Return the bytes and whole commands that are taken out and were not mere framing or copies."""
        lossy = [edit for _, edit in self.edits() if not edit.lossless]
        removed = [file for file in self.files if file.method is Method.REMOVE]
        size = sum(edit.taken_bytes for edit in lossy)
        size += sum(file.stamp.size_bytes for file in removed if file.stamp is not None)
        commands = sum(edit.commands for edit in lossy) + self.statistics.commands_removed
        return size, commands

    def edits(self) -> Iterator[tuple[FilePlan, Edit]]:
        """Yield every edit with its file."""
        for file in self.files:
            for edit in file.edits:
                yield file, edit

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON members."""
        return {
            "path": self.path,
            "kind": self.kind,
            "directory": self.directory,
            "empty": self.empty,
            "lossless": self.lossless,
            "files": [file.to_dict() for file in self.files],
            "statistics": self.statistics.to_dict(),
            "suspect_keys": list(self.suspects),
            "left": [{"code": code, "text": text} for code, text in self.left],
            "not_judged": list(self.not_judged),
            "notes": list(self.notes),
        }
