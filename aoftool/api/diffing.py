"""Which keys differ between two logs, or between two points of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aoftool.analysis.diff.diff import Point, compare_points
from aoftool.analysis.diff.model import Diff
from aoftool.analysis.diff.parting import find_parting
from aoftool.aof.model import Log, LogKind
from aoftool.aof.moment import Moment
from aoftool.api.moments import point_at
from aoftool.errors import UsageError
from aoftool.keyspace.selection import KeySelection
from aoftool.pattern import Pattern
from aoftool.progress import Progress, no_progress
from aoftool.rewrite.ask.final_facts import final_state

__all__ = ["Point", "diff"]


def diff(
    left: Log,
    right: Log | None = None,
    *,
    left_at: Moment | Point | str | None = None,
    right_at: Moment | Point | str | None = None,
    pattern: Pattern | None = None,
    dbs: Iterable[int] = (),
    written_by: str | None = None,
    now_ms: int | None = None,
    progress: Progress = no_progress,
) -> Diff:
    """Return the keys that differ, and for two logs where their commands part.

    Type, length, value and expire time are compared, and where all keys count, function libraries too. Takes
    the memory of one data set and some 400 bytes for each key, of which there may be 10 million on each side.

    Args:
        left, right: without `right` two points of one log are compared.
        left_at, right_at: moments of them; the end by default.
        pattern: only keys with a name like this.
        dbs: only keys of these databases.
        written_by: the release that wrote both, such as `redis-7.2`; found out by default.
        now_ms: the load clock of both, Unix milliseconds; the present by default.
        progress: called with the bytes done since its last call, from any thread.

    Raises:
        UsageError: one log and no point of it, or standard input at a point.
        UnsupportedError: what a command does cannot be known.
        InputError: a point is a time, and no command has one.
        SourceError: a file of a log is missing or cannot be read.
    """
    other, dbs = left if right is None else right, tuple(dbs)
    if right is None and left_at is None:
        raise UsageError("compare two logs, or one with a point of it", hint="give `right` or `left_at`")
    if right is None and left.kind is LogKind.STDIN:
        raise UsageError("standard input can be read only once", hint="save it to a file for --at")
    found = compare_points(
        (left, _point(left_at, left)),
        (other, _point(right_at, other)),
        admits=_admits(pattern, dbs),
        dbs=dbs,
        now_ms=now_ms,
        written_by=written_by,
        quick=final_state,
        progress=progress,
    )
    # Standard input has been read, and its commands cannot be read again.
    if right is not None and LogKind.STDIN not in (left.kind, right.kind):
        found.parting = find_parting(left, right)
    return found


def _point(at: Moment | Point | str | None, log: Log) -> Point:
    return at if isinstance(at, Point) else point_at(at, log) or Point()


def _admits(pattern: Pattern | None, dbs: Iterable[int]) -> Callable[[int, bytes], bool] | None:
    name = None if pattern is None else pattern.compiled
    selection = KeySelection(databases=frozenset(dbs) or None, name=name)
    if selection.admits_all:
        return None
    return lambda number, key: selection.admits(number, key, "", None)
