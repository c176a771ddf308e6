"""Was a key hot: its share of all writes in a stretch of the log, against its share of the whole.

A stretch is ten seconds by `#TS`, else a hundredth of the log. Only writes are logged: a key that is hot by
reads never shows.
"""

from __future__ import annotations

from collections import Counter

from aoftool.analysis.habits.model import Cell, Column, HabitTable, Unit
from aoftool.dataclass import dataclass
from aoftool.resp.model import Command
from aoftool.units import counted, format_count

__all__ = ["HotKeys"]

HOT_SHARE = 0.2
_STRETCH_S = 10
_LEAST_WRITES = 20
_KEPT_OF_EACH = 16
_MOST_KEYS = 1 << 21
_COLUMNS = [
    Column("key", "key", Unit.KEY),
    Column("db", "db", Unit.NUMBER),
    Column("peak", "peak", Unit.SHARE),
    Column("usual", "all along", Unit.SHARE),
    Column("writes", "writes", Unit.COUNT),
    Column("hot", "hot", Unit.COUNT),
    Column("since_s", "peak from", Unit.TIME),
]
_PLACE = Column("at", "peak at", Unit.SHARE)

Key = tuple[int, bytes]


@dataclass(slots=True)
class _Peak:
    share: float = 0.0
    time_s: int = -1
    place: int = 0
    hot: int = 0


class HotKeys:
    """Find keys that take much of a stretch.

    Args:
        timed: stretches are of ten seconds; else of `step` commands.
    """

    def __init__(self, *, timed: bool, step: int = 1000) -> None:
        self._timed, self._step = timed, max(step, _LEAST_WRITES)
        self._stretch = -1
        self._here: Counter[Key] = Counter()
        self._all: Counter[Key] = Counter()
        self._writes = self._written_here = self._stretches = self._last = 0
        self._begins = (0, -1)
        self._peaks: dict[Key, _Peak] = {}

    def add(self, command: Command, keys: list[bytes], place: int) -> None:
        """Take a command."""
        stretch = command.time_s // _STRETCH_S if self._timed else place // self._step
        if stretch != self._stretch:
            self._close()
            self._stretch = stretch
            self._begins = place, stretch * _STRETCH_S if self._timed and command.time_s >= 0 else -1
        self._last = place
        for key in keys:
            self._here[command.db, key] += 1
        self._written_here += bool(keys)

    def _close(self) -> None:
        """Count the stretch that ends."""
        writes = self._written_here
        self._writes += writes
        self._stretches += 1
        if writes >= _LEAST_WRITES:
            for key, count in self._here.most_common(_KEPT_OF_EACH):
                self._note(key, count / writes)
        for key, count in self._here.items():
            if key in self._all or len(self._all) < _MOST_KEYS:
                self._all[key] += count
        self._here.clear()
        self._written_here = 0

    def _note(self, key: Key, share: float) -> None:
        peak = self._peaks.setdefault(key, _Peak())
        peak.hot += share >= HOT_SHARE
        if share > peak.share:
            peak.share, peak.place, peak.time_s = share, *self._begins

    def table(self, top: int) -> HabitTable:
        """Return keys by their greatest share of a stretch."""
        self._close()
        ranked = sorted(self._peaks.items(), key=lambda item: (-item[1].share, item[0]))
        columns = _COLUMNS if self._timed else [*_COLUMNS[:-1], _PLACE]
        out = HabitTable("hot", list(columns), left_out=max(len(ranked) - top, 0))
        for (db, key), peak in ranked[:top]:
            writes = self._all[db, key]
            when: Cell = peak.time_s if peak.time_s >= 0 else None
            usual = writes / max(self._writes, 1)
            where: Cell = when if self._timed else peak.place / max(self._last, 1)
            out.rows.append([key, db, peak.share, usual, writes, peak.hot, where])
        hot = sum(peak.hot > 0 for peak in self._peaks.values())
        text = f"{format_count(hot)} with at least a fifth of the writes of a stretch"
        out.facts.append(("hot keys", text))
        stretch = f"{_STRETCH_S} s" if self._timed else counted(self._step, "command")
        out.notes.append(f"a stretch is {stretch}; those with fewer than {_LEAST_WRITES} writes do not count")
        out.notes.append("hot counts the stretches with at least a fifth of the writes")
        return out
