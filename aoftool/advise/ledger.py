"""The ledger: every cause that kept the main thread from serving clients, worst first, in one table."""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.advise.model import LedgerRow
from aoftool.advise.situation import Situation
from aoftool.advise.standstills import Standstill
from aoftool.advise.traced import MANIFEST_END, MANIFEST_START
from aoftool.captures.model import Reading

__all__ = ["LOOP", "longest_loop", "make_ledger", "worst_event_s"]

LOOP = "longest-loop"
_LABELS = {
    MANIFEST_START: "manifest sync, start of a rewrite",
    MANIFEST_END: "manifest sync, end of a rewrite",
    "manifest-sync": "manifest sync",
    "main-sync": "sync in the main thread",
    "aof-sync": "AOF sync, always",
    "aof-write": "AOF write",
    "fork": "fork",
    "expire-cycle": "expire cycle",
    "eviction": "eviction",
    "command": "commands that SLOWLOG does not name",
}
_WRITES = {
    "aof-write-pending-fsync": "AOF write, a sync under way",
    "aof-write-active-child": "AOF write, a child at work",
}
# Syncs of the manifest belong to one loop where less than this is between two lengths.
_EXPLAINED = 0.9


def longest_loop(situation: Situation) -> Reading | None:
    """Return the longest run of the event loop in seconds, since the start or CONFIG RESETSTAT."""
    reading = situation.reading("eventloop_duration_max")
    return Reading(reading.value / 1e6, reading.where) if reading else None


def worst_event_s(situation: Situation) -> float | None:
    """Return the longest of LATENCY; None where it was not captured, or its rows could not be read."""
    lengths = [row.max_ms / 1000 for row in situation.captured.latest]
    lengths += [sample.ms / 1000 for sample in situation.captured.history]
    return max(lengths, default=None)


def make_ledger(situation: Situation, found: Iterable[Standstill]) -> tuple[LedgerRow, ...]:
    """Return the rows, worst first; a longest loop that none of them explains is one of them."""
    groups: dict[tuple[str, str], list[Standstill]] = {}
    for item in found:
        groups.setdefault((item.cause, _label(item)), []).append(item)
    rows = [_row(cause, label, items) for (cause, label), items in groups.items()]
    loop = longest_loop(situation)
    if loop is not None and loop.value >= 0.01:
        rows = _with_loop(rows, loop)
    return tuple(sorted(rows, key=lambda row: (-row.worst_s, row.label)))


def _label(item: Standstill) -> str:
    if item.cause == "command" and item.name:
        return item.name
    return _WRITES.get(item.event) or _LABELS.get(item.cause, item.cause)


def _row(cause: str, label: str, items: list[Standstill]) -> LedgerRow:
    worst = max(items, key=lambda item: item.seconds)
    seen = sorted({source for item in items for source in item.seen}, key=_ORDER.index)
    where = next((worst.seen[source] for source in _ORDER if source in worst.seen), "")
    total = sum(item.seconds for item in items)
    return LedgerRow(cause, label, worst.seconds, total, len(items), tuple(seen), where)


_ORDER = ("strace", "log", "SLOWLOG", "LATENCY")


def _with_loop(rows: list[LedgerRow], loop: Reading) -> list[LedgerRow]:
    """Name INFO debug with the row it confirms, else give the loop a row of its own."""
    for index, row in enumerate(rows):
        if _EXPLAINED * loop.value <= row.worst_s <= loop.value / _EXPLAINED:
            seen = (*row.seen_in, "INFO debug")
            rows[index] = LedgerRow(row.cause, row.label, row.worst_s, row.sum_s, row.times, seen, row.where)
            return rows
    label = "longest event loop, unexplained"
    return [*rows, LedgerRow(LOOP, label, loop.value, None, None, ("INFO debug",), loop.where)]
