"""Rows of figures as one line of blocks, scaled to their largest."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["fold", "sparkline"]

_BLOCKS = "▁▂▃▄▅▆▇█"


def fold(figures: Sequence[int], width: int) -> list[int]:
    """Return at most `width` sums of neighbours, each of the same number of them but the last."""
    step = -(-len(figures) // max(width, 1)) or 1
    return [sum(figures[at : at + step]) for at in range(0, len(figures), step)]


def sparkline(figures: Sequence[float], most: float | None = None) -> str:
    """Return one block for each figure, a blank for nothing; `most` is what fills a block."""
    top = max(figures, default=0) if most is None else most
    if top <= 0:
        return " " * len(figures)
    return "".join(_block(figure / top) if figure > 0 else " " for figure in figures)


def _block(share: float) -> str:
    return _BLOCKS[min(int(share * len(_BLOCKS)), len(_BLOCKS) - 1)]
