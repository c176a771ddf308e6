"""Would keys be spread evenly over the slots of a cluster, and which commands would be refused there."""

from __future__ import annotations

from collections import Counter

from aoftool.analysis.habits.model import Column, HabitTable, Unit
from aoftool.commands.slots import SLOTS, slot_of
from aoftool.resp.model import Command
from aoftool.units import counted, format_count, format_share

__all__ = ["Slots"]

_EXAMPLES = 5
# So many keys of a slot are counted at a time: one with more than an eighth of its writes is never missed.
_COUNTED = 8
_COLUMNS = [
    Column("slot", "slot", Unit.NUMBER),
    Column("writes", "writes", Unit.COUNT),
    Column("share", "share", Unit.SHARE),
    Column("bytes", "bytes", Unit.BYTES),
    Column("key", "busiest key", Unit.KEY),
]


class Slots:
    """Count writes and bytes of every slot."""

    def __init__(self) -> None:
        self._writes: Counter[int] = Counter()
        self._bytes: Counter[int] = Counter()
        self._keys: dict[int, dict[bytes, int]] = {}
        self._crossing: Counter[bytes] = Counter()
        self._elsewhere = 0

    def add(self, command: Command, keys: list[bytes], place: int) -> None:
        """Take a command."""
        if not keys:
            return
        slots = [slot_of(key) for key in keys]
        self._elsewhere += command.db > 0
        if len(set(slots)) > 1:
            self._crossing[command.name] += 1
        for key, slot in zip(keys, slots, strict=True):
            self._writes[slot] += 1
            self._bytes[slot] += command.length // len(keys)
            _count(self._keys.setdefault(slot, {}), key)

    def _busiest(self, slot: int) -> bytes:
        """Return the key with most writes, of several the one that was there first."""
        counts = self._keys[slot]
        return max(counts, key=lambda key: counts[key])

    def table(self, top: int) -> HabitTable:
        """Return the slots with most writes."""
        ranked = sorted(self._writes, key=lambda slot: (-self._writes[slot], slot))
        total = sum(self._writes.values())
        out = HabitTable("slot", list(_COLUMNS), left_out=max(len(ranked) - top, 0))
        for slot in ranked[:top]:
            writes = self._writes[slot]
            out.rows.append([slot, writes, writes / total, self._bytes[slot], self._busiest(slot)])
        out.facts.append(("slots", f"{format_count(len(ranked))} of {format_count(SLOTS)} have writes"))
        if ranked:
            mean = total / len(ranked)
            most = self._writes[ranked[0]]
            text = f"{most / mean:.1f} times the mean of those, {format_share(most, total)} of all"
            out.facts.append(("fullest", text))
        named = ", ".join(
            f"{name.decode('ascii', 'replace')} {format_count(count)}"
            for name, count in self._crossing.most_common(_EXAMPLES)
        )
        out.facts.append(("cross-slot", named or "no command names keys of several slots"))
        if self._elsewhere:
            text = f"{counted(self._elsewhere, 'command')}: before Valkey 9 a cluster has database 0 only"
            out.facts.append(("other databases", text))
        return out


def _count(counts: dict[bytes, int], key: bytes) -> None:
    """Count a key, in the place of the rarest where there is no other (Space-Saving)."""
    if key not in counts and len(counts) >= _COUNTED:
        rarest = min(counts, key=lambda other: counts[other])
        counts[key] = counts.pop(rarest)
    counts[key] = counts.get(key, 0) + 1
