"""The folder beside a log in which a change of it is made ready, and what it replaced is kept.

Knows its parts, and that all of them are reached through open directories; refuses to know what is put
into them.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import datetime

from aoftool.escape import shown_path
from aoftool.files.failures import cannot_change
from aoftool.files.folder import Folder
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.files.temporary import CHANGE_FOLDER

__all__ = ["NEW", "ORIGINALS", "UNDONE", "RepairFolder", "change_folders", "locked_home"]

ORIGINALS = "originals"
"""Its part for files that were replaced or removed."""

NEW = "new"
"""Its part for files that are not in place yet."""

UNDONE = "undone"
"""Its part for what was made, once that was taken back."""


def change_folders(directory: str) -> list[str]:
    """Return the folders of repairs and rewrites in a directory, oldest first; one second has no order."""
    try:
        names = [name for name in os.listdir(directory) if CHANGE_FOLDER.fullmatch(name)]
    except OSError:
        return []
    return [os.path.join(directory, name) for name in sorted(names, key=lambda name: name.split("-")[2])]


def locked_home(path: str) -> Folder:
    """Open the directory of a log for changes; no other run changes files in it until it is closed.

    Raises:
        LogInUseError: another run does.
        SinkError: it cannot be opened.
    """
    path = os.path.abspath(path or os.curdir)
    try:
        home = Folder.open(path)
    except OSError as error:
        raise cannot_change(error, path, f"open {shown_path(path)}") from error
    try:
        home.lock()
    except BaseException:
        home.close()
        raise
    return home


class RepairFolder:
    """A new folder in the directory of a log, for nobody else to read.

    Use as a context manager, or close it; that leaves it on the disk.

    Attributes:
        home: the directory of the log, which stays open when this is closed.
        name: of the folder in it.
        folder, originals, new: it and its parts.

    Raises:
        SinkError: it cannot be made.
        UnsafePathError: somebody puts another one in its place.
    """

    def __init__(self, home: Folder, prefix: str, now: datetime, calls: SystemCalls = SYSTEM) -> None:
        self.home = home
        self.name = f"{prefix}{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self._calls = calls
        self._opened: list[Folder] = []
        try:
            self.folder = self._made(home, self.name)
            self.originals = self._made(self.folder, ORIGINALS)
            self.new = self._made(self.folder, NEW)
            home.sync(calls)
        except BaseException as error:
            self.remove()
            self.close()
            if not isinstance(error, OSError):
                raise
            raise cannot_change(error, self.path, f"make {shown_path(self.path)}") from error

    def _made(self, where: Folder, name: str) -> Folder:
        made = where.make(name, 0o700, self._calls)
        self._opened.append(made)
        return made

    @property
    def path(self) -> str:
        """Return where it is."""
        return self.home.join(self.name)

    def __enter__(self) -> RepairFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the descriptors."""
        for folder in self._opened:
            folder.close()

    def refuse_swapped(self) -> None:
        """Refuse to go on when the folder, or the directory of the log, is another one by now.

        Raises:
            UnsafePathError: it is.
        """
        self.home.refuse_swapped()
        self.home.require(self.name, self.folder)
        self.folder.require(ORIGINALS, self.originals)
        self.folder.require(NEW, self.new)

    def tidy(self) -> None:
        """Remove the parts that are empty."""
        for name in (NEW, ORIGINALS):
            with suppress(OSError):
                self._calls.remove_directory(name, self.folder.descriptor)

    def remove(self) -> None:
        """Remove the folder that was made with everything in it, as far as the system lets."""
        if self._opened:
            self.home.discard(self.name, self._opened[0], self._calls)
