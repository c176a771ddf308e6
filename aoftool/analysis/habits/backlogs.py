"""Do lists and streams grow: what went in against what came out, key by key.

Counts what commands say: elements pushed and popped, entries added and deleted. What LTRIM, LREM, XTRIM and
MAXLEN remove they do not say, so a key with such commands has its growth left open.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.analysis.habits.model import Cell, Column, HabitTable, Unit
from aoftool.analysis.habits.reading import KEYS_FOLLOWED
from aoftool.commands.groups import DELETES, WHOLE
from aoftool.dataclass import dataclass
from aoftool.resp.model import Command
from aoftool.units import format_count

__all__ = ["Backlogs"]

# What makes lists and streams longer, and shorter.
_PUSHES = frozenset((b"LPUSH", b"RPUSH", b"LPUSHX", b"RPUSHX"))
# One of what they take; some take more.
_POPS = frozenset((b"LPOP", b"RPOP"))
# Take from one list and give to another.
_MOVES = frozenset((b"RPOPLPUSH", b"LMOVE", b"BRPOPLPUSH", b"BLMOVE"))
# Take away what nobody read.
_TRIMS = frozenset((b"LTRIM", b"LREM", b"XTRIM"))
_TRIMMING = frozenset((b"MAXLEN", b"MINID"))
_COLUMNS = [
    Column("key", "key", Unit.KEY),
    Column("db", "db", Unit.NUMBER),
    Column("in", "in", Unit.COUNT),
    Column("out", "out", Unit.COUNT),
    Column("growth", "growth", Unit.COUNT),
    Column("trimmed", "trims", Unit.COUNT),
    Column("in_per_s", "in/s", Unit.RATE),
    Column("out_per_s", "out/s", Unit.RATE),
]


@dataclass(slots=True)
class _Row:
    put: int = 0
    taken: int = 0
    level: int = 0
    trims: int = 0
    first_s: int = -1
    last_s: int = -1


class Backlogs:
    """Count what goes into lists and streams, and out of them."""

    def __init__(self, most: int = KEYS_FOLLOWED) -> None:
        self._most = most
        self._rows: dict[tuple[int, bytes], _Row] = {}
        self._left_out = False

    def add(self, command: Command, keys: list[bytes], place: int) -> None:
        """Take a command."""
        if command.name in WHOLE:
            for (db, _), row in self._rows.items():
                if command.name == b"FLUSHALL" or (command.name == b"FLUSHDB" and db == command.db):
                    row.level = 0
            return
        if command.name in DELETES:
            for key in keys:
                if (found := self._rows.get((command.db, key))) is not None:
                    found.level = 0
            return
        for key, put, taken, trims in _flows(command):
            if key not in keys:
                continue
            place_of = command.db, key
            held = self._rows.get(place_of)
            if held is None:
                if len(self._rows) >= self._most:
                    self._left_out = True
                    continue
                held = self._rows[place_of] = _Row()
            held.put += put
            held.taken += taken
            held.level += put - taken
            held.trims += trims
            if command.time_s >= 0:
                held.first_s = command.time_s if held.first_s < 0 else held.first_s
                held.last_s = command.time_s

    def table(self, top: int) -> HabitTable:
        """Return keys by how much more went in than came out."""
        ranked = sorted(
            self._rows.items(), key=lambda item: (item[1].trims > 0, -item[1].level, -item[1].put, item[0])
        )
        out = HabitTable("backlog", list(_COLUMNS), left_out=max(len(ranked) - top, 0))
        for (db, key), row in ranked[:top]:
            span = row.last_s - row.first_s + 1 if row.first_s >= 0 else 0
            rates: list[Cell] = [row.put / span, row.taken / span] if span > 0 else [None, None]
            growth = None if row.trims else row.level
            out.rows.append([key, db, row.put, row.taken, growth, row.trims, *rates])
        growing = sum(row.level > 0 and not row.trims for row in self._rows.values())
        text = f"{format_count(len(self._rows))}, {format_count(growing)} of them with more in than out"
        out.facts.append(("queues", text))
        out.notes.append("growth is since the last deletion of the key; trims remove what no command counts")
        if self._left_out:
            out.notes.append(f"more than {format_count(self._most)} lists and streams: only the first count")
        return out


def _flows(command: Command) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield (key, elements put, elements taken, trims) of a command on lists or streams."""
    name, argv = command.name, command.argv
    if len(argv) < 2:
        return
    key = argv[1]
    if name in _PUSHES:
        yield key, len(argv) - 2, 0, 0
    elif name == b"LINSERT":
        yield key, 1, 0, 0
    elif name in _POPS:
        yield key, 0, int(argv[2][:9]) if len(argv) > 2 and argv[2].isdigit() else 1, 0
    elif name in _MOVES and len(argv) > 2:
        yield key, 0, 1, 0
        yield argv[2], 1, 0, 0
    elif name == b"XADD":
        yield key, 1, 0, int(bool(_TRIMMING & {word.upper() for word in argv[2:6]}))
    elif name == b"XDEL":
        yield key, 0, len(argv) - 2, 0
    elif name in _TRIMS:
        yield key, 0, 0, 1
