"""Dead bytes by key and prefix, from a decided trace.

Whose they are in a row with several keys is said by `aoftool.liveness._dead_py`: they add up to the dead
bytes of all commands with keys. Where each gets its own, it is what the census counts for it, from the key up
to the next one; in commands whose values are not known that may differ, so whoever shows both takes no more
than was counted.
"""

from __future__ import annotations

from itertools import compress

from aoftool.analysis.census.templates import Template, prefix_of
from aoftool.columns import Column, array_of, zeros
from aoftool.dataclass import dataclass
from aoftool.liveness.model import Trace
from aoftool.liveness.native import add_dead

__all__ = ["DeadBytes", "dead_bytes"]


@dataclass
class DeadBytes:
    """Dead bytes by number of the key in the trace, 64 bits wide."""

    trace: Trace
    by_key: Column

    def of(self, db: int, key: bytes) -> int:
        """Return the dead bytes of a key, by the database it is in where the log ends."""
        number = self.trace.keys.find(self.trace.numbering.get(db, db), key)
        return 0 if number < 0 else self.by_key[number]

    def by_prefix(self, template: Template) -> dict[bytes, int]:
        """Return dead bytes by prefix; one step of Python for each key."""
        found: dict[bytes, int] = {}
        for number in compress(range(len(self.by_key)), self.by_key):
            prefix = prefix_of(self.trace.keys.key(number), template)
            found[prefix] = found.get(prefix, 0) + self.by_key[number]
        return found

    def top(self, limit: int) -> list[tuple[int, bytes, int]]:
        """Return (db, key, dead bytes) of the keys with most."""
        if not limit or not len(self.by_key):
            return []
        chosen = (-array_of(self.by_key)).argsort(kind="stable")[:limit]
        homes = self.trace.keys.home_column()
        return [
            (self.trace.final_number(homes[n]), self.trace.keys.key(n), self.by_key[n])
            for n in chosen.tolist()
            if self.by_key[n]
        ]


def dead_bytes(trace: Trace) -> DeadBytes:
    """Return the dead bytes of every key of a trace whose fates are decided."""
    total = zeros("q", len(trace.keys))
    for chunk in trace.chunks:
        add_dead(chunk, trace.keys, total)
    return DeadBytes(trace, total)
