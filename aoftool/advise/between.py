"""Leaves of captures what happened between two moments, where it says when."""

from __future__ import annotations

from collections.abc import Callable

from aoftool.advise.situation import Situation
from aoftool.captures.captured import Captured
from aoftool.captures.model import Trace
from aoftool.dataclass import dataclass, replace
from aoftool.errors import UsageError
from aoftool.units import counted, format_time_ms

__all__ = ["Back", "captured_between", "last_day_of_log", "moment_of"]

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Back:
    """So many seconds before the newest time that was captured; `text` as it was typed."""

    seconds: float
    text: str


def moment_of(captured: Captured, moment: float | Back | None) -> tuple[float | None, list[str]]:
    """Return a moment in seconds since 1970, and in words what was made of it.

    Raises:
        UsageError: it is told from the newest time, and nothing that was captured says one.
    """
    if not isinstance(moment, Back):
        return moment, []
    newest = _newest(captured)
    if newest is None:
        raise UsageError(
            f"{moment.text} before the newest time: nothing that was captured says a time",
            hint="give a date, such as 2026-11-21T14:46:50",
        )
    at_s = newest - moment.seconds
    shown, last = format_time_ms(round(at_s * 1000)), format_time_ms(round(newest * 1000))
    return at_s, [f"{moment.text} is {shown}: the newest time captured is {last}"]


def _newest(captured: Captured) -> float | None:
    situation = Situation(captured)
    offset = situation.log_offset_s or 0.0
    times = [row.at_s - offset for row in captured.log if row.at_s is not None]
    times += [float(event.at_s) for event in captured.latest]
    times += [float(sample.at_s) for sample in captured.history]
    times += [float(command.at_s) for command in captured.slowlog]
    if captured.trace is not None and captured.trace.is_dated:
        times += [call.at_s for call in captured.trace.calls if call.at_s is not None]
    asked = situation.number("server_time_usec")
    return max([*times, *([] if asked is None else [asked / 1e6])], default=None)


def captured_between(captured: Captured, since_s: float | None, until_s: float | None) -> list[str]:
    """Take out what is of another time; seconds since 1970, UTC. Return in words what could not be told.

    Counters of INFO, tables of the system and rows that say no time stay as they are.
    """
    if since_s is None and until_s is None:
        return []
    left = []
    offset = Situation(captured).log_offset_s

    def inside(at_s: float | None) -> bool:
        return at_s is None or ((since_s is None or at_s >= since_s) and (until_s is None or at_s <= until_s))

    captured.latest = tuple(row for row in captured.latest if inside(row.at_s))
    captured.history = tuple(row for row in captured.history if inside(row.at_s))
    captured.slowlog = tuple(row for row in captured.slowlog if inside(row.at_s))
    captured.watchdog = tuple(row for row in captured.watchdog if inside(row.at_s))
    if captured.log and offset is None:
        left.append("the log's clock is taken for UTC, as no start of the server says how far off it is")
    captured.log = tuple(
        row for row in captured.log if row.at_s is None or inside(row.at_s - (offset or 0.0))
    )
    trace = captured.trace
    if trace is not None:
        captured.trace = _trace(trace, inside) if trace.is_dated else trace
        if not trace.is_dated:
            left.append("strace says no dates, so all of it was taken (-ttt writes them)")
    return left


def last_day_of_log(captured: Captured) -> list[str]:
    """Leave of the log its last day, as what was long ago is no finding of today; say so in words."""
    times = [row.at_s for row in captured.log if row.at_s is not None]
    first = max(times, default=0.0) - _DAY_S
    old = [row for row in captured.log if row.at_s is not None and row.at_s < first]
    if not old:
        return []
    captured.log = tuple(row for row in captured.log if row.at_s is None or row.at_s >= first)
    return [f"of the log its last day was taken; {counted(len(old), 'line')} before that with --since"]


def _trace(trace: Trace, inside: Callable[[float | None], bool]) -> Trace:
    return replace(trace, calls=tuple(call for call in trace.calls if inside(call.at_s)))
