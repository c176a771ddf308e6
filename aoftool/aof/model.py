"""What the files of a log are, as plain records.

Made by `aoftool.aof.layout`; nothing here touches a file.
"""

from __future__ import annotations

import os
from enum import Enum
from typing import Any

from aoftool.aof.manifest import FileType, Manifest, ManifestCode
from aoftool.dataclass import dataclass, field
from aoftool.escape import printable, shown_path
from aoftool.front import use_case

__all__ = ["ROLES", "FileRole", "LayoutCode", "LayoutProblem", "Log", "LogFile", "LogKind", "Place"]


class LogKind(str, Enum):
    """The shape of a log; the values are stable and appear in JSON."""

    SINGLE = "single"
    MULTI_PART = "multi-part"
    RDB = "rdb"
    STDIN = "stdin"


class FileRole(str, Enum):
    """The part a file plays in its log.

    Attributes:
        SINGLE: an old-style AOF, or one file of a multi-part AOF that was named by itself.
        RDB: an RDB that is no part of an AOF.
    """

    BASE = "base"
    INCR = "incr"
    HISTORY = "history"
    SINGLE = "single"
    RDB = "rdb"


ROLES = {FileType.BASE: FileRole.BASE, FileType.INCR: FileRole.INCR, FileType.HISTORY: FileRole.HISTORY}
"""The role of a file by the type that a manifest, or its own name, gives it."""


class LayoutCode(str, Enum):
    """Name what is wrong, or worth knowing, about the files of a log; values are stable."""

    MANIFEST_MISSING = "manifest-missing"
    MANIFEST_OTHER_TEXT = "manifest-other-text"
    MANIFEST_UNREADABLE = "manifest-unreadable"
    MANIFEST_TOO_LARGE = "manifest-too-large"
    ALL_EMPTY = "all-empty"
    NO_FILES_LISTED = "no-files-listed"
    NO_BASE = "no-base"
    OTHER_GENERATION = "other-generation"
    OTHER_GENERATION_PART = "other-generation-part"
    NEWER_GENERATION = "newer-generation"
    MISSING_FILE = "missing-file"
    MISSING_HISTORY = "missing-history"
    UNSAFE_NAME = "unsafe-name"
    LINK_OUT = "link-out"
    NOT_A_FILE = "not-a-file"
    LISTED_TWICE = "listed-twice"
    EMPTY_BASE = "empty-base"
    EMPTY_RESP_BASE = "empty-resp-base"
    EMPTY_INCR = "empty-incr"
    HISTORY_LISTED = "history-listed"
    SEQ_GAP = "seq-gap"
    ORPHAN_FILE = "orphan-file"
    ORPHAN_NEXT = "orphan-next"
    STALE_TEMP = "stale-temp"
    FRESH_TEMP = "fresh-temp"
    OLD_STYLE_BESIDE = "old-style-beside"
    MANIFEST_BESIDE = "manifest-beside"
    SET_BESIDE = "set-beside"
    PART_OF_SET = "part-of-set"
    UPGRADE_PENDING = "upgrade-pending"
    DUMP_BESIDE = "dump-beside"


@dataclass(frozen=True)
class LayoutProblem:
    """Hold one thing about the files of a log. How bad it is, is for `aoftool.check` to say.

    Attributes:
        code: what it is; manifest codes come with the text of the server.
        message: printable, for people.
        path: the file concerned, None when it is the log as a whole.
        line: line of the manifest, 0 when no line is concerned.
        sequence: sequence number concerned, None when there is none.
    """

    code: LayoutCode | ManifestCode
    message: str
    path: str | None = None
    line: int = 0
    sequence: int | None = None


