"""Shows times that a log does not say itself: the middle of what is known, and a bound that holds it all."""

from __future__ import annotations

from aoftool.analysis.clock.model import TimeBounds, TimeSource
from aoftool.units import format_time_ms

__all__ = ["BOUNDS", "INFERRED", "MOST_BOUND_S", "bounds_json", "inferred_time", "marked"]

INFERRED = ", no #TS: times inferred (~)"
"""What is added to a heading above such times."""

BOUNDS = ("earliest_ms", "latest_ms", "earliest_from", "latest_from")
"""The members of `bounds_json`."""

MOST_BOUND_S = 12 * 3600
"""What is known no better than to a day or so is no time of day."""

# These hold for a whole file, and say nothing of one command in it.
_OF_FILES = frozenset((TimeSource.BASE, TimeSource.FILE))


def inferred_time(bounds: TimeBounds) -> tuple[str | None, str]:
    """Return a time in whole seconds and how far off it may be, such as `±3s`; None where nobody knows."""
    earliest, latest = bounds.earliest_ms, bounds.latest_ms
    if earliest is None or latest is None or latest < earliest or _OF_FILES.issuperset(bounds.sources):
        return None, ""
    middle_ms = (earliest + latest) // 2000 * 1000
    bound_s = max(-(-max(latest - middle_ms, middle_ms - earliest) // 1000), 1)
    return (format_time_ms(middle_ms), _bound(bound_s)) if bound_s <= MOST_BOUND_S else (None, "")


def marked(clock: str, bound: str) -> str:
    """Return a time of day for a column; with a bound it is marked as inferred."""
    return f"~{clock.rstrip('Z')} {bound}" if bound else clock.rstrip("Z") or "-"


def _bound(seconds: int) -> str:
    """Return a bound in few characters, rounded up."""
    if seconds < 120:
        return f"±{seconds}s"
    minutes = -(-seconds // 60)
    return f"±{minutes}m" if minutes < 120 else f"±{-(-minutes // 60)}h"


def bounds_json(bounds: TimeBounds) -> dict[str, int | str | None]:
    """Return bounds and what they are known from as JSON members."""
    sources = (bounds.earliest_from, bounds.latest_from)
    names = (None if source is None else source.value for source in sources)
    return dict(zip(BOUNDS, (bounds.earliest_ms, bounds.latest_ms, *names), strict=True))
