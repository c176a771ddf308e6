"""Lay sizes out as tiles that are as square as may be.

Source: Bruls, Huizing and van Wijk, Squarified Treemaps, 2000.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["squarified"]

Place = tuple[float, float, float, float]
"""Left, top, width, height."""


def squarified(sizes: Sequence[int], width: float, height: float) -> list[Place]:
    """Return a place for each size, largest first, that together fill a rectangle.

    Args:
        sizes: above 0, descending.
    """
    total = sum(sizes)
    if not total:
        return []
    areas = [size * width * height / total for size in sizes]
    places: list[Place] = []
    left, top = 0.0, 0.0
    while areas:
        short = min(width, height)
        row = 1
        while row < len(areas) and _worst(areas[: row + 1], short) <= _worst(areas[:row], short):
            row += 1
        thick = sum(areas[:row]) / short if short else 0.0
        along = 0.0
        for area in areas[:row]:
            length = area / thick if thick else 0.0
            if width >= height:
                places.append((left, top + along, thick, length))
            else:
                places.append((left + along, top, length, thick))
            along += length
        if width >= height:
            left, width = left + thick, width - thick
        else:
            top, height = top + thick, height - thick
        areas = areas[row:]
    return places


def _worst(row: Sequence[float], short: float) -> float:
    """Return the ratio of sides of the least square tile of a row."""
    total = sum(row)
    if not total or not short:
        return float("inf")
    return max(short * short * max(row) / (total * total), total * total / (short * short * min(row)))
