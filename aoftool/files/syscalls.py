"""Every system call that changes a file or reads an input, one method each.

The writing modules go through one object of `SystemCalls`, so a test can make any single call fail, or
end the process at it; whatever reads the bytes of a log goes through `READS`. No logic lives here; OSError
comes through.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes

__all__ = ["READS", "SYSTEM", "ReadCalls", "SystemCalls"]

# _IOW(0x94, 9, int). Source: Linux include/uapi/linux/fs.h FICLONE.
_FICLONE = 0x40049409
# Source: Linux include/uapi/linux/fs.h.
_RENAME_EXCHANGE = 2


class SystemCalls:
    """Change files. Replace single methods in tests.

    Names are looked up in the open directories `within`, `old_in` and `new_in`, where given.
    """

    def create(self, path: str, mode: int, within: int | None = None) -> int:
        """Open a new file for reading and writing; it must not exist, nor be a link."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(path, flags, mode, dir_fd=within)

    def create_nameless(self, directory: str, mode: int) -> int:
        """Open a new file that has no name for reading and writing; it is gone with its last descriptor."""
        return os.open(directory, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, mode)

    def open_existing(self, path: str, within: int | None = None) -> int:
        """Open an existing file for reading and writing; never wait for a FIFO."""
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        return os.open(path, flags, dir_fd=within)

    def make_directory(self, path: str, mode: int, within: int | None = None) -> None:
        """Make a directory; the name must be free."""
        os.mkdir(path, mode, dir_fd=within)

    def close(self, descriptor: int) -> None:
        """Close a descriptor that was written to; late write errors surface here."""
        os.close(descriptor)

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write at the current place; may write less than asked."""
        return os.write(descriptor, data)

    def clone(self, source: int, destination: int) -> None:
        """Share all blocks of a file with an empty one, where the file system can."""
        fcntl.ioctl(destination, _FICLONE, source)

    def copy_range(self, source: int, destination: int, offset: int, length: int) -> int:
        """Copy inside the kernel, to the current place of the destination; 0 at the end."""
        return os.copy_file_range(source, destination, length, offset)

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        """Set the length of an open file."""
        os.ftruncate(descriptor, size_bytes)

    def sync(self, descriptor: int) -> None:
        """Wait until data and metadata of a file are on the disk."""
        os.fsync(descriptor)

    def sync_data(self, descriptor: int) -> None:
        """Wait until what was written to a file so far is on the disk, its times aside."""
        getattr(os, "fdatasync", os.fsync)(descriptor)

    def sync_directory(self, descriptor: int) -> None:
        """Wait until the names in an open directory are on the disk."""
        try:
            os.fsync(descriptor)
        except OSError as error:
            # Some network file systems cannot sync a directory; nothing better is to be had there.
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise

    def rename(self, old: str, new: str, old_in: int | None = None, new_in: int | None = None) -> None:
        """Give a file a name, taking it from whatever has it now."""
        os.rename(old, new, src_dir_fd=old_in, dst_dir_fd=new_in)

    def exchange(self, one: str, other: str, one_in: int, other_in: int) -> None:
        """Let two files take each other's names in one step; ENOSYS or EINVAL where there is no such call."""
        import ctypes  # here: few runs need it, and it takes a while

        call = getattr(_libc(), "renameat2", None)
        if call is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        if call(one_in, os.fsencode(one), other_in, os.fsencode(other), _RENAME_EXCHANGE):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def link(self, old: str, new: str, old_in: int | None = None, new_in: int | None = None) -> None:
        """Give a file a second name, which must be free."""
        os.link(old, new, src_dir_fd=old_in, dst_dir_fd=new_in, follow_symlinks=False)

    def unlink(self, path: str, within: int | None = None) -> None:
        """Remove a name."""
        os.unlink(path, dir_fd=within)

    def remove_directory(self, path: str, within: int | None = None) -> None:
        """Remove an empty directory."""
        os.rmdir(path, dir_fd=within)

    def change_mode(self, descriptor: int, mode: int) -> None:
        """Set the permission bits."""
        os.fchmod(descriptor, mode)

    def change_owner(self, descriptor: int, user: int, group: int) -> None:
        """Set user and group."""
        os.fchown(descriptor, user, group)

    def set_times(self, descriptor: int, accessed_ns: int, modified_ns: int) -> None:
        """Set the times of access and modification."""
        os.utime(descriptor, ns=(accessed_ns, modified_ns))


class ReadCalls:
    """Read files. Replace single methods in tests."""

    def open(self, path: str, flags: int, within: int | None = None) -> int:
        """Open an existing file for reading; the name is looked up in an open directory, where given."""
        return os.open(path, flags) if within is None else os.open(path, flags, dir_fd=within)

    def read_at(self, descriptor: int, length: int, offset: int) -> bytes:
        """Read at an offset; may read less than asked."""
        return os.pread(descriptor, length, offset)

    def read_into(self, descriptor: int, view: memoryview, offset: int) -> int:
        """Fill the front of a buffer from an offset; may read less than there is room for."""
        return os.preadv(descriptor, [view], offset)


@functools.cache
def _libc() -> ctypes.CDLL:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


SYSTEM = SystemCalls()
"""The real thing."""
READS = ReadCalls()
"""The real thing, for reading."""
