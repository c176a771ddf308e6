"""What to type where a comparison stops at a command whose effect nobody can know: points before it."""

from __future__ import annotations

from aoftool.analysis.diff.point import Point
from aoftool.aof.model import Log, LogKind
from aoftool.next_step import next_step, quoted

__all__ = ["earlier_step"]


def earlier_step(
    left: tuple[Log, Point],
    right: tuple[Log, Point],
    stopped: tuple[int, int],
    *,
    is_left: bool,
    written_by: str | None,
) -> str:
    """Return the line that compares what is known before a place.

    Of two logs, and of one whose first point lies behind the place, it shows the keys that are before it.

    Args:
        stopped: (file number, offset) in the log that cannot be followed.
        is_left: that is the left one.
    """
    log = left[0] if is_left else right[0]
    if log.kind is LogKind.STDIN:
        return "save standard input to a file first: what is before it can then be shown"
    place = _typed(log, Point(stopped))
    writer = f"--written-by {written_by}" if written_by else ""
    if left[0] is right[0] and not is_left:
        return next_step("diff", log.path, f"--at {_typed(*left)}", f"--at {place}", writer)
    return next_step("keys", log.path, f"--at {place}", writer)


def _typed(log: Log, point: Point) -> str:
    """Return a point as it is typed."""
    if point.place is not None:
        number, offset = point.place
        return quoted(f"{log.files[number].shown_name}:{offset}")
    return "end" if point.time_s is None else f"@{point.time_s}"
