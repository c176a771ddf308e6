"""The step from an old log to a new one, when everything new lies ready, and the way back from half of it.

Just before it everything is looked at once more: the files are those that were read, the manifest says
what it said, the folders are where they were, and no process has a file open. Just after it the same is
asked of what was replaced, because a server can have started in between: then the step is taken back.
Nothing is removed here that this run did not make.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress

from aoftool.aof.layout import find_log
from aoftool.errors import (
    AoftoolError,
    InputError,
    LogInUseError,
    OutputExistsError,
    PlanStaleError,
    UnsafePathError,
)
from aoftool.escape import shown_path
from aoftool.files.failures import cannot_change, reading
from aoftool.files.folder import Folder
from aoftool.files.inplace import move_file
from aoftool.files.syscalls import SystemCalls
from aoftool.next_step import again, quoted
from aoftool.repair.folder import RepairFolder
from aoftool.repair.inuse import Identity, refuse_open_files
from aoftool.repair.model import Stamp

__all__ = ["Inputs", "Switch", "is_named", "read_small", "refuse_other_set", "take_back"]

_MANIFEST = ".manifest"
# Of a file that is kept to be put back: more than a manifest has that was read.
_KEPT_BYTES = 64 << 20


def refuse_other_set(path: str, listed: Sequence[str]) -> None:
    """Refuse when a path means other files by now than those that were found.

    How the files look is noted a moment after they are found; in between, a set can be exchanged.

    Raises:
        PlanStaleError: it does.
    """
    try:
        found = [file.path for file in find_log(path).files]
    except InputError:
        found = []
    if found != list(listed):
        message = f"the set of files of {shown_path(path)} changed after it was read"
        raise PlanStaleError(message, path=path, hint=again())


class Inputs:
    """The files of a log in an open directory, as they were read.

    Args:
        home: the directory.
        stamps: how each file looked, by name.
        manifest: the name of the manifest, None where there is none.
        in_use: do not ask who has them open.

    Raises:
        PlanStaleError: one is not as it was.
        UnsafePathError: one is a symbolic link, or no regular file.
        LogInUseError: a process has one open.
    """

    def __init__(
        self, home: Folder, stamps: Mapping[str, Stamp], manifest: str | None = None, *, in_use: bool = False
    ) -> None:
        self.stamps = dict(stamps)
        self._home = home
        self._in_use = in_use
        self._manifest = manifest
        self._files: dict[Identity, str] = {}
        self._said = self._read_manifest()
        self.refuse_changed()

    def refuse_changed(self) -> None:
        """Refuse when a file is not as it was when it was read, or is in use."""
        for name, stamp in self.stamps.items():
            self._refuse_other(name, stamp)
        if self._manifest is not None and self._read_manifest() != self._said:
            raise _changed(self._home.join(self._manifest))
        self.refuse_opened()

    def refuse_opened(self, originals: Mapping[str, str] | None = None) -> None:
        """Refuse when a process has one of the files open, wherever its name is by now.

        Args:
            originals: where files lie by now that had to give up their names, by path.
        """
        if not self._in_use:
            refuse_open_files(self._files, originals)

    def _refuse_other(self, name: str, stamp: Stamp) -> None:
        path = self._home.join(name)
        found = self._home.look(name)
        if found is None:
            raise PlanStaleError(f"{shown_path(path)} is gone", path=path, hint=again())
        if stat.S_ISLNK(found.st_mode):
            hint = f"name the file that it leads to: {quoted(os.path.realpath(path))}"
            raise UnsafePathError(f"{shown_path(path)} is a symbolic link", path=path, hint=hint)
        if not stat.S_ISREG(found.st_mode) or Stamp.of(found) != stamp:
            raise _changed(path)
        self._files[found.st_dev, found.st_ino] = path

    def _read_manifest(self) -> bytes:
        if self._manifest is None:
            return b""
        return read_small(self._home, self._manifest)


class Switch:
    """Puts files that lie ready in a repair folder into their places, one after the other.

    Args:
        work: the folder.
        inputs: the log that is replaced.
        calls: the system.
    """

    def __init__(self, work: RepairFolder, inputs: Inputs, calls: SystemCalls) -> None:
        self._work = work
        self._inputs = inputs
        self._calls = calls
        self._added: list[tuple[str, os.stat_result]] = []
        self._swapped: list[tuple[str, os.stat_result]] = []

    def refuse_changed(self) -> None:
        """Refuse to begin when something is not as it was; nothing was touched yet."""
        self._work.refuse_swapped()
        self._inputs.refuse_changed()

    def add(self, name: str) -> None:
        """Put a new file under a name that nothing has.

        Raises:
            PlanStaleError: something has it by now.
            SinkError: the system refuses.
        """
        made = self._ready(name)
        try:
            move_file(self._work.new, name, self._work.home, name, calls=self._calls)
        except OutputExistsError as error:
            path = self._work.home.join(name)
            message = f"{shown_path(path)} has appeared: the set of files has changed"
            raise PlanStaleError(message, path=path, hint=again()) from error
        self._added.append((name, made))

    def swap(self, name: str) -> None:
        """Let a new file take a name, the old one keeping one in the folder.

        The two change names in one step, where the system can: what was really replaced is known then.

        Raises:
            PlanStaleError: it was not what was read; it has its name again.
            SinkError: the system refuses.
        """
        work, made = self._work, self._ready(name)
        home, new = work.home.descriptor, work.new.descriptor
        path = work.home.join(name)
        try:
            self._calls.link(name, name, home, work.originals.descriptor)
            work.originals.sync(self._calls)
            if not self._exchange(name):
                self._calls.rename(name, name, new, home)
                self._swapped.append((name, made))
                work.home.sync(self._calls)
                return
            self._swapped.append((name, made))
            if self._replaced_another(name):
                self._swapped.pop()
                self._calls.exchange(name, name, new, home)
                raise _changed(path)
            work.home.sync(self._calls)
            self._calls.unlink(name, new)  # it has a name among the originals
        except OSError as error:
            raise cannot_change(error, path, f"put the new {shown_path(path)} in place") from error

    def _exchange(self, name: str) -> bool:
        try:
            self._calls.exchange(name, name, self._work.new.descriptor, self._work.home.descriptor)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM):
                raise
            return False
        return True

    def _replaced_another(self, name: str) -> bool:
        """Tell whether what lies among the new files now, after the exchange, is not what was read."""
        found = self._work.new.look(name)
        return found is None or Stamp.of(found) != self._inputs.stamps.get(name)

    def refuse_started(self) -> None:
        """Ask once more, now that the new files have the names, whether a process has an old one.

        A server that read the old manifest, or opened the old file, just before would write where
        nobody looks any more.

        Raises:
            LogInUseError: one has; the step is to be taken back.
            PlanStaleError: an old file was written to in between; the same.
        """
        originals = self._work.originals
        moved = {self._work.home.join(name): originals.own_path(name) for name, _ in self._swapped}
        try:
            self._inputs.refuse_opened(moved)
        except LogInUseError as error:
            raise LogInUseError(
                f"{error.message}, since a moment ago", path=error.path, hint=error.hint
            ) from error
        for name, made in self._swapped:
            kept = self._work.originals.look(name)
            as_read = kept is not None and Stamp.of(kept) == self._inputs.stamps.get(name)
            if not as_read or not self._is(name, made):
                raise _changed(self._work.home.join(name))

    def back(self) -> bool:
        """Take back what was done, as far as it is still as this run left it.

        Returns:
            True when no manifest and no process knows of what this run made any more.

        Raises:
            OSError: the system refuses.
        """
        work, whole = self._work, True
        while self._swapped:
            name, made = self._swapped.pop()
            if self._is(name, made):
                self._calls.rename(name, name, work.originals.descriptor, work.home.descriptor)
            elif not name.endswith(_MANIFEST):
                whole = False  # somebody else's file by now
        work.home.sync(self._calls)
        while self._added:
            name, made = self._added.pop()
            whole = self._take_out(name, made) and whole
        return whole

    def _take_out(self, name: str, made: os.stat_result) -> bool:
        """Remove a file that was added; tell whether it is gone. It stays where anybody knows of it."""
        home = self._work.home
        if not self._is(name, made):
            return home.look(name) is None
        if is_named(home, name):
            return False
        try:
            refuse_open_files({(made.st_dev, made.st_ino): home.join(name)})
        except LogInUseError:
            return False
        self._calls.unlink(name, home.descriptor)
        return True

    def _ready(self, name: str) -> os.stat_result:
        made = self._work.new.look(name)
        assert made is not None, "the file was written before"
        return made

    def _is(self, name: str, made: os.stat_result) -> bool:
        found = self._work.home.look(name)
        return found is not None and found.st_dev == made.st_dev and Stamp.of(found) == Stamp.of(made)


def is_named(home: Folder, name: str) -> bool:
    """Tell whether a manifest in a directory names a file."""
    return any(
        manifest.endswith(_MANIFEST) and os.fsencode(name) in read_small(home, manifest)
        for manifest in home.names()
    )


def read_small(folder: Folder, name: str) -> bytes:
    """Return the content of a manifest.

    Raises:
        SourceError, UnsafePathError: it cannot be read.
    """
    with reading(folder.join(name)), os.fdopen(folder.open_file(name), "rb") as file:
        return file.read(_KEPT_BYTES)


def take_back(switch: Switch) -> bool:
    """Take a step back after a failure, as far as the system lets; tell whether the log is the old one."""
    with suppress(OSError, AoftoolError):
        return switch.back()
    return False


def _changed(path: str) -> PlanStaleError:
    return PlanStaleError(f"{shown_path(path)} changed after it was read", path=path, hint=again())
