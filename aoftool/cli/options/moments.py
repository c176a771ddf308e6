"""Options that name moments of a log, the same words in every verb, and what they mean in a log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from aoftool.aof.moment import GRAMMAR
from aoftool.cli.declared import Option
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from aoftool.analysis.diff.diff import Point
    from aoftool.aof.model import Log, Place
    from aoftool.aof.moment import Moment, Resolved
    from aoftool.aof.stretch import Stretch
    from aoftool.rewrite.model import Cut

__all__ = [
    "MOMENT_PANEL",
    "AtOption",
    "SinceOption",
    "ToOption",
    "UntilOption",
    "cut_at",
    "find_moment",
    "find_place",
    "find_state",
    "find_stretch",
    "only_moment",
    "point_of",
    "refuse_outside",
    "refuse_untimed",
    "typed_moment",
]

MOMENT_PANEL = "Go back to a moment"

SinceOption = Annotated[
    str | None,
    Option("--since", metavar="MOMENT", help=f"Only from this moment on: {GRAMMAR}.", show_default=False),
]
UntilOption = Annotated[
    str | None,
    Option(
        "--until",
        metavar="MOMENT",
        help="Only up to this moment: before an offset, the second of a time included.",
        show_default=False,
    ),
]
AtOption = Annotated[
    list[str] | None,
    Option("--at", metavar="MOMENT", help=f"At this moment: {GRAMMAR}.", show_default=False),
]
ToOption = Annotated[
    list[str] | None,
    Option(
        "--to",
        metavar="MOMENT",
        help=f"The log up to this moment: {GRAMMAR}.",
        rich_help_panel=MOMENT_PANEL,
        show_default=False,
    ),
]


def typed_moment(text: str, option: str) -> Moment:
    """Return the moment that an option names.

    Raises:
        UsageError: it names none.
    """
    from aoftool.aof.moment import Moment

    try:
        return Moment.parse(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error.message}", hint=error.hint) from error


def only_moment(texts: list[str] | None, option: str) -> Moment | None:
    """Return the one moment of an option that may be typed once; None where it was not.

    Raises:
        UsageError: it names none, or there are two.
    """
    if not texts:
        return None
    if len(texts) > 1:
        raise UsageError(f"{option} names a moment, and {' and '.join(texts)!a} are two; give one")
    return typed_moment(texts[0], option)


def find_moment(moment: Moment | None, log: Log, option: str, *, as_state: bool = False) -> Resolved | None:
    """Return where a moment is in a log; a word on stderr tells what was made of one told from its end.

    Raises:
        UsageError: it lies outside of the log, or names no file or command of it.
    """
    from aoftool.aof.moment import resolve

    if moment is None:
        return None
    try:
        found = resolve(moment, log, as_state=as_state)
    except UsageError as error:
        raise UsageError(f"{option}: {error.message}", hint=error.hint) from error
    if found.words:
        print(f"aoftool: {option} {found.words}", file=sys.stderr)
    return found


def find_state(moment: Moment | None, log: Log, option: str) -> Resolved:
    """Return where a moment is at which the data are asked for; that of None is the end.

    Raises:
        UsageError: as for `find_moment`.
    """
    from aoftool.aof.moment import Resolved

    return find_moment(moment, log, option, as_state=True) or Resolved()


def find_place(text: str, log: Log, option: str) -> Place:
    """Return the place that a moment is: that of a time is behind its second.

    Raises:
        UsageError: it names nothing in the log.
        InputError: it is a time, and the log has none.
    """
    from aoftool.aof.moment_places import place_of_time, streams_of

    found = find_state(typed_moment(text, option), log, option)
    place = found.place
    if found.time_s is not None:
        place = place_of_time(streams_of(log), found.time_s, log.path)
    if place is None:
        raise UsageError(f"{option}: nothing stands behind {text!a}", hint="name a moment before the end")
    return place


def point_of(moment: Moment, log: Log, option: str) -> Point:
    """Return the point that a moment is."""
    from aoftool.analysis.diff.diff import Point
    from aoftool.units import format_time_ms

    found = find_state(moment, log, option)
    if found.place is not None:
        words = f"offset {found.place.offset:,}"
        return Point(place=(found.place.file, found.place.offset), words=words)
    if found.time_ms is None:
        return Point()
    # As it was typed, where it stands by itself.
    words = format_time_ms(found.time_ms) if found.words else moment.text
    return Point(time_s=found.time_s, words=words)


def cut_at(moment: Moment | None, log: Log, option: str, *, late: bool) -> Cut:
    """Return where to cut a log for the data at a moment.

    Args:
        late: a command is looked for when the log is read, which may be another by then, one repaired.

    Raises:
        UsageError: as for `find_moment`.
    """
    from aoftool.aof.model import LogKind
    from aoftool.aof.moment import MomentKind
    from aoftool.api.moments import cut_of
    from aoftool.rewrite.model import Cut

    late = late or log.kind is LogKind.STDIN
    if late and moment is not None and moment.kind is MomentKind.COMMAND:
        return Cut(before=moment.name, nth=moment.number or None)
    return cut_of(find_state(moment, log, option))


def find_stretch(since: str | None, until: str | None, log: Log) -> Stretch:
    """Return the part of a log that `--since` and `--until` choose.

    Raises:
        UsageError: one names nothing in the log, or it ends before it begins.
    """
    from aoftool.aof.stretch import Stretch

    first = None if since is None else typed_moment(since, "--since")
    last = None if until is None else typed_moment(until, "--until")
    found = Stretch(find_moment(first, log, "--since"), find_moment(last, log, "--until"))
    begin, end = found.since, found.until
    if begin is None or end is None:
        return found
    times = begin.time_ms is not None and end.time_ms is not None and begin.time_ms > end.time_ms
    places = begin.place is not None and end.place is not None and begin.place > end.place
    if times or places:
        raise UsageError(
            f"--since {since!a} is later than --until {until!a}: nothing lies between",
            hint="exchange the two",
        )
    return found


def refuse_untimed(log: Log, stretch: Stretch | None) -> None:
    """Refuse a stretch of time where nothing tells when any command ran.

    Raises:
        InputError: so it is.
    """
    if stretch is None or not stretch.asks_time:
        return
    from aoftool.analysis.clock.whole_log import need_times
    from aoftool.api.machine import worker_count

    need_times(log, workers=worker_count())


def refuse_outside(log: Log, stretch: Stretch | None) -> None:
    """Refuse a stretch of time in which the log has nothing; for those who found nothing.

    Raises:
        UsageError: it lies outside of what the log covers.
    """
    from aoftool.aof.span import span_of
    from aoftool.units import format_time_ms

    span = span_of(log) if stretch is not None and stretch.asks_time else None
    if stretch is None or span is None:
        return
    since_s, until_s = stretch.since_s, stretch.until_s
    late = since_s is not None and since_s > span.last_s
    early = until_s is not None and span.first_s is not None and until_s < span.first_s
    if late or early:
        option, time_s = ("--since", since_s) if late else ("--until", until_s)
        side = "behind" if late else "before"
        shown = format_time_ms((time_s or 0) * 1000)
        raise UsageError(f"{span.words}: nothing lies {side} {option} {shown}")
