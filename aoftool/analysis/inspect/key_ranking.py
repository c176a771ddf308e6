"""Keys in order of something: what `aoftool keys --by` shows.

Writes and bytes come from the census, dead bytes from the liveness of commands, sizes from the records
of the RDB part, expire times from both, a command counting for more than a record before it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from aoftool.analysis.census.driver import Contents
from aoftool.analysis.census.key_counts import KeyCount, KeyCounts
from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.census.templates import Template, prefix_of
from aoftool.analysis.inspect.contents import key_ranks
from aoftool.analysis.inspect.contents_model import ExpiryView, KeyRank, PrefixRow
from aoftool.analysis.inspect.dead import DeadBytes
from aoftool.analysis.inspect.expiry import ExpirySummary
from aoftool.analysis.keys.model import KeyRow
from aoftool.columns import column_of, zeros

__all__ = ["expiry_of", "largest_rows", "rank_by_dead", "rank_by_writes"]


def rank_by_writes(contents: Contents, by: str, top: int, dead: DeadBytes | None = None) -> list[KeyRank]:
    """Return the first keys by `writes` or `bytes`."""
    return key_ranks(contents.keys.top(by, top), dead)


def rank_by_dead(contents: Contents, options: CensusOptions, dead: DeadBytes, top: int) -> list[KeyRank]:
    """Return the keys with most dead bytes among those that were counted."""
    keys = contents.keys
    counted = {(db, name): number for number, (db, name, _, _) in enumerate(keys.rows())}
    found = []
    for db, name, dead_here in dead.top(len(dead.by_key)):
        if options.databases is not None and db not in options.databases:
            continue
        if options.admit is not None and not options.admit(name):
            continue
        number = counted.get((db, name))
        count = keys.count(number) if number is not None else KeyCount(db, name, 0, 0)
        (row,) = key_ranks([count])
        found.append(
            KeyRank(
                row.db,
                row.key,
                row.writes,
                row.size_bytes,
                dead_bytes=dead_here if number is None else min(dead_here, row.size_bytes),
                expire_at_ms=row.expire_at_ms,
                deleted=row.deleted,
            )
        )
        if len(found) == top:
            break
    return found


def largest_rows(rows: Iterable[KeyRow], top: int) -> list[KeyRow]:
    """Return the largest records, largest first, in memory of that many."""
    return heapq.nsmallest(top, rows, key=lambda row: (-row.size_bytes, row.db, row.key))


def expiry_of(
    keys: KeyCounts, records: Iterable[KeyRow], template: Template, end_s: int | None
) -> tuple[ExpiryView, list[PrefixRow]]:
    """Return what expires when, and a row for each prefix, most keys without expire time first.

    Args:
        records: of the RDB part; those that a command names are told by the command.
    """
    summary = ExpirySummary()
    summary.add(keys)
    named = {(db, name) for db, name, _, _ in keys.rows()}
    base = _record_columns(records, named, template)
    summary.add(base)
    rows: dict[bytes, list[int]] = {}
    for side in (keys, base):
        for prefix, counts in side.by_prefix().items():
            row = rows.setdefault(prefix, [0, 0, 0])
            for place, count in enumerate(counts):
                row[place] += count
    found = [
        PrefixRow(prefix, 0, 0, held, expiring, deleted) for prefix, (held, expiring, deleted) in rows.items()
    ]
    found.sort(key=lambda row: (-(row.without_expiry or 0), row.prefix))
    return summary.view(end_s), found


def _record_columns(
    records: Iterable[KeyRow], named: set[tuple[int, bytes]], template: Template
) -> KeyCounts:
    """Return records that no command names in the form of counted keys."""
    prefixes: dict[bytes, int] = {}
    prefix: list[int] = []
    deadlines: list[int] = []
    for record in _unnamed(records, named):
        prefix.append(prefixes.setdefault(prefix_of(record.key, template), len(prefixes)))
        deadlines.append(0 if record.expire_at_ms is None else max(record.expire_at_ms, 1))
    none = zeros("q", len(prefix))
    return KeyCounts(
        list(prefixes),
        none,
        column_of("q", prefix),
        none,
        none,
        column_of("q", deadlines),
        none,
    )


def _unnamed(records: Iterable[KeyRow], named: set[tuple[int, bytes]]) -> Iterator[KeyRow]:
    return (record for record in records if (record.db, record.key) not in named)
