"""Moments of a log, as use cases need them: where to cut it, the part between two, a state to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.aof.model import LogKind
from aoftool.aof.moment import Moment, MomentKind, Resolved, resolve
from aoftool.aof.stretch import Stretch
from aoftool.errors import UsageError
from aoftool.rewrite.model import Cut

if TYPE_CHECKING:
    from aoftool.analysis.diff.diff import Point
    from aoftool.aof.model import Log

__all__ = ["cut_at", "cut_of", "moment_of", "point_at", "stretch_between"]


def moment_of(text: Moment | str | None) -> Moment | None:
    """Return a moment that was given as one, or as what a person types.

    Raises:
        UsageError: it is neither, or means nothing.
    """
    if text is None or isinstance(text, Moment):
        return text
    if not isinstance(text, str):
        raise UsageError("a moment is a Moment, or text such as '2026-11-21T09:00' or 'before:FLUSHALL'")
    return Moment.parse(text)


def cut_of(found: Resolved) -> Cut:
    """Return where to cut a log for the data at a moment of it."""
    place = found.place
    return Cut(to_offset=None if place is None else (place.file, place.offset), to_time_s=found.time_s)


def cut_at(at: Moment | str | None, log: Log) -> Cut:
    """Return where to cut a log for the data at a moment; that of None is the end.

    Raises:
        UsageError: it lies outside of the log, or names no file or command of it.
    """
    moment = moment_of(at)
    if moment is None:
        return Cut()
    if moment.kind is MomentKind.COMMAND and log.kind is LogKind.STDIN:
        # It can be read only once, so the command is looked for on the way.
        return Cut(before=moment.name, nth=moment.number or None)
    return cut_of(resolve(moment, log, as_state=True))


def stretch_between(since: Moment | str | None, until: Moment | str | None, log: Log) -> Stretch:
    """Return the part of a log between two moments; None sets no bound.

    Raises:
        UsageError: one names nothing in the log.
    """
    first, last = moment_of(since), moment_of(until)
    return Stretch(
        None if first is None else resolve(first, log), None if last is None else resolve(last, log)
    )


def point_at(at: Moment | str | None, log: Log) -> Point | None:
    """Return the state of a log at a moment, to be compared; None for that of None.

    Raises:
        UsageError: as for `cut_at`.
    """
    from aoftool.analysis.diff.diff import Point

    moment = moment_of(at)
    if moment is None:
        return None
    found = resolve(moment, log, as_state=True)
    place = None if found.place is None else (found.place.file, found.place.offset)
    words = moment.text if place is None else f"offset {place[1]:,}"
    return Point(place=place, time_s=found.time_s, words="" if moment.is_end else words)
