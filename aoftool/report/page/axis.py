"""The axis of a time line: its steps, and where to write what."""

from __future__ import annotations

from aoftool.analysis.clock.model import Axis
from aoftool.analysis.growth.model import Growth
from aoftool.report.growth import axis_text
from aoftool.units import format_bytes, format_duration, format_time_ms

__all__ = ["axis_words", "edges_of", "seconds_ticks", "step_text", "ticks_of"]

_TICKS = 6
_DAY_S = 86_400


def edges_of(growth: Growth) -> list[int]:
    """Return where the steps begin, and where the last one ends."""
    return [*(bucket.start for bucket in growth.buckets), growth.buckets[-1].end]


def ticks_of(growth: Growth) -> list[tuple[int, str]]:
    """Return a few places of the axis with what to write there."""
    edges = edges_of(growth)
    chosen = sorted({round(number * (len(edges) - 1) / _TICKS) for number in range(_TICKS + 1)})
    return [(edges[at], step_text(edges[at], growth)) for at in chosen]


def step_text(place: int, growth: Growth) -> str:
    """Return a place of the axis in words."""
    if growth.axis is not Axis.TIME:
        return format_bytes(place)
    text = format_time_ms(place * 1000)
    return text if growth.buckets[-1].end - growth.buckets[0].start > _DAY_S else text[11:]


def axis_words(growth: Growth) -> str:
    """Return what the axis is, and how sure its times are."""
    return axis_text(growth)


def seconds_ticks(end_s: float) -> list[tuple[int, str]]:
    """Return places of an axis that begins at nought, in milliseconds."""
    return [
        (round(1000 * end_s * number / _TICKS), format_duration(end_s * number / _TICKS))
        for number in range(_TICKS + 1)
    ]
