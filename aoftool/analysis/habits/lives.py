"""How long keys live: from the first write to the deletion, by prefix.

A key that a command emptied without naming it for deletion still counts as there; keys of the RDB part were
born before, nobody knows when, and are left out. Percentiles come from a histogram whose steps are 2 %.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable

from aoftool.analysis.habits.model import Cell, Column, HabitTable, Unit
from aoftool.analysis.habits.reading import KEYS_FOLLOWED
from aoftool.commands.groups import RENAMES, WHOLE
from aoftool.dataclass import dataclass, field
from aoftool.resp.model import Command
from aoftool.units import counted, format_count

__all__ = ["Lives"]

# End the life of a key in its database.
_GONE = frozenset((b"DEL", b"UNLINK", b"GETDEL", b"MOVE"))
_STEP = 1.02
_BEFORE = -1


@dataclass(slots=True)
class _Row:
    born: int = 0
    ended: int = 0
    short: int = 0
    lengths: Counter[int] = field(default_factory=Counter)

    def percentile(self, share: float) -> int | None:
        """Return a length that so many lives do not exceed."""
        left = math.ceil(share * self.ended)
        for step in sorted(self.lengths):
            left -= self.lengths[step]
            if left <= 0:
                return 0 if step < 0 else round(_STEP**step)
        return None


class Lives:
    """Follow keys from their first write to their deletion.

    Args:
        timed: measure in seconds by `#TS`; else in commands.
        there: (database, key) of those that were there before the first command.
    """

    def __init__(
        self,
        prefix: Callable[[bytes], bytes],
        *,
        timed: bool,
        there: Iterable[tuple[int, bytes]] = (),
        most: int = KEYS_FOLLOWED,
    ) -> None:
        self._prefix, self._timed, self._most = prefix, timed, most
        self._births: dict[int, dict[bytes, int]] = {}
        self._rows: dict[bytes, _Row] = {}
        self._left_out = 0
        self._held = 0
        for db, key in there:
            self._bear(self._births.setdefault(db, {}), key, _BEFORE)

    def add(self, command: Command, keys: list[bytes], place: int) -> None:
        """Take a command."""
        now = max(command.time_s, 0) if self._timed else place
        name = command.name
        if name in WHOLE:
            self._whole(command, now)
            return
        births = self._births.setdefault(command.db, {})
        if name in RENAMES and len(command.argv) == 3:
            self._rename(births, command.argv[1], command.argv[2], now)
        elif name in _GONE:
            for key in keys:
                self._end(births, key, now)
        else:
            for key in keys:
                if key not in births:
                    self._bear(births, key, now)

    def _bear(self, births: dict[bytes, int], key: bytes, now: int) -> None:
        if self._held >= self._most:
            self._left_out += 1
            return
        self._held += 1
        births[key] = now
        if now != _BEFORE:
            self._rows.setdefault(self._prefix(key), _Row()).born += 1

    def _end(self, births: dict[bytes, int], key: bytes, now: int) -> None:
        born = births.pop(key, None)
        if born is None:
            return
        self._held -= 1
        if born == _BEFORE:
            return
        row, length = self._rows[self._prefix(key)], now - born
        row.ended += 1
        row.short += length <= 1
        row.lengths[-1 if length <= 0 else round(math.log(length, _STEP))] += 1

    def _rename(self, births: dict[bytes, int], old: bytes, new: bytes, now: int) -> None:
        """Let a life go on under another name; it counts for the prefix it was born with until then."""
        self._end(births, new, now)
        born = births.pop(old, None)
        if born is None:
            return
        births[new] = born
        if born != _BEFORE and self._prefix(old) != self._prefix(new):
            self._rows[self._prefix(old)].born -= 1
            self._rows.setdefault(self._prefix(new), _Row()).born += 1

    def _whole(self, command: Command, now: int) -> None:
        argv = command.argv
        if command.name == b"SWAPDB":
            if len(argv) == 3 and argv[1].isdigit() and argv[2].isdigit():
                one, two = int(argv[1][:9]), int(argv[2][:9])
                swapped = self._births.get(two, {}), self._births.get(one, {})
                self._births[one], self._births[two] = swapped
            return
        for db in [command.db] if command.name == b"FLUSHDB" else list(self._births):
            births = self._births.get(db, {})
            for key in list(births):
                self._end(births, key, now)

    def table(self, top: int) -> HabitTable:
        """Return prefixes by the number of lives that ended."""
        unit = Unit.SECONDS if self._timed else Unit.COUNT
        columns = [
            Column("prefix", "prefix", Unit.PREFIX),
            Column("born", "born", Unit.COUNT),
            Column("ended", "ended", Unit.COUNT),
            Column("p50", "half within", unit),
            Column("p99", "99 % within", unit),
            Column("short", "at once", Unit.SHARE),
        ]
        ranked = sorted(self._rows.items(), key=lambda item: (-item[1].ended, -item[1].born, item[0]))
        out = HabitTable("life", columns, left_out=max(len(ranked) - top, 0))
        for prefix, row in ranked[:top]:
            short: Cell = row.short / row.ended if row.ended else None
            out.rows.append([prefix, row.born, row.ended, row.percentile(0.5), row.percentile(0.99), short])
        born, ended = (sum(getattr(row, name) for row in self._rows.values()) for name in ("born", "ended"))
        out.facts.append(("keys", f"{format_count(born)} born, {format_count(ended)} of them ended"))
        unit_name = "seconds by #TS" if self._timed else "commands: too few #TS annotations to tell time"
        out.notes.append(f"lives are counted in {unit_name}; at once is within one")
        out.notes.append("keys that were emptied piece by piece still count as there")
        if self._left_out:
            out.notes.append(
                f"more than {counted(self._most, 'key')} at a time: {counted(self._left_out, 'birth')}"
                " were not followed"
            )
        return out
