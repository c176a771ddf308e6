"""What comes next under the present settings: the next rewrite, and a full disk."""

from __future__ import annotations

from aoftool.simulate.model import ChildTime, Forecast, Measured, Settings
from aoftool.simulate.running import at_place, size_at, trigger_bytes

__all__ = ["forecast"]

# The pace of the last quarter tells more of the future than that of the whole.
_RECENT = 0.75
# A data set that grows by less than this share of what is appended has come to rest.
_AT_REST = 0.002
_YEARS_S = 10 * 365 * 86400


def forecast(
    measured: Measured,
    settings: Settings,
    child: ChildTime,
    *,
    current_bytes: int,
    base_bytes: int,
    base_known: bool,
    free_bytes: int | None,
) -> Forecast:
    """Return when the log is rewritten next, what that takes, and when the disk is full.

    Args:
        current_bytes, base_bytes: as the server takes them to be, now.
    """
    due = trigger_bytes(base_bytes, settings)
    rate = _recent_rate(measured)
    made = measured.sizes[-1].size_bytes
    lives_s = child.seconds(made)
    needs = next_s = None
    if due is not None:
        until = max(due - current_bytes, 0)
        next_s = None if not rate else until / rate
        needs = until + made + round((rate or 0.0) * lives_s)
    full_s, why = _full(measured, settings, due, needs, current_bytes, free_bytes, rate)
    return Forecast(current_bytes, base_bytes, base_known, due, next_s, needs, free_bytes, full_s, why, rate)


def _recent_rate(measured: Measured) -> float | None:
    if measured.seconds is None:
        return None
    since = measured.times_s[-1] * _RECENT
    seconds = measured.times_s[-1] - since
    return (measured.appended_bytes - at_place(measured, since)) / seconds if seconds else measured.rate


def _full(
    measured: Measured,
    settings: Settings,
    due: int | None,
    needs: int | None,
    current_bytes: int,
    free_bytes: int | None,
    rate: float | None,
) -> tuple[float | None, str]:
    if free_bytes is None:
        return None, "free space is not known"
    if not rate:
        return None, "nothing tells a pace"
    if due is None or needs is None:
        return free_bytes / rate, "the log is never rewritten"
    if needs > free_bytes:
        return free_bytes / rate, "the next rewrite does not find the room that it needs"
    growth = _growth(measured) * rate
    made = measured.sizes[-1].size_bytes
    if growth <= _AT_REST * rate:
        return None, "what a rewrite leaves does not grow"
    # Old files up to the next trigger, and the new base beside them.
    limit = (free_bytes + current_bytes) / (2 + settings.percentage / 100)
    seconds = max(limit - made, 0) / growth
    if seconds > _YEARS_S:
        return None, "what a rewrite leaves grows too little"
    return seconds, "what a rewrite leaves grows"


def _growth(measured: Measured) -> float:
    """Return bytes by which a base grows for each byte appended, over the second half of the log."""
    since = size_at(measured, measured.appended_bytes // 2)
    last = measured.sizes[-1]
    span = last.place - since.place
    return max(last.size_bytes - since.size_bytes, 0) / span if span > 0 else 0.0
