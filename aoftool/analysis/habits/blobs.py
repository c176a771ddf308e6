"""Are large strings rewritten for small changes: how alike consecutive values of a key are.

Alike means what two values have in common at their beginnings and their ends: exact for a change in one
place, too low for changes in many. Compressed and encrypted values look unlike.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from aoftool.analysis.habits.model import Column, HabitTable, Unit
from aoftool.commands.groups import WHOLE
from aoftool.dataclass import dataclass, field
from aoftool.resp.model import Command
from aoftool.units import counted, format_bytes, format_count

__all__ = ["Blobs"]

BLOB_BYTES = 4096
_HELD_BYTES = 256 << 20
_COLUMNS = [
    Column("prefix", "prefix", Unit.PREFIX),
    Column("keys", "keys", Unit.COUNT),
    Column("rewrites", "rewrites", Unit.COUNT),
    Column("mean_bytes", "mean", Unit.BYTES),
    Column("alike", "alike", Unit.SHARE),
    Column("repeated_bytes", "repeated", Unit.BYTES),
]


@dataclass(slots=True)
class _Row:
    keys: set[int] = field(default_factory=set)
    rewrites: int = 0
    size_bytes: int = 0
    alike_bytes: int = 0


class Blobs:
    """Compare each large string with the one it takes the place of.

    Args:
        least: bytes that a value has at least.
        held: bytes of earlier values kept; above that the longest unused go first.
    """

    def __init__(
        self, prefix: Callable[[bytes], bytes], *, least: int = BLOB_BYTES, held: int = _HELD_BYTES
    ) -> None:
        self._prefix, self._least, self._most = prefix, least, held
        self._values: OrderedDict[tuple[int, bytes], bytes] = OrderedDict()
        self._held = 0
        self._dropped = 0
        self._rows: dict[bytes, _Row] = {}

    def add(self, command: Command, keys: list[bytes], place: int) -> None:
        """Take a command."""
        name, argv = command.name, command.argv
        if name in WHOLE:
            if name != b"SWAPDB":
                for place_of in [at for at in self._values if name == b"FLUSHALL" or at[0] == command.db]:
                    self._take(place_of)
            return
        if name == b"SET" and len(argv) > 2 and keys:
            self._compare((command.db, argv[1]), argv[2])
            return
        if b"EXPIRE" not in name and name != b"PERSIST":
            for key in keys:
                self._take((command.db, key))

    def _take(self, key: tuple[int, bytes]) -> bytes | None:
        old = self._values.pop(key, None)
        self._held -= 0 if old is None else len(old)
        return old

    def _compare(self, key: tuple[int, bytes], value: bytes) -> None:
        old = self._take(key)
        if len(value) < self._least:
            return
        if old is not None:
            row = self._rows.setdefault(self._prefix(key[1]), _Row())
            row.keys.add(hash(key))
            row.rewrites += 1
            row.size_bytes += len(value)
            row.alike_bytes += alike_bytes(old, value)
        self._values[key] = value
        self._held += len(value)
        while self._held > self._most and len(self._values) > 1:
            self._take(next(iter(self._values)))
            self._dropped += 1

    def table(self, top: int) -> HabitTable:
        """Return prefixes by the bytes that were written again."""
        ranked = sorted(self._rows.items(), key=lambda item: (-item[1].alike_bytes, item[0]))
        out = HabitTable("blobs", list(_COLUMNS), left_out=max(len(ranked) - top, 0))
        for prefix, row in ranked[:top]:
            alike = row.alike_bytes / row.size_bytes
            mean = row.size_bytes // row.rewrites
            out.rows.append([prefix, len(row.keys), row.rewrites, mean, alike, row.alike_bytes])
        rewrites = sum(row.rewrites for row in self._rows.values())
        repeated = sum(row.alike_bytes for row in self._rows.values())
        text = f"{format_count(rewrites)} of strings of {format_bytes(self._least)} and more"
        out.facts.append(("rewrites", f"{text}; {format_bytes(repeated)} were there before"))
        if self._dropped:
            out.notes.append(
                f"{counted(self._dropped, 'value was', 'values were')} not held until the next: more than"
                f" {format_bytes(self._most)} at a time"
            )
        return out


def alike_bytes(old: bytes, new: bytes) -> int:
    """Return how many bytes two values have in common at their beginnings and ends."""
    most = min(len(old), len(new))
    front = _same(most, lambda size: old[:size] == new[:size])
    return front + _same(most - front, lambda size: old[len(old) - size :] == new[len(new) - size :])


def _same(most: int, is_same: Callable[[int], bool]) -> int:
    """Return the greatest size for which something holds, given that it holds for all below."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if is_same(middle):
            least = middle
        else:
            most = middle - 1
    return least
