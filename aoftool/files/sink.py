"""Files written so that a reader sees the old one or the new one, whole, whatever happens.

A new file grows under a temporary name in the directory it is meant for, is synced, takes its name
in one step, and the directory is synced. The directory is opened once, and everything goes through that.
A failure removes the temporary file; a kill leaves it, recognisable by `.aoftool-` in its name. Knows
nothing of contents.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from aoftool.errors import OutputExistsError, RefusedError, SinkError, UnsafePathError
from aoftool.escape import shown_path
from aoftool.files.access import Access, access_of, give_access
from aoftool.files.copying import copy_range
from aoftool.files.failures import ShrunkError, hint_of, read_failed
from aoftool.files.folder import Folder, parent_of
from aoftool.files.remote.names import refuse_remote
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.files.temporary import Unfinished, temporary_name
from aoftool.next_step import quoted

__all__ = [
    "AtomicFile",
    "cannot_write",
    "output_exists",
    "refuse_same_file",
    "write_atomically",
]

_PRIVATE = 0o600
_DEFAULT_MODE = 0o666


class AtomicFile:
    """Collect the bytes of a file, then put it in place at once.

    Use as a context manager and call `commit` at the end of the block; without it nothing is kept.

    Args:
        path: where the file will be. Its directory must exist.
        force: replace what is there; without it an existing name is refused, now and at the end.
        like: an existing file or its status; mode, owner and times are carried over from it.
        access: who may read it, without times; by default as `like`, and else as the umask leaves it.
        keep_owner: refuse where the owner cannot be carried over.
        folder: the directory of the path, where it is open already.
        inputs: files that are being read, none of which may be the output.
        calls: the system, replaceable in tests.

    Attributes:
        size_bytes: written so far.
        status: of the file that was put in place; None before.

    Raises:
        OutputExistsError: the name is taken and `force` is not given.
        RefusedError: the output is one of the inputs, or more could read it than should.
        UnsafePathError: the name is a symbolic link, or no regular file.
        SinkError: the system refuses: no such directory, no permission, no space.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        force: bool = False,
        like: str | os.stat_result | None = None,
        access: Access | None = None,
        keep_owner: bool = False,
        folder: Folder | None = None,
        inputs: Iterable[str | os.PathLike[str]] = (),
        calls: SystemCalls = SYSTEM,
    ) -> None:
        self.path = os.fspath(path)
        refuse_remote(self.path, "the output of this", "name a file; `rewrite` and `fix` write to stores too")
        self.force = force
        self.size_bytes = 0
        self._calls = calls
        self._like = os.stat(like) if isinstance(like, str) else like
        self._access = access if self._like is None else access_of(self._like)
        self._keep_owner = keep_owner
        self.status: os.stat_result | None = None
        self._descriptor: int | None = None
        self._named = False
        self._unfinished: Unfinished | None = None
        refuse_same_file(self.path, inputs)
        self._own_folder: Folder | None = None
        with self._guarded():
            if folder is None:
                folder = self._own_folder = parent_of(self.path)[0]
            self._folder = folder
            self._name = os.path.basename(self.path)
            self.temporary = temporary_name(self._name)
            self._refuse_taken(force)
            mode = _DEFAULT_MODE if self._access is None else _PRIVATE
            # Said before, so that an interruption right behind the call leaves nothing.
            self._named = True
            self._unfinished = Unfinished(self.drop)
            try:
                self._descriptor = self._calls.create(self.temporary, mode, self._folder.descriptor)
            except OSError:
                self._named = False
                raise

    @property
    def temporary_path(self) -> str:
        """Where the bytes are until `commit`, for whoever looks them over before."""
        return self._folder.own_path(self.temporary)

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

    def copy_from(self, source: int, offset: int, length: int, path: str) -> None:
        """Add a range of an open file, inside the kernel where it can.

        Args:
            path: of the open file, for errors.

        Raises:
            ReadFailedError: the source cannot be read, or ends before the range does.
        """
        with self._guarded():
            count = copy_range(source, self.descriptor, offset, length, path, self._calls)
        self.size_bytes += count
        if count < length:
            raise read_failed(ShrunkError(offset + count, offset + length), path, offset)

    def commit(self) -> None:
        """Sync the file, give it its name, sync the directory."""
        with self._guarded():
            self._carry_over()
            self._calls.sync(self.descriptor)
            self.status = os.fstat(self.descriptor)
            descriptor, self._descriptor = self.descriptor, None
            self._calls.close(descriptor)
            self._take_name()
            self._folder.sync(self._calls)
        self.drop()

    def drop(self) -> None:
        """Forget the file; removes the temporary one, also after a failure."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)
        self._forget_temporary()
        if self._own_folder is not None:
            self._own_folder.close()
        if self._unfinished is not None:
            self._unfinished.over()

    def _forget_temporary(self) -> None:
        if self._named:
            with suppress(OSError):  # nothing more can be done; its name says what it is
                self._calls.unlink(self.temporary, self._folder.descriptor)
            self._named = False

    def __enter__(self) -> AtomicFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def _carry_over(self) -> None:
        if self._access is not None:
            give_access(
                self.descriptor, self._access, self.path, keep_owner=self._keep_owner, calls=self._calls
            )
        if self._like is not None:
            self._calls.set_times(self.descriptor, self._like.st_atime_ns, self._like.st_mtime_ns)

    def _take_name(self) -> None:
        here = self._folder.descriptor
        if self.force:
            self._calls.rename(self.temporary, self._name, here, here)
            self._named = False
            return
        try:
            # A link cannot take a name that appeared in the meantime, a rename would.
            self._calls.link(self.temporary, self._name, here, here)
        except FileExistsError as error:
            raise output_exists(self.path) from error
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK):
                raise
            self._refuse_taken(force=False)
            self._calls.rename(self.temporary, self._name, here, here)
            self._named = False
            return
        self._forget_temporary()  # the first of the two names

    def _refuse_taken(self, force: bool) -> None:
        found = self._folder.look(self._name)
        if found is None:
            return
        shown = shown_path(self.path)
        if stat.S_ISLNK(found.st_mode):
            raise UnsafePathError(f"{shown} is a symbolic link", path=self.path, hint="name the file itself")
        if not stat.S_ISREG(found.st_mode):
            raise UnsafePathError(
                f"{shown} is no regular file", path=self.path, hint="name a file that is not there yet"
            )
        if not force:
            raise output_exists(self.path)

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
    access: Access | None = None,
    keep_owner: bool = False,
    folder: Folder | None = None,
    inputs: Iterable[str | os.PathLike[str]] = (),
    calls: SystemCalls = SYSTEM,
) -> int:
    """Write a whole file in one step and return its size in bytes; see `AtomicFile`."""
    with AtomicFile(
        path,
        force=force,
        like=like,
        access=access,
        keep_owner=keep_owner,
        folder=folder,
        inputs=inputs,
        calls=calls,
    ) as file:
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
            message = f"{shown_path(output)} is both input and output"
            raise RefusedError(message, path=output, hint="write to another name")


def cannot_write(path: str, error: OSError) -> SinkError:
    """Return what to raise when the system refuses to write a file."""
    reason = error.strerror or str(error)
    hint = hint_of(error) or _hint_of_place(path, error)
    return SinkError(f"cannot write {shown_path(path)}: {reason}", path=path, hint=hint)


def _hint_of_place(path: str, error: OSError) -> str | None:
    """Return what to type where the place is no place for a file; None for any other error."""
    folder = os.path.dirname(os.path.abspath(path))
    if error.errno == errno.ENOENT and not os.path.isdir(folder):
        return f"make the folder first: mkdir -p {quoted(folder)}"
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG):
        return "name a file in a folder that is there"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "name a file in a folder that you may write to"
    return None


def output_exists(path: str) -> OutputExistsError:
    """Return what to raise for an output that is there."""
    message = f"{shown_path(path)} exists already"
    return OutputExistsError(message, path=path, hint="--force replaces it")
