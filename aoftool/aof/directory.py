"""The names in one directory, or in one prefix of a store, and what each of them is.

Never follows a name out of the directory: neither through path separators nor through a symbolic
link. Listing is bounded. Knows nothing of logs.
"""

from __future__ import annotations

import os
import stat
from enum import Enum
from typing import TYPE_CHECKING

from aoftool.dataclass import dataclass
from aoftool.errors import NotPermittedError, ReadFailedError, SourceError
from aoftool.escape import shown_path
from aoftool.files.failures import cannot_open
from aoftool.files.remote.names import above, is_remote, without_secrets

if TYPE_CHECKING:
    from aoftool.files.remote.listing import PrefixListing

__all__ = ["Directory", "Entry", "EntryKind", "is_folder", "printable_path"]

# More names than this in one directory are not looked at; no server makes as many.
NAME_LIMIT = 200_000


class EntryKind(Enum):
    """What a name stands for."""

    FILE = "file"
    DIRECTORY = "directory"
    SPECIAL = "special"
    MISSING = "missing"
    UNSAFE = "unsafe"
    LINK_OUT = "link-out"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Entry:
    """Hold one name.

    Attributes:
        name: the name asked for.
        path: joined to the directory; not to be opened when `kind` is UNSAFE or LINK_OUT.
        kind: what it stands for.
        size_bytes: size of a regular file, else None.
        reason: printable words for UNSAFE, SPECIAL and UNREADABLE; for LINK_OUT where the link leads.
    """

    name: bytes
    path: str
    kind: EntryKind
    size_bytes: int | None = None
    reason: str = ""


class Directory:
    """Look names up in one directory.

    Args:
        path: the directory, or the URL of a prefix; trusted, a symbolic link is followed.

    Raises:
        SourceError: it is missing, unreadable or no directory.
        ReadFailedError: the disk or the network fails.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._prefix: PrefixListing | None = None
        if is_remote(path):
            from aoftool.files.remote.listing import PrefixListing

            self._prefix = PrefixListing(path)
            self.names = self._prefix.names
            return
        self._real = os.path.realpath(path)
        try:
            with os.scandir(os.fsencode(path)) as entries:
                found = [entry.name for _, entry in zip(range(NAME_LIMIT), entries, strict=False)]
        except OSError as error:
            raise cannot_open(error, path, "list") from error
        self.names = sorted(found)

    def join(self, name: bytes) -> str:
        """Return the path of a name, without looking at it."""
        return os.path.join(self.path, os.fsdecode(name))

    def above(self) -> Directory | None:
        """Return the directory that this one's name stands in; None when it cannot be listed.

        Lexical where it can be: an AOF directory may be a symbolic link, and the server's data
        directory is where the link is.
        """
        if self._prefix is not None:
            return self.beside()
        head, tail = os.path.split(self.path.rstrip(os.sep))
        if tail in ("", os.curdir, os.pardir):
            head = os.path.join(self.path, os.pardir)
        try:
            return Directory(head or os.curdir)
        except SourceError:
            return None

    def beside(self) -> Directory | None:
        """Return the directory that this one lies in, behind a symbolic link; None above a whole store.

        Raises:
            SourceError: it cannot be listed; of a store that is None.
        """
        if self._prefix is None:
            return Directory(os.path.join(self.path, os.pardir))
        upper = above(self.path)
        try:
            return None if upper is None else Directory(upper)
        except SourceError:
            return None

    def follow(self, name: bytes) -> Entry:
        """Return what a name stands for, behind a symbolic link too, wherever that leads.

        For what a server opens by its own settings: an AOF directory or a file on another disk. Never for a
        name that stands in a file.
        """
        return self._stat(name, self.join(name))

    def look(self, name: bytes, suffixes: tuple[bytes, ...] = ()) -> Entry:
        """Return what a name stands for; when it is missing, the first suffix that exists."""
        entry = self._look(name)
        for suffix in suffixes:
            if entry.kind is not EntryKind.MISSING:
                break
            other = self._look(name + suffix)
            entry = other if other.kind is EntryKind.FILE else entry
        return entry

    def _look(self, name: bytes) -> Entry:
        path = self.join(name)
        reason = _unsafe(name)
        if reason is not None:
            return Entry(name, path, EntryKind.UNSAFE, reason=reason)
        if self._prefix is None and os.path.islink(path):
            target = os.path.realpath(path)
            if os.path.dirname(target) != self._real:
                words = printable_path(target)
                if os.path.isfile(target):
                    return Entry(name, path, EntryKind.LINK_OUT, reason=words)
                reason = f"a symbolic link that leads out of the directory, to {words}"
                return Entry(name, path, EntryKind.UNSAFE, reason=reason)
        return self._stat(name, path)

    def _of_prefix(self, listing: PrefixListing, name: bytes, path: str) -> Entry:
        found = listing.look(name)
        if found is None:
            return Entry(name, path, EntryKind.MISSING)
        if found.is_object:
            return Entry(name, path, EntryKind.FILE, found.size_bytes)
        return Entry(name, path, EntryKind.DIRECTORY, reason="a directory")

    def _stat(self, name: bytes, path: str) -> Entry:
        if self._prefix is not None:
            return self._of_prefix(self._prefix, name, path)
        try:
            status = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return Entry(name, path, EntryKind.MISSING)
        except OSError as error:
            failure = cannot_open(error, path, "look at")
            # A link may lead to where one may not look; a name may not be looked at only where nothing may.
            if isinstance(failure, ReadFailedError) or (
                isinstance(failure, NotPermittedError) and not os.path.islink(path)
            ):
                raise failure from error
            return Entry(name, path, EntryKind.UNREADABLE, reason=error.strerror or str(error))
        if stat.S_ISREG(status.st_mode):
            return Entry(name, path, EntryKind.FILE, status.st_size)
        if stat.S_ISDIR(status.st_mode):
            return Entry(name, path, EntryKind.DIRECTORY, reason="a directory")
        return Entry(name, path, EntryKind.SPECIAL, reason="no regular file")


def _unsafe(name: bytes) -> str | None:
    """Return why a name is never looked up; None when it may be."""
    if name in (b"", b".", b".."):
        return "the name stands for a directory"
    if b"/" in name or b"\0" in name:
        return "the name is a path"
    return None


def is_folder(path: str) -> bool:
    """Tell whether a path is a directory, or the URL of a prefix.

    Raises:
        AoftoolError: for a URL: nothing is there, or the store refuses or fails.
    """
    if is_remote(path):
        from aoftool.files.remote.listing import is_prefix

        return is_prefix(path)
    return os.path.isdir(path)


def printable_path(path: str) -> str:
    """Return a path as text that is safe to show; of a URL without what may be a password."""
    if is_remote(path):
        return without_secrets(path)
    return shown_path(path)
