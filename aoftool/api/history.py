"""Everything that happened to a key, or to the keys of a pattern."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aoftool.analysis.history.history import KeyHistory
from aoftool.analysis.history.model import HistoryStep
from aoftool.aof.model import Log, Place
from aoftool.aof.stretch import Stretch
from aoftool.api.machine import worker_count
from aoftool.errors import UsageError
from aoftool.pattern import Pattern, literal_of
from aoftool.progress import Progress, no_progress
from aoftool.resp.watch import Watch

__all__ = ["history", "steps_within"]


def history(
    log: Log,
    key: bytes | None = None,
    *,
    pattern: Pattern | None = None,
    db: int | None = None,
    values: bool = False,
    written_by: str | None = None,
    now_ms: int | None = None,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> KeyHistory:
    """Return what happened to a key, step by step; to be iterated once.

    Each is a `HistoryStep`: the command, when it ran, the state of the key before and after, and how it came
    to go. Renames, copies, moves between databases and flushes are followed; the RDB part comes first.
    Damage ends the iteration and is no error: afterwards `end` says where, and `writer` who wrote the log.

    Args:
        key: its name.
        pattern: in place of a key, all with a name like this.
        db: only of this database, followed where it moves.
        values: keep the value behind each step.
        written_by: the release that wrote the log, such as `redis-7.2`; found out by default.
        now_ms: the load clock, Unix milliseconds, from which relative expire times count; the present by
            default.
        workers: threads; the answer does not depend on it. By default one a processor.
        progress: called with the bytes done since its last call, from any thread.

    Raises:
        UsageError: neither a key nor a pattern, or both; or no release has such a name.
        SourceError: a file of the log is missing or cannot be read.
    """
    if (key is None) == (pattern is None):
        raise UsageError("a history is of a key or of a pattern", hint="give one of the two")
    return KeyHistory(
        log,
        frozenset() if key is None else frozenset((key,)),
        admits=None if pattern is None else pattern.matches,
        candidates=None if pattern is None else _candidates(pattern),
        db=db,
        values=values,
        now_ms=now_ms,
        written_by=written_by,
        workers=worker_count(workers),
        progress=progress,
    )


def steps_within(
    found: Iterable[HistoryStep], stretch: Stretch, dbs: frozenset[int] = frozenset()
) -> Iterator[HistoryStep]:
    """Yield the steps that happened between two moments, or may have.

    Args:
        dbs: only in these databases; none for all.
    """
    for step in found:
        place = Place(step.command.file_number, step.command.offset)
        earliest, latest = step.bounds.earliest_ms, step.bounds.latest_ms
        if (not dbs or step.db in dbs) and stretch.may_hold(
            place,
            place,
            None if earliest is None else earliest // 1000,
            None if latest is None else latest // 1000,
        ):
            yield step


def _candidates(pattern: Pattern) -> Watch:
    """Return what finds the commands in which keys of a pattern may be."""
    literal, at_start = literal_of(pattern.source) if pattern.is_glob else (b"", False)
    return Watch(literal=literal, at_start=at_start) if literal else Watch(min_length=1)
