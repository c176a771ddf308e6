"""Findings about a sealed copy: whether every file is as it was when it was sealed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

from aoftool.aof.model import Log
from aoftool.check.model import Finding, Remedy
from aoftool.errors import FormatError, InputError
from aoftool.escape import printable, shown_path
from aoftool.files import open_source
from aoftool.files.failures import reading
from aoftool.files.seal import SEAL_NAME, Seal, SealedFile, read_seal
from aoftool.units import counted

__all__ = ["find_in_seal"]

_ANOTHER = (Remedy("take another copy", text="this one is not as it was sealed", by_hand=True),)
_PIECE = 1 << 18


def find_in_seal(log: Log) -> Iterator[Finding]:
    """Yield what differs from the seal of a copy; where nothing does, that it holds; nothing without one."""
    if log.directory is None:
        return
    path = os.path.join(log.directory, SEAL_NAME)
    try:
        seal = read_seal(log.directory)
    except FormatError as error:
        yield Finding.of("seal-broken", path, error.message, remedies=_ANOTHER)
        return
    if seal is None:
        return
    broken = list(_differences(log.directory, seal))
    broken += _unsealed(log, seal)
    yield from broken
    if not broken:
        files = counted(len(seal.files), "file is", "files are")
        yield Finding.of("sealed", path, f"{files} as sealed on {shown_path(seal.made)}")


def _differences(directory: str, seal: Seal) -> Iterator[Finding]:
    for file in seal.files:
        path = os.path.join(directory, os.fsdecode(file.name))
        words = _difference(path, file)
        if words:
            shown = printable(file.name)
            yield Finding.of(
                "seal-broken", path, f"{shown} is not as it was sealed: {words}", remedies=_ANOTHER
            )


def _difference(path: str, file: SealedFile) -> str:
    """Return how a file differs from its seal, in words; empty where it does not."""
    try:
        status = os.lstat(path)
    except OSError:
        return "it is not there"
    if status.st_size != file.size_bytes:
        return f"{counted(status.st_size, 'byte')}, and {file.size_bytes:,} were sealed"
    digest = hashlib.sha256()
    try:
        with open_source(path) as source:
            if source.compression is not None:
                return _stored_difference(path, file)
            while piece := source.read(_PIECE):
                digest.update(piece)
    except InputError as error:
        return error.message
    return "" if digest.hexdigest() == file.sha256 else "other bytes"


def _stored_difference(path: str, file: SealedFile) -> str:
    """Return the same of a compressed file, whose stored bytes were sealed."""
    digest = hashlib.sha256()
    with reading(path), open(path, "rb") as stored:
        while piece := stored.read(_PIECE):
            digest.update(piece)
    return "" if digest.hexdigest() == file.sha256 else "other bytes"


def _unsealed(log: Log, seal: Seal) -> Iterator[Finding]:
    """Yield files of the log that the seal does not name."""
    names = {file.name for file in seal.files}
    for file in log.files:
        if file.exists and file.name not in names:
            yield Finding.of(
                "seal-broken", file.path, f"{file.shown_name} is not in the seal", remedies=_ANOTHER
            )
