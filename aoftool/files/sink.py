"""Files written so that a reader sees the old one or the new one, whole, whatever happens.

A new file grows under a temporary name in the directory it is meant for, is synced, takes its name
in one step, and the directory is synced. A failure removes the temporary file; a kill leaves it,
recognisable by `.aoftool-` in its name. Knows nothing of contents.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType

from aoftool.errors import OutputExistsError, RefusedError, SinkError, SourceError, UnsafePathError
from aoftool.escape import printable
from aoftool.files.copying import copy_range
from aoftool.files.syscalls import SYSTEM, SystemCalls

__all__ = [
    "AtomicFile",
    "cannot_write",
    "is_leftover",
    "refuse_same_file",
    "sync_parent",
    "write_atomically",
]

_MARK = ".aoftool-"
_NAME_LIMIT = 255
_PRIVATE = 0o600
_DEFAULT_MODE = 0o666
# Owners that a plain user may not give away are left as they are.
_MAY_NOT = (errno.EPERM, errno.EACCES, errno.EINVAL)


class AtomicFile:
    """Collect the bytes of a file, then put it in place at once.

    Use as a context manager and call `commit` at the end of the block; without it nothing is kept.

    Args:
        path: where the file will be. Its directory must exist.
        force: replace what is there; without it an existing name is refused, now and at the end.
        like: an existing file or its status; mode, owner and times are carried over from it.
        inputs: files that are being read, none of which may be the output.
        calls: the system, replaceable in tests.

    Raises:
        OutputExistsError: the name is taken and `force` is not given.
        RefusedError: the output is one of the inputs.
        UnsafePathError: the name is a symbolic link, or no regular file.
        SinkError: the system refuses: no such directory, no permission, no space.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        force: bool = False,
        like: str | os.stat_result | None = None,
        inputs: Iterable[str | os.PathLike[str]] = (),
        calls: SystemCalls = SYSTEM,
    ) -> None:
        self.path = os.fspath(path)
        self.force = force
        self.size_bytes = 0
        self._calls = calls
        self._like = os.stat(like) if isinstance(like, str) else like
        refuse_same_file(self.path, inputs)
        _refuse_taken(self.path, force)
        self.temporary = _temporary_name(self.path)
        self._descriptor: int | None = None
        self._named = False
        mode = _DEFAULT_MODE if self._like is None else _PRIVATE
        with self._guarded():
            self._descriptor = self._calls.create(self.temporary, mode)
            self._named = True

    @property
    def descriptor(self) -> int:
        """The open temporary file, for reading back what was written."""
        assert self._descriptor is not None, "the file was committed or dropped"
        return self._descriptor

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Add bytes at the end."""
        view = memoryview(data).cast("B")
        while view:
            with self._guarded():
                count = self._calls.write(self.descriptor, view)
            self.size_bytes += count
            view = view[count:]

    def copy_from(self, source: int, offset: int, length: int) -> None:
        """Add a range of an open file, inside the kernel where it can.

        Raises:
            SourceError: the source ends before the range does.
        """
        with self._guarded():
            count = copy_range(source, self.descriptor, offset, length, self._calls)
        self.size_bytes += count
        if count < length:
            message = f"the input ended {length - count} bytes early while it was copied"
            raise SourceError(message, offset=offset + count)

    def commit(self) -> None:
        """Sync the file, give it its name, sync the directory."""
        with self._guarded():
            self._carry_over()
            self._calls.sync(self.descriptor)
            descriptor, self._descriptor = self.descriptor, None
            self._calls.close(descriptor)
            self._take_name()
            sync_parent(self.path, self._calls)

    def drop(self) -> None:
        """Forget the file; removes the temporary one, also after a failure."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)
        if self._named:
            self._named = False
            try:
                self._calls.unlink(self.temporary)
            except OSError:
                return  # nothing more can be done; its name says what it is

    def __enter__(self) -> AtomicFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drop()

    def _carry_over(self) -> None:
        like = self._like
        if like is None:
            return
        own = os.fstat(self.descriptor)
        if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
            try:
                self._calls.change_owner(self.descriptor, like.st_uid, like.st_gid)
            except OSError as error:
                if error.errno not in _MAY_NOT:
                    raise
        # After the owner: changing it may clear bits of the mode.
        self._calls.change_mode(self.descriptor, like.st_mode & 0o7777)
        self._calls.set_times(self.descriptor, like.st_atime_ns, like.st_mtime_ns)

    def _take_name(self) -> None:
        if self.force:
            self._calls.rename(self.temporary, self.path)
            self._named = False
            return
        try:
            # A link cannot take a name that appeared in the meantime, a rename would.
            self._calls.link(self.temporary, self.path)
        except FileExistsError as error:
            raise _exists(self.path) from error
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK):
                raise
            _refuse_taken(self.path, force=False)
            self._calls.rename(self.temporary, self.path)
            self._named = False
        self.drop()  # the first of the two names

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Make of any failure the removal of the temporary file, and of the system's a SinkError."""
        try:
            yield
        except OSError as error:
            self.drop()
            raise cannot_write(self.path, error) from error
        except BaseException:
            self.drop()
            raise


