"""A copy on this machine of a log that lies in a store, for work that needs files that can be opened by name.

The copy has the layout and the file names of the log, so what is said of it is said of the log. It goes when
its user is done.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aoftool.aof.layout import find_log
from aoftool.aof.model import Log, LogFile, LogKind
from aoftool.dataclass import replace
from aoftool.errors import AoftoolError, SinkError
from aoftool.files.remote.names import is_remote, without_secrets
from aoftool.files.sink import cannot_write
from aoftool.files.spool import temporary_folder
from aoftool.files.times import modified_ns
from aoftool.progress import Progress, no_progress
from aoftool.units import counted

__all__ = ["local_copy"]

_PREFIX = ".aoftool-copy-"
_BUFFER_BYTES = 1 << 20


@contextmanager
def local_copy(log: Log, *, beside: str | None = None, progress: Progress = no_progress) -> Iterator[Log]:
    """Give a log of files on this machine: the log itself where it is one, else a copy.

    The copy goes by the path of the log, and so do errors.

    Args:
        beside: the directory that the copy is made in; by default where temporary files go.
        progress: told of stored bytes done.

    Raises:
        ReadFailedError: the store fails, or an object was replaced meanwhile.
        SinkError: there is no room.
    """
    if not is_remote(log.path):
        yield log
        return
    with temporary_folder(_PREFIX, beside) as folder:
        try:
            yield replace(_copied(log, folder, progress), path=log.path)
        except AoftoolError as error:
            _rename(error, folder, os.path.dirname(_home_of(log)))
            raise


def _copied(log: Log, folder: str, progress: Progress) -> Log:
    import shutil  # as in `files.spool`

    home = os.path.join(folder, os.path.basename(_home_of(log)) or "log")
    os.mkdir(home)
    needed = sum({file.path: file.size_bytes or 0 for file in _files(log)}.values())
    free = shutil.disk_usage(folder).free
    if needed > free // 2:
        where = without_secrets(log.path)
        message = f"{where} has {counted(needed, 'byte')}, more than half of what is free in {folder}"
        raise SinkError(message, path=folder, hint="set TMPDIR to a larger disk")
    for file in _files(log):
        _copy(file.path, os.path.join(_place_of(file, log, folder, home), _name_of(file)), progress)
    if log.manifest_path is None:
        return find_log(home if log.kind is LogKind.MULTI_PART else _place_in(home, log.files[0]))
    manifest = os.path.join(home, os.path.basename(log.manifest_path))
    _copy(log.manifest_path, manifest, progress)
    return find_log(manifest)


def _home_of(log: Log) -> str:
    """Return the URL of the prefix that the files of a log stand in."""
    return (log.directory or os.path.dirname(log.path)).rstrip("/")


def _files(log: Log) -> list[LogFile]:
    """Return every file of a log that is there, once."""
    files = {file.path: file for file in (*log.files, *log.history, *log.unlisted)}
    return [file for file in files.values() if file.exists and not file.is_unsafe]


def _name_of(file: LogFile) -> str:
    return os.path.basename(file.path)


def _place_in(home: str, file: LogFile) -> str:
    return os.path.join(home, _name_of(file))


def _place_of(file: LogFile, log: Log, folder: str, home: str) -> str:
    """Return the directory for a file: an old-style one that a manifest names lies beside the manifest's."""
    return home if os.path.dirname(file.path).rstrip("/") == _home_of(log) else folder


def _copy(path: str, target: str, progress: Progress) -> None:
    try:
        _write(path, target, progress)
    except OSError as error:
        raise cannot_write(target, error) from error
    with suppress(OSError):
        written_ns = modified_ns(path)
        os.utime(target, ns=(written_ns, written_ns))


def _write(path: str, target: str, progress: Progress) -> None:
    """Copy the stored bytes, compressed as they are."""
    from aoftool.files.remote.carrier import open_object_carrier

    carrier = open_object_carrier(path)
    try:
        with open(target, "xb", buffering=0) as out, memoryview(bytearray(_BUFFER_BYTES)) as buffer:
            while count := carrier.read_into(buffer):
                left = buffer[:count]
                while left:
                    left = left[out.write(left) :]
                progress(count)
    finally:
        carrier.close()


def _rename(error: AoftoolError, folder: str, url: str) -> None:
    """Let an error speak of the log and not of the copy, which is gone when it is read."""
    error.path = error.path.replace(folder, url) if error.path else error.path
    error.message = error.message.replace(folder, without_secrets(url))
    error.hint = error.hint.replace(folder, url) if error.hint else error.hint
