"""What lies about a log and is no part of it: temporary files, an old-style file, a dump.

Looks at names and at the first bytes of a dump only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from aoftool.aof.directory import Directory, EntryKind
from aoftool.aof.leftovers import is_temporary, temporaries
from aoftool.aof.manifest_salvage import FileNameParts, parse_file_name
from aoftool.aof.model import LayoutCode, LayoutProblem, LogFile
from aoftool.errors import NotPermittedError, SourceError
from aoftool.escape import printable
from aoftool.files import open_source
from aoftool.files.remote.names import is_remote
from aoftool.files.temporary import CHANGE_FOLDER, RECEIPT_NAME, is_leftover
from aoftool.next_step import next_step
from aoftool.regex import regex

__all__ = [
    "manifests_beside",
    "problems_beside",
    "problems_beside_single",
    "set_around",
    "unfinished_changes",
]

_DUMP = b"dump.rdb"
_MANIFEST = b".manifest"
# How the receipt of a change begins: see aoftool.repair.
_RECEIPT_HEAD_BYTES = 256
_PREFIXES_MOST = 32
_STATE = regex(rb'"state": "([a-z]+)"')


def problems_beside(directory: Directory, prefix: bytes, pending: LogFile | None) -> Iterator[LayoutProblem]:
    """Yield what lies in the data directory, the one above an AOF directory.

    Args:
        directory: the AOF directory.
        prefix: `appendfilename` of the server; empty when unknown.
        pending: the old-style file that the next start will move in, when there is one.
    """
    above = directory.above()
    if above is not None:
        # Whoever may read the log need not be allowed to look about it.
        with suppress(NotPermittedError):
            yield from _in_data_directory(above, prefix, pending)


def _in_data_directory(above: Directory, prefix: bytes, pending: LogFile | None) -> Iterator[LayoutProblem]:
    if pending is not None:
        words = f"{printable(prefix)} is still beside the AOF directory: the next start moves it in"
        yield LayoutProblem(LayoutCode.UPGRADE_PENDING, words, pending.path)
    elif prefix and above.look(prefix).kind is EntryKind.FILE:
        words = f"an old-style {printable(prefix)} lies beside the AOF directory: a server ignores it"
        yield LayoutProblem(LayoutCode.OLD_STYLE_BESIDE, words, above.join(prefix))
    yield from _leftovers(above)


def problems_beside_single(directory: Directory, name: bytes) -> Iterator[LayoutProblem]:
    """Yield what lies beside an old-style file: leftovers, and a manifest that takes its place."""
    yield from _leftovers(directory)
    yield from unfinished_changes(directory)
    yield from manifests_beside(directory, name)


def manifests_beside(directory: Directory, name: bytes) -> Iterator[LayoutProblem]:
    """Yield manifests for an old-style file in the directories beside it."""
    folders = 0
    for other in directory.names:
        inner = directory.look(other)
        if inner.kind is not EntryKind.DIRECTORY:
            continue
        folders += 1
        if is_remote(directory.path) and folders > _PREFIXES_MOST:
            # The backups of many nodes and no data directory; each would be a question to the store.
            return
        manifest = os.path.join(inner.path, os.fsdecode(name + b".manifest"))
        if _is_there(manifest):
            words = f"a manifest for this name is in {printable(other)}: servers since 7.0 load that instead"
            yield LayoutProblem(LayoutCode.MANIFEST_BESIDE, words, manifest)


def set_around(directory: Directory, name: bytes) -> Iterator[LayoutProblem]:
    """Yield that a file which was named by itself is one of a set: what the others hold is not looked at.

    Its name says so, or a manifest beside it lists it.
    """
    parts = parse_file_name(name)
    manifests = [other for other in directory.names if other.endswith(_MANIFEST) and not is_temporary(other)]
    manifest = next((m for m in manifests if m == _prefix_of(name, parts) + _MANIFEST), None)
    if parts is None and manifest is None:
        return
    words = f"{printable(name)} is one file of a set, and only this file is read"
    if manifest is not None:
        words += f": {printable(manifest)} lists the others"
    yield LayoutProblem(LayoutCode.PART_OF_SET, words, directory.join(name))


def _prefix_of(name: bytes, parts: FileNameParts | None) -> bytes:
    return name if parts is None else parts.prefix


def _is_there(path: str) -> bool:
    if not is_remote(path):
        return os.path.isfile(path)
    with suppress(SourceError), open_source(path):
        return True
    return False


def unfinished_changes(directory: Directory) -> Iterator[LayoutProblem]:
    """Yield what runs of this program left that were killed, or are still at work."""
    for name in directory.names:
        path = directory.join(name)
        if is_leftover(name) and directory.look(name).kind is EntryKind.FILE:
            what = "is left from an aoftool that was killed"
            words = f"{printable(name)} {what}: {next_step('undo', path, '--forget')}"
        elif CHANGE_FOLDER.fullmatch(os.fsdecode(name)) and directory.look(name).kind is EntryKind.DIRECTORY:
            words = _unfinished(path, printable(name))
        else:
            continue
        if words:
            yield LayoutProblem(LayoutCode.STALE_TEMP, words, path)


def _unfinished(path: str, shown: str) -> str:
    """Return what is to be said of the folder of a change; nothing when it came to its end."""
    if is_remote(path):
        return ""  # a copy of a folder with one in it; what is to be done is done where it was made
    try:
        descriptor = os.open(os.path.join(path, RECEIPT_NAME), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        what = "is left from an aoftool that was killed before it changed the log"
        return f"{shown} {what}: {next_step('undo', path, '--forget')}"
    except OSError:
        return ""  # nobody may look into it but who made it
    try:
        head = os.read(descriptor, _RECEIPT_HEAD_BYTES)
    except OSError:
        head = b""  # a FIFO, a directory
    finally:
        os.close(descriptor)
    found = _STATE.search(head)
    state = b"" if found is None else found[1]
    if state == b"prepared":
        what = "is of a change of the log that was killed half-way, or is at work"
        return f"{shown} {what}: {next_step('undo', path)}"
    if state == b"undoing":
        return f"{shown} is of an undo that was killed half-way, or is at work: {next_step('undo', path)}"
    return ""


def _leftovers(directory: Directory) -> Iterator[LayoutProblem]:
    yield from temporaries(directory)
    if directory.look(_DUMP).kind is EntryKind.FILE:
        words = "dump.rdb lies beside the log: a server with appendonly yes ignores it"
        yield LayoutProblem(LayoutCode.DUMP_BESIDE, words, directory.join(_DUMP))