def write_atomically(
    path: str | os.PathLike[str],
    pieces: Iterable[bytes | bytearray | memoryview],
    *,
    force: bool = False,
    like: str | os.stat_result | None = None,
    inputs: Iterable[str | os.PathLike[str]] = (),
    calls: SystemCalls = SYSTEM,
) -> int:
    """Write a whole file in one step and return its size in bytes; see `AtomicFile`."""
    with AtomicFile(path, force=force, like=like, inputs=inputs, calls=calls) as file:
        for piece in pieces:
            file.write(piece)
        file.commit()
        return file.size_bytes


def refuse_same_file(output: str | os.PathLike[str], inputs: Iterable[str | os.PathLike[str]]) -> None:
    """Refuse an output that is one of the inputs, under whatever name.

    Raises:
        RefusedError: it is.
    """
    try:
        own = os.stat(output)
    except OSError:
        return
    for path in inputs:
        try:
            other = os.stat(path)
        except OSError:
            continue
        if (own.st_dev, own.st_ino) == (other.st_dev, other.st_ino):
            message = f"{printable(os.fsencode(output))} is both input and output"
            raise RefusedError(message, path=output, hint="write to another name")


def cannot_write(path: str, error: OSError) -> SinkError:
    """Return what to raise when the system refuses to write a file."""
    reason = error.strerror or str(error)
    hint = "free some space and run it again" if error.errno == errno.ENOSPC else None
    return SinkError(f"cannot write {printable(os.fsencode(path))}: {reason}", path=path, hint=hint)


def sync_parent(path: str, calls: SystemCalls = SYSTEM) -> None:
    """Wait until the name of a file is on the disk."""
    calls.sync_directory(os.path.dirname(path) or os.curdir)


def is_leftover(name: bytes) -> bool:
    """Tell whether a name is that of a temporary file which a killed run left."""
    return name.startswith(b".") and _MARK.encode() in name and name.endswith(b".tmp")


def _temporary_name(path: str) -> str:
    folder, name = os.path.split(path)
    tail = f"{_MARK}{os.getpid()}-{secrets.token_hex(4)}.tmp"
    kept = os.fsdecode(os.fsencode(name)[: _NAME_LIMIT - 1 - len(tail)])
    return os.path.join(folder, f".{kept}{tail}")


def _refuse_taken(path: str, force: bool) -> None:
    if os.path.islink(path):
        message = f"{printable(os.fsencode(path))} is a symbolic link"
        raise UnsafePathError(message, path=path, hint="name the file itself")
    if not os.path.exists(path):
        return
    if not os.path.isfile(path):
        raise UnsafePathError(f"{printable(os.fsencode(path))} is no regular file", path=path)
    if not force:
        raise _exists(path)


def _exists(path: str) -> OutputExistsError:
    message = f"{printable(os.fsencode(path))} exists already"
    return OutputExistsError(message, path=path, hint="--force replaces it")
