"""Whether a file is still the one that was opened.

Compares the state at open with what the system says now, of the open file and of its name. Knows
nothing of contents: a file rewritten in place within one clock tick and of the same size is missed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from aoftool.escape import shown_path
from aoftool.files.changes import ChangeKind, SourceChange

__all__ = ["FileWatch", "Watch"]


class Watch(Protocol):
    """Remember an input as it was opened, by which name and how large, and tell what has become of it."""

    path: str
    size_bytes: int

    def look(self) -> list[SourceChange]:
        """Return what is different now; empty when nothing is."""


class FileWatch:
    """Remember a file as it was opened, and tell what has become of it.

    Args:
        path: the name it was opened by.
        descriptor: the open file; not owned.
        status: what fstat said at open.
        is_given_up: for a file that is held (see `aoftool.files.held`): tells, once the name is gone,
            whether whoever writes has given the file up.
    """

    def __init__(
        self,
        path: str,
        descriptor: int,
        status: os.stat_result,
        is_given_up: Callable[[], bool] | None = None,
    ) -> None:
        self.path = path
        self.size_bytes = status.st_size
        self._descriptor = descriptor
        self._status = status
        self._is_given_up = is_given_up
        self._name = shown_path(path)

    def on(self, descriptor: int) -> FileWatch:
        """Return the same memory for another descriptor of the same file."""
        return FileWatch(self.path, descriptor, self._status, self._is_given_up)

    def look(self) -> list[SourceChange]:
        """Return what is different now; empty when nothing is."""
        found = []
        change = self._look_at_file() or None
        if change is not None:
            found.append(change)
        change = self._look_at_name()
        if change is not None:
            found.append(change)
        return found

    def _look_at_file(self) -> SourceChange | None:
        before = self._status
        try:
            now = os.fstat(self._descriptor)
        except OSError as error:
            return self._change(ChangeKind.IO_ERROR, f"{error.strerror} while looking at it", None)
        if now.st_size < before.st_size:
            words = f"shrank from {before.st_size:,} to {now.st_size:,} bytes while it was read"
            return self._change(ChangeKind.SHRANK, words, now.st_size, offset=now.st_size)
        if now.st_size > before.st_size:
            words = f"grew from {before.st_size:,} to {now.st_size:,} bytes while it was read"
            return self._change(ChangeKind.GREW, words, now.st_size, offset=before.st_size)
        if now.st_mtime_ns != before.st_mtime_ns:
            return self._change(ChangeKind.MODIFIED, "was written to while it was read", now.st_size)
        return None

    def _look_at_name(self) -> SourceChange | None:
        try:
            now = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            if self._is_given_up is not None and self._is_given_up():
                return self._superseded(None)
            return self._change(ChangeKind.VANISHED, "was removed while it was read", None)
        except OSError as error:
            return self._change(ChangeKind.IO_ERROR, f"{error.strerror} while looking at it", None)
        if (now.st_dev, now.st_ino) != (self._status.st_dev, self._status.st_ino):
            if self._is_given_up is not None:
                return self._superseded(now.st_size)
            words = "was replaced by another file while it was read"
            return self._change(ChangeKind.REPLACED, words, now.st_size)
        return None

    def _superseded(self, size_after: int | None) -> SourceChange:
        words = "was replaced by a rewrite while it was read; it was read as it had been"
        return self._change(ChangeKind.SUPERSEDED, words, size_after)

    def _change(
        self, kind: ChangeKind, words: str, size_after: int | None, offset: int | None = None
    ) -> SourceChange:
        message = f"{self._name} {words}"
        return SourceChange(kind, message, offset, self.size_bytes, size_after)
