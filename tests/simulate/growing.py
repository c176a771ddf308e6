"""A log that grows evenly, as plain figures."""

from __future__ import annotations

from aoftool.simulate.model import Measured, Pace, SizePoint, Start

MB = 1_000_000


def even(
    seconds: float = 100,
    rate: int = MB,
    left: int = MB,
    left_at_end: int | None = None,
    start: Start | None = None,
    pace: Pace = Pace.TIMES,
) -> Measured:
    """Return a log of `rate` bytes a second, of which a rewrite leaves from `left` to `left_at_end`."""
    total = round(seconds * rate)
    sizes = [
        SizePoint(0, left, 10, left / 1e8),
        SizePoint(total, left_at_end or left, 10, (left_at_end or left) / 1e8),
    ]
    return Measured(pace, [0.0, seconds], [0, total], [0, total], [0.0, total / 1e7], sizes, start or Start())
