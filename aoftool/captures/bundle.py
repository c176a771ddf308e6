"""Reads what was captured: files, directories, `.tgz` and `.zip`. Bounded, and never out of the place given.

Links are not followed, special files not opened; of a long text the end is read. What was left out is told.
"""

from __future__ import annotations

import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import Protocol

from aoftool.captures.lines import MAX_BYTES, Text, text_of
from aoftool.dataclass import dataclass, field
from aoftool.errors import InputError
from aoftool.escape import shown_path
from aoftool.files.failures import cannot_open, reading
from aoftool.next_step import quoted
from aoftool.units import and_more, counted

__all__ = ["Texts", "read_texts"]

_MAX_FILES = 2000
_MAX_TOTAL = 512 << 20
_MAX_DEPTH = 6
_PIECE = 1 << 20
_SHOWN = 5
_ARCHIVES = (".tgz", ".tar.gz", ".tar", ".tar.xz", ".tar.bz2", ".zip")
# Folders within a capture.
_PARTS = ("proc", "sys", "latency-history")
_ENCRYPTED = 1
# The last is the word of zipfile for a compression that it does not know.
_ARCHIVE_ERRORS = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError)


@dataclass(slots=True)
class Texts:
    """What was read, and in words what was not.

    Attributes:
        places: for each text the folder or archive that it was found in; empty for one that was named.
    """

    texts: list[Text] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    total: int = 0

    def add(self, name: str, raw: bytes, is_cut: bool, place: str = "") -> None:
        """Take one file; one with NUL bytes at its start is no text."""
        self.total += len(raw)
        if b"\0" in raw[:4096]:
            self.left_out.append(f"{name} is no text")
        else:
            self.texts.append(text_of(name, raw, is_cut=is_cut))
            self.places.append(place)

    @property
    def is_full(self) -> bool:
        """Tell whether no more is read, and say so once."""
        full = len(self.texts) >= _MAX_FILES or self.total >= _MAX_TOTAL
        if full and (not self.left_out or not self.left_out[-1].startswith("more than")):
            self.left_out.append(
                f"more than {_MAX_FILES} files or {_MAX_TOTAL >> 20} MiB: the rest was not read"
            )
        return full


def read_texts(path: str, into: Texts) -> None:
    """Read one file, directory or archive; a directory with one archive and no text is that archive.

    Raises:
        InputError: it is not there, may not be read, is an archive that does not open, or holds several.
        ReadFailedError: the system gives an error in place of its bytes.
    """
    try:
        kind = os.stat(path).st_mode
    except OSError as error:
        raise cannot_open(error, path) from error
    except ValueError as error:
        raise InputError("is no name of a file", path=path) from error
    if stat.S_ISDIR(kind):
        _read_directory(path, into)
        return
    if not stat.S_ISREG(kind):
        raise InputError("is no file and no directory", path=path)
    if not _read_archive(path, into):
        _read_file(path, os.path.basename(path), into, must=True)


def _read_directory(path: str, into: Texts) -> None:
    before = len(into.texts)
    archives: list[str] = []
    for found, name in _walk(path, "", 0):
        if into.is_full:
            return
        if name.lower().endswith(_ARCHIVES):
            archives.append(found)
        else:
            _read_file(found, name, into, place=_place(path, name))
    if len(into.texts) == before and len(archives) == 1 and _read_archive(archives[0], into):
        return
    names = [os.path.relpath(found, path) for found in archives]
    if len(into.texts) == before and archives:
        raise InputError(
            f"holds {counted(len(names), 'archive')} and no text: {_some(names)}",
            path=path,
            hint=f"name one of them, such as {quoted(archives[0])}",
        )
    into.left_out += [f"{shown_path(name)} is an archive: name it itself" for name in names]


def _some(names: list[str]) -> str:
    shown = ", ".join(shown_path(name) for name in names[:_SHOWN])
    return shown + and_more(len(names) - _SHOWN)


def _place(root: str, name: str) -> str:
    """Return the folder of a capture that a file belongs to: parts of one lie in folders of known names."""
    parts = name.split("/")[:-1]
    inside = next((index for index, part in enumerate(parts) if part in _PARTS), len(parts))
    return "/".join([root.rstrip("/") or "/", *parts[:inside]])


def _walk(directory: str, prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    with reading(directory), os.scandir(directory) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.is_symlink():
            continue
        if entry.is_file(follow_symlinks=False):
            yield entry.path, prefix + entry.name
        elif entry.is_dir(follow_symlinks=False) and depth < _MAX_DEPTH:
            yield from _walk(entry.path, prefix + entry.name + "/", depth + 1)


def _read_file(path: str, name: str, into: Texts, *, must: bool = False, place: str = "") -> None:
    # A directory is walked without its links; a file that was named may be one.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if must else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if must:
            raise cannot_open(error, path) from error
        into.left_out.append(f"{name} cannot be read")
        return
    with reading(path), open(descriptor, "rb", buffering=0) as file:
        size = os.fstat(descriptor).st_size
        if size > MAX_BYTES:
            file.seek(size - MAX_BYTES)
        raw = _read_all(file)
    into.add(name, raw, size > MAX_BYTES, place)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _read_all(file: _Readable) -> bytes:
    """Read to the end or the bound, a piece at a time: what a size says is believed by nobody."""
    pieces: list[bytes] = []
    size = 0
    while size < MAX_BYTES and (piece := file.read(min(_PIECE, MAX_BYTES - size))):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _read_archive(path: str, into: Texts) -> bool:
    """Read an archive; tell whether the file is one."""
    with reading(path), open(path, "rb") as file:
        head = file.read(512)
    try:
        if head.startswith(b"PK\x03\x04"):
            _read_zip(path, into)
        elif head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")) or head[257:262] == b"ustar":
            _read_tar(path, into)
        else:
            return False
    except _ARCHIVE_ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:
            # The disk's word, and none about the archive: a gzip header that is none has no number.
            raise cannot_open(error, path) from error
        if not into.texts:
            raise InputError("is an archive that does not open", path=path) from error
        into.left_out.append("the archive is damaged: what is behind the damage was not read")
    return True


def _read_tar(path: str, into: Texts) -> None:
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            if into.is_full:
                return
            if member.isfile() and (file := archive.extractfile(member)) is not None:
                raw = _read_all(file)
                place = _place(path, member.name)
                into.add(_inner_name(member.name), raw, member.size > MAX_BYTES, place)


def _read_zip(path: str, into: Texts) -> None:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if into.is_full:
                return
            if not member.is_dir():
                if member.flag_bits & _ENCRYPTED:
                    hint = f"unzip {quoted(path)} -d FOLDER, then name the folder"
                    raise InputError("is an archive with a password", path=path, hint=hint)
                with archive.open(member) as file:
                    raw = _read_all(file)
                is_cut, place = member.file_size > MAX_BYTES, _place(path, member.filename)
                into.add(_inner_name(member.filename), raw, is_cut, place)


def _inner_name(name: str) -> str:
    """Return the name without the one directory that archives begin with, and without ways out."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    while len(parts) > 1 and parts[0] not in _PARTS:
        parts.pop(0)
    return "/".join(parts)
