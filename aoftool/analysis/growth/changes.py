"""Where a row of figures changes its level: change points and bursts. Knows numbers only."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

__all__ = ["bursts", "change_points"]

Matrix = npt.NDArray[np.float64]

_MOST = 4
_SHORTEST = 2
# A change is believed when it explains this many times the noise, with a floor for rows without any.
_PENALTY = 8.0
_NOISE_FLOOR = 0.05


def change_points(figures: Matrix, least_step: float) -> list[int]:
    """Return the numbers of the rows from which on the level differs, ascending.

    Binary segmentation: the cut that lowers the sum of squares most is taken while it lowers it by far
    more than noise would, noise being told by the differences of neighbours: where figures come and go,
    that is their nature and no change.

    Args:
        figures: shape (steps, features).
        least_step: a smaller change of level, as largest difference of a feature, is not worth a word.
    """
    steps = len(figures)
    if steps < 2 * _SHORTEST:
        return []
    noise = np.maximum(_usual_difference(figures), _NOISE_FLOOR) ** 2
    penalty = _PENALTY * math.log(steps)
    cuts = [0, steps]
    while len(cuts) < _MOST + 2:
        found = [
            best
            for start, end in itertools.pairwise(cuts)
            if (best := _best_cut(figures / np.sqrt(noise), start, end)) is not None and best[0] > penalty
        ]
        found = [item for item in found if _step(figures, cuts, item[1]) >= least_step]
        if not found:
            break
        cuts = sorted([*cuts, max(found)[1]])
    return [cut for cut in cuts[1:-1] if _step(figures, cuts, cut) >= least_step]


def _usual_difference(figures: Matrix) -> Matrix:
    """Return the mean difference of neighbours, without a few that may be the changes looked for."""
    differences = np.sort(np.abs(np.diff(figures, axis=0)), axis=0)
    kept: Matrix = differences[: len(differences) - min(_MOST, len(differences) // 4)]
    return np.asarray(kept.mean(axis=0))


def _best_cut(figures: Matrix, start: int, end: int) -> tuple[float, int] | None:
    """Return (how far the sum of squares falls, where to cut) for a stretch."""
    count = end - start
    if count < 2 * _SHORTEST:
        return None
    sums = np.cumsum(figures[start:end], axis=0)
    sizes = np.arange(1, count)[:, None]
    left = sums[:-1] / sizes
    right = (sums[-1] - sums[:-1]) / (count - sizes)
    gains = (sizes * (count - sizes) / count * (left - right) ** 2).sum(axis=1)
    allowed = gains[_SHORTEST - 1 : count - _SHORTEST]
    best = int(np.argmax(allowed))
    return float(allowed[best]), start + best + _SHORTEST


def _step(figures: Matrix, cuts: list[int], cut: int) -> float:
    """Return the largest difference of the levels on both sides of a cut."""
    before = max(other for other in cuts if other < cut)
    after = min(other for other in cuts if other > cut)
    return float(np.abs(figures[before:cut].mean(axis=0) - figures[cut:after].mean(axis=0)).max())


def bursts(figures: npt.NDArray[np.int64], factor: float, most: int = 5) -> list[tuple[int, int, float]]:
    """Return (first, last, factor of the largest) of runs above `factor` times the median, largest first.

    The median is that of the figures that are not zero; with fewer than five of those there is none.
    """
    used = figures[figures > 0]
    if len(used) < 5:
        return []
    median = float(np.median(used))
    high = np.concatenate(([False], figures > factor * median, [False]))
    edges = np.flatnonzero(np.diff(high.astype(np.int8)))
    runs = [
        (int(first), int(end) - 1, float(figures[first:end].max()) / median)
        for first, end in zip(edges[::2], edges[1::2], strict=True)
    ]
    # A run over half of the log is a level, not a burst.
    runs = [run for run in runs if run[1] - run[0] + 1 <= max(len(figures) // 4, 1)]
    return sorted(runs, key=lambda run: (-run[2], run[0]))[:most]
