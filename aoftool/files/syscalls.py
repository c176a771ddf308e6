"""Every system call that changes a file, one method each.

The writing modules go through one object of this class, so a test can make any single call fail, or
end the process at it. No logic lives here; OSError comes through.
"""

from __future__ import annotations

import errno
import fcntl
import os

__all__ = ["SYSTEM", "SystemCalls"]

# _IOW(0x94, 9, int). Source: Linux include/uapi/linux/fs.h FICLONE.
_FICLONE = 0x40049409


class SystemCalls:
    """Change files. Replace single methods in tests."""

    def create(self, path: str, mode: int) -> int:
        """Open a new file for reading and writing; it must not exist, nor be a link."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(path, flags, mode)

    def open_existing(self, path: str) -> int:
        """Open an existing file for reading and writing."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)

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

    def sync_directory(self, path: str) -> None:
        """Wait until the names in a directory are on the disk."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        except OSError as error:
            # Some network file systems cannot sync a directory; nothing better is to be had there.
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(descriptor)

    def rename(self, old: str, new: str) -> None:
        """Give a file a name, taking it from whatever has it now."""
        os.rename(old, new)

    def link(self, old: str, new: str) -> None:
        """Give a file a second name, which must be free."""
        os.link(old, new, follow_symlinks=False)

    def unlink(self, path: str) -> None:
        """Remove a name."""
        os.unlink(path)

    def change_mode(self, descriptor: int, mode: int) -> None:
        """Set the permission bits."""
        os.fchmod(descriptor, mode)

    def change_owner(self, descriptor: int, user: int, group: int) -> None:
        """Set user and group."""
        os.fchown(descriptor, user, group)

    def set_times(self, descriptor: int, accessed_ns: int, modified_ns: int) -> None:
        """Set the times of access and modification."""
        os.utime(descriptor, ns=(accessed_ns, modified_ns))


SYSTEM = SystemCalls()
"""The real thing."""
