"""An open directory, in which names lead to the same files whatever happens to its path.

Whoever may write to the directory above can rename this one, or put a link in its place, while a
privileged run works in it. Everything here goes through the descriptor, follows no link, and can tell
whether the path still leads here. Knows nothing of what the files are for.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator

from aoftool.errors import LogInUseError, UnsafePathError
from aoftool.escape import shown_path
from aoftool.files.failures import cannot_change, cannot_open, reading
from aoftool.files.syscalls import READS, SYSTEM, SystemCalls

__all__ = ["Folder", "parent_of", "private_place"]

_PIECE_BYTES = 1 << 20
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
# What a file system answers that knows no locks on directories: NFS, some FUSE ones.
_NO_LOCKS = (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


class Folder:
    """An open directory.

    Use as a context manager, or close it.

    Attributes:
        path: as it was given, for messages and for telling whether it still leads here.
        descriptor: of the directory.
    """

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def open(cls, path: str) -> Folder:
        """Open a directory by a path that the caller trusts; links in it are followed.

        Raises:
            OSError: the system refuses.
        """
        return cls(path, os.open(path or os.curdir, _DIRECTORY))

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the descriptor; doing so twice does no harm."""
        if self.descriptor >= 0:
            descriptor, self.descriptor = self.descriptor, -1
            os.close(descriptor)

    def join(self, name: str) -> str:
        """Return the path of a name here, for messages."""
        return os.path.join(self.path, name)

    def own_path(self, name: str = "") -> str:
        """Return a path that leads here whatever becomes of the folder's name, where the system has such."""
        own = f"/proc/self/fd/{self.descriptor}"
        return os.path.join(own if os.path.isdir(own) else self.path, name)

    def names(self) -> list[str]:
        """Return what is here, sorted."""
        return sorted(os.listdir(self.descriptor))

    def look(self, name: str) -> os.stat_result | None:
        """Return the status of what has a name here, a link itself and not its end; None for nothing."""
        try:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open_file(self, name: str) -> int:
        """Open a regular file to read; a FIFO is not waited for.

        Raises:
            SourceError: it is not there, or the system refuses.
            ReadFailedError: the disk or the network fails.
            UnsafePathError: it is a link, or no regular file.
        """
        path = self.join(name)
        try:
            descriptor = READS.open(name, _FILE, self.descriptor)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise UnsafePathError(f"{_shown(path)} is a symbolic link", path=path) from error
            raise cannot_open(error, path) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise UnsafePathError(f"{_shown(path)} is no regular file", path=path)
        return descriptor

    def pieces(self, name: str, offset: int, length: int) -> Iterator[bytes]:
        """Yield a range of a regular file, as far as there is one.

        Raises:
            ReadFailedError: it cannot be read; further as for `open_file`.
        """
        path = self.join(name)
        descriptor = self.open_file(name)
        try:
            end = offset + length
            while offset < end:
                with reading(path, offset):
                    piece = READS.read_at(descriptor, min(end - offset, _PIECE_BYTES), offset)
                if not piece:
                    return
                yield piece
                offset += len(piece)
        finally:
            os.close(descriptor)

    def enter(self, name: str) -> Folder:
        """Open a directory in this one; a link is refused.

        Raises:
            OSError: it is not there, is none, or the system refuses.
        """
        return Folder(self.join(name), os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=self.descriptor))

    def make(self, name: str, mode: int = 0o700, calls: SystemCalls = SYSTEM) -> Folder:
        """Make a directory in this one and open it.

        Raises:
            UnsafePathError: what has the name then is not what was made.
            OSError: the system refuses.
        """
        calls.make_directory(name, mode, self.descriptor)
        made = self.enter(name)
        # Somebody who may write here can have put another one in its place; ours is empty and our own.
        if os.fstat(made.descriptor).st_uid != os.geteuid() or made.names():
            made.close()
            raise _swapped(made.path)
        return made

    def holds(self, name: str, child: Folder) -> bool:
        """Tell whether a name here leads to an open directory."""
        found = self.look(name)
        return found is not None and _same(found, os.fstat(child.descriptor))

    def require(self, name: str, child: Folder) -> None:
        """Refuse to go on when a name here does not lead to an open directory any more.

        Raises:
            UnsafePathError: it does not.
        """
        if not self.holds(name, child):
            raise _swapped(self.join(name))

    def refuse_swapped(self) -> None:
        """Refuse to go on when the path leads elsewhere by now.

        Raises:
            UnsafePathError: it does.
        """
        try:
            found = os.stat(self.path or os.curdir)
        except OSError as error:
            raise _swapped(self.path) from error
        if not _same(found, os.fstat(self.descriptor)):
            raise _swapped(self.path)

    def sync(self, calls: SystemCalls = SYSTEM) -> None:
        """Wait until the names in it are on the disk."""
        calls.sync_directory(self.descriptor)

    def lock(self) -> None:
        """Keep every other run of this program from writing here, as long as the folder is open.

        A lock on the directory itself: no file is made for it, it ends with the process, and servers,
        which take no locks on directories, do not notice. Where the file system knows none, there is none.

        Raises:
            LogInUseError: another run holds it.
        """
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"another aoftool is changing files in {_shown(self.path or os.curdir)}"
            raise LogInUseError(message, path=self.path, hint="run it again when that one is done") from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise cannot_change(error, self.path, f"lock {_shown(self.path)}") from error

    def empty(self, calls: SystemCalls = SYSTEM) -> None:
        """Remove everything that is in it.

        Raises:
            OSError: the system refuses.
        """
        for name in self.names():
            found = self.look(name)
            if found is not None and stat.S_ISDIR(found.st_mode):
                with self.enter(name) as inner:
                    inner.empty(calls)
                    if self.holds(name, inner):
                        calls.remove_directory(name, self.descriptor)
            elif found is not None:
                calls.unlink(name, self.descriptor)

    def discard(self, name: str, child: Folder, calls: SystemCalls = SYSTEM) -> None:
        """Remove a directory that was made here with what is in it, as far as the system lets.

        Of what took its name in the meantime nothing is touched.
        """
        try:
            child.empty(calls)
            if self.holds(name, child):
                calls.remove_directory(name, self.descriptor)
        except OSError:
            return  # nothing more can be done; its name says what it is


def parent_of(path: str) -> tuple[Folder, str]:
    """Open the directory that a path is in, and return it with the last name of the path.

    Raises:
        OSError: the system refuses.
    """
    directory, name = os.path.split(path)
    return Folder.open(directory), name


def private_place(directory: str) -> str | None:
    """Return a directory in which root may work by paths; None where another user could exchange them.

    Whoever may write to a directory can rename what root makes there, and put a link in its place; only where
    that is root alone, or where the sticky bit forbids it, temporary copies may lie. Other users are taken to
    know whom they share their directories with.
    """
    if os.geteuid() != 0:
        return directory
    try:
        status = os.stat(directory or os.curdir)
    except OSError:
        return directory  # whoever uses it says what is wrong
    shared = status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX
    return None if status.st_uid != 0 or shared else directory


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _swapped(path: str) -> UnsafePathError:
    message = f"{_shown(path)} is not the folder any more that it was: somebody else changes names here"
    return UnsafePathError(message, path=path, hint="see who may write to the folder above it")


def _shown(path: str) -> str:
    return shown_path(path or os.curdir)
