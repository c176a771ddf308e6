"""A plain copy of a log that is compressed or comes from standard input, to be repaired into an output.

The plan is made of the copy and carried out from it; the input stays as it is, for there is nothing that
could take its place. Knows nothing of repairs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from aoftool.aof.layout import find_log
from aoftool.aof.local_copy import local_copy
from aoftool.aof.model import Log, LogFile, LogKind
from aoftool.dataclass import dataclass, field, replace
from aoftool.errors import RefusedError, SourceError, UnsupportedError
from aoftool.files.changes import OF_A_LIVE_LOG
from aoftool.files.folder import private_place
from aoftool.files.packed.compression import is_envelope
from aoftool.files.remote.names import is_remote, without_secrets
from aoftool.files.sink import refuse_same_file
from aoftool.files.source import Source, open_source
from aoftool.files.spool import spooled
from aoftool.next_step import next_step
from aoftool.progress import Progress, no_progress

__all__ = ["Unpacked", "unpacked_log"]

_PACKED_SUFFIXES = (".gz", ".zst")
_STREAM_NAME = "stdin.aof"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A log of plain files.

    Attributes:
        log: a copy, or the log itself where its files are plain.
        left: what no repair brings back: code and sentence, as in a plan.
    """

    log: Log
    left: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def unpacked_log(
    log: Log, out: str | None, progress: Progress = no_progress, *, in_place: bool = False
) -> Iterator[Unpacked]:
    """Give a log of plain files; a copy lives as long as the context.

    Args:
        out: where the repaired log goes; the copy is made beside it, or, without an output, where
            temporary files go.
        in_place: the log itself is to be changed.

    Raises:
        UnsupportedError: it is compressed or a stream, and is to be changed in place or is a manifest.
        MissingExtraError: a package to unpack it is missing.
        RefusedError: the output is the input.
        SinkError: there is no room for the copy.
    """
    if is_remote(log.path):
        if in_place:
            raise RefusedError(
                f"{without_secrets(log.path)} cannot be repaired in place: it lies in a store",
                path=log.path,
                hint=next_step("fix", log.path, "-o OUT"),
            )
        beside = None if out is None else private_place(os.path.dirname(os.path.abspath(out)))
        with (
            local_copy(log, beside=beside, progress=progress) as copied,
            _plain_log(copied, out, progress, in_place=False) as found,
        ):
            yield replace(found, log=replace(found.log, path=log.path))
        return
    with _plain_log(log, out, progress, in_place=in_place) as found:
        yield found


@contextmanager
def _plain_log(log: Log, out: str | None, progress: Progress, *, in_place: bool) -> Iterator[Unpacked]:
    """Give a log of plain files for one of files on this machine."""
    if log.kind is LogKind.MULTI_PART or not log.files:
        with _unpacked_set(log, out, progress, in_place=in_place) as found:
            yield found
        return
    if log.kind is LogKind.STDIN and in_place:
        raise _not_in_place("standard input", log.path)
    with open_source(log.files[0].path) as source:
        if source.seekable:
            yield Unpacked(log)
            return
        if in_place:
            raise _not_in_place(f"a file compressed with {source.compression}", log.path)
        beside = None if out is None else private_place(os.path.dirname(os.path.abspath(out)))
        if out is not None:
            refuse_same_file(out, [file.path for file in log.files])
        with spooled(source, _plain_name(log), beside=beside, progress=progress) as path:
            if source.path is not None:
                _carry_over(os.stat(source.path), path)
            yield Unpacked(_log_of_copy(path, log), _damage(source))


@contextmanager
def _unpacked_set(log: Log, out: str | None, progress: Progress, *, in_place: bool) -> Iterator[Unpacked]:
    """Give a multi-part log whose enveloped files, as Valkey 9.2 writes them, are plain copies.

    What goes wrong in place with such a file is the planner's to say: one that is sound may stay.
    """
    beside = None if out is None else private_place(os.path.dirname(os.path.abspath(out)))
    with ExitStack() as stack:
        files: list[LogFile] = []
        left: list[tuple[str, str]] = []
        for file in log.files:
            if not in_place and file.exists and _is_enveloped(file.path):
                source = stack.enter_context(open_source(file.path))
                name = os.path.basename(file.path)
                path = stack.enter_context(spooled(source, name, beside=beside, progress=progress))
                _carry_over(os.stat(file.path), path)
                left += _damage(source)
                file = replace(file, path=path, size_bytes=os.path.getsize(path))
            files.append(file)
        changed = [file.path for file in files] != [file.path for file in log.files]
        yield Unpacked(replace(log, files=tuple(files)), left) if changed else Unpacked(log)


def _is_enveloped(path: str) -> bool:
    with suppress(SourceError), open_source(path) as source:
        return is_envelope(source.compression)
    return False


def _not_in_place(what: str, path: str) -> UnsupportedError:
    message = f"{what} cannot be repaired in place"
    return UnsupportedError(message, path=path, hint=next_step("fix", path, "-o OUT"))


def _plain_name(log: Log) -> str:
    if log.kind is LogKind.STDIN:
        return _STREAM_NAME
    name = os.path.basename(log.path)
    stem, suffix = os.path.splitext(name)
    return stem if stem and suffix in _PACKED_SUFFIXES else name


def _carry_over(like: os.stat_result, path: str) -> None:
    """Give the copy owner, mode and times of the compressed file, which the output takes over from it."""
    with suppress(PermissionError):  # a plain user may not give files away
        os.chown(path, like.st_uid, like.st_gid)
    os.chmod(path, like.st_mode & 0o777)
    os.utime(path, ns=(like.st_atime_ns, like.st_mtime_ns))


def _log_of_copy(path: str, log: Log) -> Log:
    found = find_log(path)
    if found.kind is LogKind.MULTI_PART:
        raise UnsupportedError("this is a manifest, and not a log", path=log.path, hint="decompress it first")
    return replace(found, path=log.path)


def _damage(source: Source) -> list[tuple[str, str]]:
    return [
        ("read-changed", change.message) for change in source.changes() if change.kind not in OF_A_LIVE_LOG
    ]
