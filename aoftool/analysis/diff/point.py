"""A state of a log that is compared."""

from __future__ import annotations

from aoftool.dataclass import dataclass

__all__ = ["Point"]


@dataclass(frozen=True, slots=True)
class Point:
    """A state of a log: before the command at a place, or at the end of a second, or at its end.

    Attributes:
        place: (file number, offset).
        time_s: Unix time, by `#TS`.
        words: as the user typed it.
    """

    place: tuple[int, int] | None = None
    time_s: int | None = None
    words: str = ""
