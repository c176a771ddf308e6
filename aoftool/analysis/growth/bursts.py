"""Neighbouring figures far above the others. Knows numbers only."""

from __future__ import annotations

from itertools import groupby

__all__ = ["bursts", "median"]


def median(figures: list[int]) -> float:
    """Return the middle one, or the mean of the two in the middle; there must be one."""
    ordered, middle = sorted(figures), len(figures) // 2
    return float(ordered[middle]) if len(figures) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def bursts(figures: list[int], factor: float, most: int = 5) -> list[tuple[int, int, float]]:
    """Return (first, last, factor of the largest) of runs above `factor` times the median, largest first.

    The median is that of the figures that are not zero; with fewer than five of those there is none.
    """
    used = [figure for figure in figures if figure > 0]
    if len(used) < 5:
        return []
    usual = median(used)
    runs = []
    for is_high, places in groupby(range(len(figures)), lambda place: figures[place] > factor * usual):
        run = list(places)
        # A run over half of the log is a level, not a burst.
        if is_high and len(run) <= max(len(figures) // 4, 1):
            runs.append((run[0], run[-1], max(figures[place] for place in run) / usual))
    return sorted(runs, key=lambda run: (-run[2], run[0]))[:most]
