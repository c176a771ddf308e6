"""Dead bytes by key and prefix, from a decided trace.

A row with several keys that is dead gives each what it takes with its value, where that is known, else each
the same part, and the first one what is left over; one that loses some keys gives their bytes to those. So
they add up to the dead bytes of all commands with keys. Where each gets its own, it is what the census counts
for it, from the key up to the next one; in commands whose values are not known that may differ, so whoever
shows both takes no more than was counted.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aoftool.analysis.census.templates import Template, prefix_of
from aoftool.dataclass import dataclass
from aoftool.liveness.model import DEAD_FROM, DROPPED, LAST, Chunk, Fate, KeyTable, Op, Trace

__all__ = ["DeadBytes", "dead_bytes"]

Column = npt.NDArray[np.int64]


@dataclass
class DeadBytes:
    """Dead bytes by number of the key in the trace."""

    trace: Trace
    by_key: Column

    def of(self, db: int, key: bytes) -> int:
        """Return the dead bytes of a key, by the database it is in where the log ends."""
        number = self.trace.keys.find(self.trace.numbering.get(db, db), key)
        return 0 if number < 0 else int(self.by_key[number])

    def by_prefix(self, template: Template) -> dict[bytes, int]:
        """Return dead bytes by prefix; one step of Python for each key."""
        found: dict[bytes, int] = {}
        for number in np.flatnonzero(self.by_key).tolist():
            prefix = prefix_of(self.trace.keys.key(number), template)
            found[prefix] = found.get(prefix, 0) + int(self.by_key[number])
        return found

    def top(self, limit: int) -> list[tuple[int, bytes, int]]:
        """Return (db, key, dead bytes) of the keys with most."""
        if not limit or not len(self.by_key):
            return []
        chosen = np.argsort(-self.by_key, kind="stable")[:limit]
        homes = self.trace.keys.databases()
        return [
            (self.trace.final_number(int(homes[n])), self.trace.keys.key(int(n)), int(self.by_key[n]))
            for n in chosen.tolist()
            if self.by_key[n]
        ]


def dead_bytes(trace: Trace) -> DeadBytes:
    """Return the dead bytes of every key of a trace whose fates are decided."""
    total = np.zeros(len(trace.keys), np.int64)
    for chunk in trace.chunks:
        _add_single(total, chunk)
        _add_multiple(total, chunk, trace.keys)
    return DeadBytes(trace, total)


def _add_single(total: Column, chunk: Chunk) -> None:
    rows = np.flatnonzero(
        (chunk.fates >= DEAD_FROM) & (chunk.ops >= Op.ONE_CHANGES) & (chunk.ops <= Op.ONE_SETS)
    )
    lengths = np.diff(chunk.offsets)[rows]
    # Sums of floats are exact below 2^53 bytes.
    total += np.bincount(chunk.keys[rows], weights=lengths, minlength=len(total)).astype(np.int64)


def _add_multiple(total: Column, chunk: Chunk, keys: KeyTable) -> None:
    many = (chunk.ops >= Op.MANY) & (chunk.ops <= Op.SORT)
    rows = np.flatnonzero(many & ((chunk.fates >= DEAD_FROM) | (chunk.fates == Fate.TRIMMED)))
    if not len(rows):
        return
    first = chunk.keys[rows].astype(np.int64)
    lasts = np.flatnonzero(chunk.ref_effects & LAST)
    counts = lasts[np.searchsorted(lasts, first)] - first + 1
    lengths = np.diff(chunk.offsets)[rows]
    starts = np.cumsum(counts) - counts
    refs = np.repeat(first - starts, counts) + np.arange(int(counts.sum()))
    taken = chunk.ref_sizes[refs].astype(np.int64)
    sizes = taken.copy()
    headers = np.where(sizes > 0, _headers(chunk.ref_keys[refs], keys), 0)
    sizes -= headers
    # What stands in front of a key, `$` and its length, is counted for the one before it.
    behind = np.append(headers[1:], 0)
    behind[starts + counts - 1] = 0
    sizes += behind
    known = np.add.reduceat(sizes, starts)
    parts = np.where(np.repeat(known > 0, counts), sizes, np.repeat(lengths // counts, counts))
    parts[starts] += lengths - np.add.reduceat(parts, starts)
    trimmed = np.repeat(chunk.fates[rows] == Fate.TRIMMED, counts)
    dropped = (chunk.ref_effects[refs] & DROPPED) > 0
    parts = np.where(trimmed, np.where(dropped, taken, 0), parts)
    np.add.at(total, chunk.ref_keys[refs], parts)


def _headers(numbers: npt.NDArray[np.uint32], keys: KeyTable) -> Column:
    """Return the bytes of `$`, length and line end before each key; one step of Python a distinct key."""
    distinct, at = np.unique(numbers, return_inverse=True)
    lengths = (len(keys.key(number)) for number in distinct.tolist())
    found: Column = np.array([3 + len(str(length)) for length in lengths], np.int64)[at]
    return found
