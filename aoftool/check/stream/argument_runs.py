"""Where whole arguments that stand side by side lead, each of them read once.

Behind damage the same bytes are asked about again and again: whether from here exactly so many arguments
end there. Runs of arguments are therefore kept, and a run that meets another goes on as that one.
"""

from __future__ import annotations

from aoftool.check.stream.shapes import read_argument
from aoftool.check.stream.window import Reader

__all__ = ["ArgumentRuns"]


class ArgumentRuns:
    """Count arguments between two offsets of one file.

    Args:
        reader: the file.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        # Offsets where arguments start, and one behind the last; where a run meets another, in its turn.
        self._runs: list[list[int]] = []
        self._joins: list[tuple[int, int] | None] = []
        self._places: dict[int, tuple[int, int]] = {}

    def count(self, at: int, end: int) -> int | None:
        """Return how many whole canonical arguments fill a span exactly, None when none do."""
        if at >= end:
            return 0 if at == end else None
        self._follow(at)
        target = self._places.get(end)
        if target is None:
            return None
        run, index = self._places[at]
        done = 0
        while run != target[0]:
            join = self._joins[run]
            if join is None:
                return None
            done += len(self._runs[run]) - index
            run, index = join
        return done + target[1] - index if target[1] >= index else None

    def _follow(self, at: int) -> None:
        """Read the arguments from an offset on, up to one that is known or to what is none."""
        if at in self._places:
            return
        number, run = len(self._runs), list[int]()
        join = None
        while True:
            join = self._places.get(at)
            if join is not None:
                break
            self._places[at] = number, len(run)
            run.append(at)
            argument = read_argument(self._reader, at)
            if argument is None:
                break
            at = argument.end
        self._runs.append(run)
        self._joins.append(join)
