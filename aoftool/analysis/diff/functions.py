"""The function libraries of a log at a point, as facts to be held against others.

The replay that compares keys knows them. Where it was not needed, only what has no key is run, and only of a
log that has a library or a command that speaks of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from aoftool.analysis.diff.model import ChangeKind, LibraryChange
from aoftool.aof.log import read_parts
from aoftool.aof.model import Log
from aoftool.keyspace.engine import Keyspace
from aoftool.progress import Progress
from aoftool.replay.log_replay import LogReplay
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch

__all__ = ["Libraries", "changed_libraries", "libraries_at", "libraries_of"]

_COMMANDS = Watch(names=frozenset({b"FUNCTION"}))
_KEPT_BYTES = 64
_DIGEST_CHARS = 32

Libraries = Mapping[bytes, str]
"""Digests of the texts of libraries, by name."""


def libraries_of(keyspace: Keyspace) -> Libraries:
    """Return the libraries that a replay led to."""
    return {
        name: sha256(library.code).hexdigest()[:_DIGEST_CHARS] for name, library in keyspace.libraries.items()
    }


def libraries_at(
    log: Log,
    place: tuple[int, int] | None,
    time_s: int | None,
    now_ms: int,
    written_by: str | None,
    progress: Progress,
) -> tuple[Libraries | None, list[str]]:
    """Return the libraries at a point, None where they cannot be known, and notes.

    Args:
        place: before the command there, as (file number, offset).
        time_s: at the end of that second.

    Raises:
        SourceError: a file is missing or unreadable.
    """
    if not _may_hold(log):
        return {}, []
    replay = LogReplay(
        log,
        until=place,
        until_s=time_s,
        now_ms=now_ms,
        written_by=written_by,
        chosen=lambda key: False,
        progress=progress,
    ).run()
    if replay.stopped is not None:
        return None, [f"the function libraries behind {replay.stopped} are not known, and not compared"]
    return libraries_of(replay.keyspace), [note for note in replay.end.notes if "function" in note]


def changed_libraries(ours: Libraries, theirs: Libraries) -> list[LibraryChange]:
    """Return the libraries that differ, by name."""
    found = []
    for name in sorted(ours.keys() | theirs.keys()):
        before, after = ours.get(name), theirs.get(name)
        if before == after:
            continue
        kind = ChangeKind.CHANGED if before and after else ChangeKind.REMOVED if before else ChangeKind.ADDED
        found.append(LibraryChange(kind, name, before, after))
    return found


def _may_hold(log: Log) -> bool:
    """Tell whether a log may have function libraries, or had some."""
    for part in read_parts(log):
        if not part.source.seekable or (part.rdb is not None and part.rdb.functions):
            return True
        if part.tail_start is not None:
            reader = SieveReader(part.source, _COMMANDS, start=part.tail_start, keep=_KEPT_BYTES)
            if any(True for _ in reader):
                return True
    return False
