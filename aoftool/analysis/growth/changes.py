"""Where a row of figures changes its level, and what drives that."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

from aoftool.analysis.growth.model import Bucket, Change, GrowthRow

__all__ = ["change_points", "changes_of"]

Matrix = npt.NDArray[np.float64]

_MOST = 4
_SHORTEST = 2
# A change is believed when it explains this many times the noise, with a floor for rows without any.
_PENALTY = 8.0
_NOISE_FLOOR = 0.05
# A rate that does not grow or fall by half is no change; a share must move by this much.
_RATE_STEP = 0.58
_SHARE_STEP = 0.2
# Rows that are looked at for a change.
_SHOWN_ROWS = 8


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


def changes_of(
    buckets: list[Bucket], width: int, rows: list[GrowthRow], commands: list[GrowthRow], timed: bool
) -> list[Change]:
    """Return the buckets from which on things are different.

    Args:
        width: of a bucket.
        rows, commands: what the buckets hold, by what is shown and by command, largest first.
        timed: buckets are stretches of time, else of the files.
    """
    sizes = np.array([bucket.size_bytes for bucket in buckets], np.float64)
    if timed:
        # The last bucket is cut short by the end of the log.
        figures = np.log2(sizes[:-1] / width + 1)[:, None]
        step = _RATE_STEP
        scale = np.full(len(sizes), 1 / width)
    else:
        scale = np.divide(1, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        shares = [np.array(row.bucket_bytes) * scale for row in rows[:_SHOWN_ROWS]]
        figures = np.stack(shares, axis=1) if shares else np.zeros((0, 1))
        step = _SHARE_STEP
    cuts = change_points(figures, step)
    edges = [0, *cuts, len(figures)]
    return [
        _change(edges[n], edges[n + 1], edges[n + 2], rows, commands, scale, sizes, timed)
        for n in range(len(cuts))
    ]


def _change(
    start: int,
    cut: int,
    end: int,
    rows: list[GrowthRow],
    commands: list[GrowthRow],
    scale: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.float64],
    timed: bool,
) -> Change:
    def level(row: GrowthRow, first: int, last: int) -> float:
        return float((np.array(row.bucket_bytes[first:last]) * scale[first:last]).mean())

    def moved(row: GrowthRow) -> float:
        return level(row, cut, end) - level(row, start, cut)

    driver = max(rows, key=lambda row: (abs(moved(row)), row.name))
    command = max(commands, key=lambda row: (abs(moved(row)), row.name))
    before, after = level(driver, start, cut), level(driver, cut, end)
    if timed:
        totals = float((sizes * scale)[start:cut].mean()), float((sizes * scale)[cut:end].mean())
    else:
        totals = before, after
    return Change(cut, *totals, driver.name, before, after, command.name)
