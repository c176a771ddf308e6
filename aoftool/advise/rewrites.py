"""Rewrites and saves as a server's log tells them: when asked, forked, ended, and renamed into place.

Source: src/aof.c rewriteAppendOnlyFileBackground, backgroundRewriteDoneHandler, openNewIncrAofForAppend,
src/server.c serverCron, src/rdb.c; the same words since 7.0. Only lines of the main process count, and
pairs of lines only when no other line of that process stands between them that says it was serving.
"""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.captures.model import LogEntry
from aoftool.dataclass import dataclass, field
from aoftool.regex import regex

__all__ = ["Child", "Rewrites", "read_rewrites"]

_AUTOMATIC = "Starting automatic rewriting of AOF"
_CREATING = regex(r"Creating AOF incr file .{1,200} on background rewrite")
_FORKED = regex(r"Background append only file rewriting started by pid (\d{1,10})")
_SAVING = regex(r"Background saving started by pid (\d{1,10})")
_ENDED = regex(r"Background AOF rewrite terminated (with success|with error|by signal)")
_SAVED = regex(r"Background saving (terminated with success|error|terminated by signal)")
_RENAMED = regex(r"Successfully renamed the temporary AOF base file ")
_FINISHED = "Background AOF rewrite finished successfully"
_STARTS = ("Server initialized", "Configuration loaded")
# The lines a server writes between having renamed and having finished.
_BETWEEN = ("Removing the history file", "Successfully renamed")


@dataclass(slots=True)
class Child:
    """One child that wrote a file; times as the log has them, None for what it does not show.

    Attributes:
        start_stall: from "Starting automatic rewriting" to "Creating AOF incr file": the sync of the
            manifest before the fork, with the two lines.
        fork_stall: from there to "started by pid": the fork.
        end_stall: from "Successfully renamed" to "finished successfully": the syncs of the manifest.
    """

    is_rewrite: bool
    is_automatic: bool = False
    asked: LogEntry | None = None
    creating: LogEntry | None = None
    forked: LogEntry | None = None
    pid: int | None = None
    ended: LogEntry | None = None
    is_good: bool | None = None
    renamed: LogEntry | None = None
    finished: LogEntry | None = None

    @property
    def begin_s(self) -> float | None:
        """Return when the child began to live."""
        entry = self.forked or self.creating
        return entry.at_s if entry else None

    @property
    def end_s(self) -> float | None:
        """Return when its end was noticed."""
        return self.ended.at_s if self.ended else None

    @property
    def life_s(self) -> float | None:
        """Return how long it lived."""
        return _between(self.forked, self.ended)

    @property
    def start_stall(self) -> float | None:
        return _between(self.asked, self.creating)

    @property
    def fork_stall(self) -> float | None:
        return _between(self.creating, self.forked)

    @property
    def end_stall(self) -> float | None:
        return _between(self.renamed, self.finished)


def _between(first: LogEntry | None, second: LogEntry | None) -> float | None:
    if first is None or second is None or first.at_s is None or second.at_s is None:
        return None
    length = second.at_s - first.at_s
    # A clock that was set back, or a log of two days joined, says nothing.
    return length if 0 <= length <= 86_400 else None


@dataclass(slots=True)
class Rewrites:
    """All children of the log, in order of their begin."""

    children: list[Child] = field(default_factory=list)

    @property
    def rewrites(self) -> list[Child]:
        """Return the rewrites."""
        return [child for child in self.children if child.is_rewrite]

    @property
    def saves(self) -> list[Child]:
        """Return the RDB saves."""
        return [child for child in self.children if not child.is_rewrite]


class _Reader:
    """Follows one process."""

    def __init__(self, into: list[Child]) -> None:
        self.into = into
        self.asked: LogEntry | None = None
        self.rewrite: Child | None = None
        self.save: Child | None = None
        self.previous: LogEntry | None = None

    def take(self, entry: LogEntry) -> None:
        message = entry.message
        if message.startswith(_STARTS):
            self.asked = self.rewrite = self.save = None
        elif message.startswith(_AUTOMATIC):
            self.asked = entry
        elif _CREATING.match(message):
            self._begin(entry)
        elif match := _FORKED.match(message):
            self._fork(entry, int(match[1]))
        elif match := _ENDED.match(message):
            self._end(entry, match[1] == "with success")
        elif self.rewrite is not None and _RENAMED.match(message):
            # Of two such lines the first; the second renames the incr file.
            self.rewrite.renamed = self.rewrite.renamed or entry
        elif self.rewrite is not None and message.startswith(_FINISHED):
            if self.previous is not None and self.previous.message.startswith(_BETWEEN):
                self.rewrite.finished = entry
            self.rewrite = None
        else:
            self._saving(entry)
        self.previous = entry

    def _begin(self, entry: LogEntry) -> None:
        child = Child(True, creating=entry, is_automatic=self.asked is not None)
        if self.asked is not None and self.previous is self.asked:
            child.asked = self.asked
        self.asked = None
        self.rewrite = child
        self.into.append(child)

    def _fork(self, entry: LogEntry, pid: int) -> None:
        if self.rewrite is None or self.rewrite.forked is not None or self.rewrite.ended is not None:
            # Before 7.0 no file is created first.
            self.rewrite = Child(True, is_automatic=self.asked is not None)
            self.into.append(self.rewrite)
        elif self.previous is not self.rewrite.creating:
            self.rewrite.creating = None
        self.asked = None
        self.rewrite.forked, self.rewrite.pid = entry, pid

    def _end(self, entry: LogEntry, is_good: bool) -> None:
        if self.rewrite is None:
            self.rewrite = Child(True)
            self.into.append(self.rewrite)
        self.rewrite.ended, self.rewrite.is_good = entry, is_good
        if not is_good:
            self.rewrite = None

    def _saving(self, entry: LogEntry) -> None:
        if match := _SAVING.match(entry.message):
            self.save = Child(False, forked=entry, pid=int(match[1]))
            self.into.append(self.save)
        elif (match := _SAVED.match(entry.message)) and self.save is not None:
            self.save.ended, self.save.is_good = entry, "success" in match[1]
            self.save = None


def read_rewrites(log: Iterable[LogEntry]) -> Rewrites:
    """Return the children of every main process in a log."""
    found = Rewrites()
    readers: dict[int | None, _Reader] = {}
    for entry in log:
        if entry.role in ("M", "S"):
            readers.setdefault(entry.pid, _Reader(found.children)).take(entry)
    return found