@dataclass(frozen=True)
class LogFile:
    """Hold one file of a log.

    Attributes:
        path: where it is, or should be; `-` for standard input.
        role: the part it plays.
        name: the name in the manifest, or on disk; bytes.
        sequence: number in the manifest or in the name, None for a single file.
        size_bytes: size on disk, before decompression; None when unknown.
        listed: whether a manifest names it; true for a file that needs none.
        exists: whether there is a regular file that may be read. False also for a name that leads
            out of the directory: such a file is never opened.
        line: line of the manifest, 0 for none.
        is_unsafe: the name leads out of the directory of the log.
        links_out: it does so as a symbolic link to a file, which servers follow.
    """

    path: str
    role: FileRole
    name: bytes = b""
    sequence: int | None = None
    size_bytes: int | None = None
    listed: bool = True
    exists: bool = True
    line: int = 0
    is_unsafe: bool = False
    links_out: bool = False

    @property
    def shown_name(self) -> str:
        """Return its name as it may be shown."""
        return printable(self.name or os.fsencode(os.path.basename(self.path)))


@dataclass(frozen=True)
class Log:
    """Hold everything that makes up one log.

    Attributes:
        kind: its shape.
        path: what the caller named.
        files: in the order a server loads them. With a manifest that no server reads they are those
            that could be read from it; without a manifest those that the directory holds.
        history: files that a rewrite replaced; never loaded.
        unlisted: data files of the directory that the manifest does not name.
        problems: what is wrong with the layout, manifest first.
        directory: the AOF directory, or where a single file is; None for standard input.
        manifest_path: None when there is no manifest.
        manifest: as a server reads it; None when there is none.
        joined: the same as Valkey 9.1 reads it, None where that makes no difference. What only that
            server reads, it alone decides on `files`.
        manifest_raw: its bytes; None where there is none, where it is packed, or too long to be read whole.
        prefix: `appendfilename` of the server, as far as names show it; empty when they do not.
    """

    kind: LogKind
    path: str
    files: tuple[LogFile, ...]
    history: tuple[LogFile, ...] = ()
    unlisted: tuple[LogFile, ...] = ()
    problems: tuple[LayoutProblem, ...] = ()
    directory: str | None = None
    manifest_path: str | None = None
    manifest: Manifest | None = None
    prefix: bytes = b""
    joined: Manifest | None = None
    manifest_raw: bytes | None = field(default=None, repr=False)

    @property
    def size_bytes(self) -> int | None:
        """Stored bytes of all files that a server loads; None for standard input."""
        if self.kind is LogKind.STDIN:
            return None
        return sum(file.size_bytes or 0 for file in self.files)

    @property
    def generation(self) -> str:
        """What tells this state of a multi-part log from those before and after, in words; else empty."""
        if self.kind is not LogKind.MULTI_PART:
            return ""
        incrs = [file.sequence for file in self.files if file.role is FileRole.INCR]
        words = [f"base {file.sequence}" for file in self.files if file.role is FileRole.BASE]
        if incrs:
            words.append(f"incr {incrs[0]}" + (f" to {incrs[-1]}" if len(incrs) > 1 else ""))
        return ", ".join(words)

    def to_arrow(self, name: str) -> Any:
        """Return a table of the log for whatever takes Arrow streams: pandas, polars, pyarrow, DuckDB.

        The object has `__arrow_c_stream__` of the Arrow PyCapsule interface, and nothing is read before
        somebody asks for rows; each stream that is asked for reads the log anew, in bounded memory.
        docs/export.md has the columns.

        Args:
            name: `commands`, `keys`, `files`, `findings`, `events` or `growth`.

        Raises:
            UsageError: there is no such table.
            MissingExtraError: the extra `aoftool[data]` is not installed.
        """
        return use_case("to_arrow")(self, name)

    def _repr_html_(self) -> str:
        """Return its files as a table for notebooks."""
        from aoftool.tables.page import rows_html

        rows = [
            (file.shown_name, file.role.value, file.sequence, file.size_bytes, file.exists)
            for file in self.files
        ]
        caption = f"{shown_path(self.path)}: {self.kind.value}"
        return rows_html(caption, ("file", "role", "sequence", "size_bytes", "exists"), rows)

    @property
    def last_file(self) -> LogFile | None:
        """The file a server appends to; a torn tail is harmless only there."""
        return self.files[-1] if self.files else None


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """An offset in one file of a log.

    Attributes:
        file: number of the file in load order.
        offset: absolute, in that file.
    """

    file: int
    offset: int
