"""Turns the summaries of the command streams into the rows that people read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aoftool.analysis.census.driver import KEYLESS, Contents
from aoftool.analysis.census.key_counts import KeyCount
from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.census.peaks import Peak
from aoftool.analysis.census.sizes import SizeHistogram
from aoftool.analysis.inspect.contents_model import (
    ContentsView,
    KeyRank,
    PrefixRow,
    Savings,
    SizeRow,
    Stretch,
    TypeRow,
)
from aoftool.analysis.inspect.expiry import ExpirySummary
from aoftool.commands.framing import FRAMING
from aoftool.commands.table import lookup
from aoftool.dataclass import replace

if TYPE_CHECKING:
    from aoftool.analysis.inspect.dead import DeadBytes

__all__ = ["contents_view", "key_ranks", "prefix_rows"]


def contents_view(
    contents: Contents,
    options: CensusOptions,
    *,
    top: int = 12,
    dead: DeadBytes | None = None,
    savings: Savings | None = None,
    end_s: int | None = None,
) -> ContentsView:
    """Return the rows of a log; `remarks` are left to who knows the rest.

    Args:
        top: keys, commands and transactions to list; prefixes are listed all.
        end_s: when the log ends, for the expiry horizon.
    """
    commands, size_bytes = contents.total
    expiry = ExpirySummary()
    expiry.add(contents.keys)
    return ContentsView(
        commands=commands,
        size_bytes=size_bytes,
        filtered=contents.filtered,
        separator=options.template.separator,
        depth=options.template.depth,
        prefixes=prefix_rows(contents, options, dead),
        keys_by_bytes=key_ranks(contents.keys.top("bytes", top), dead),
        keys_by_writes=key_ranks(contents.keys.top("writes", top), dead),
        distinct_keys=contents.keys.distinct(),
        keys_exact=contents.keys.exact,
        key_limit=options.key_limit,
        types=_types(contents),
        sizes=_sizes(contents.command_bytes, contents.key_bytes, contents.arguments),
        largest=[_single(peak) for peak in contents.peaks["commands"].entries[:top]],
        transactions=[_transaction(peak) for peak in contents.peaks["txn_bytes"].entries[:top]],
        expiry=expiry.view(end_s) if expiry.keys else None,
        savings=savings,
    )


def prefix_rows(contents: Contents, options: CensusOptions, dead: DeadBytes | None = None) -> list[PrefixRow]:
    """Return a row for each prefix, largest first."""
    keys = contents.keys.by_prefix() if contents.keys.exact else None
    gone = dead.by_prefix(options.template) if dead is not None else None
    rows = []
    for name, (writes, size_bytes) in contents.prefixes().items():
        is_prefix = name not in KEYLESS
        row = PrefixRow(name, writes, size_bytes, is_prefix=is_prefix)
        if keys is not None and is_prefix:
            held, expiring, deleted = keys.get(name, (0, 0, 0))
            row = replace(row, keys=held, expiring=expiring, deleted=deleted)
        if gone is not None and is_prefix:
            row = replace(row, dead_bytes=min(gone.get(name, 0), size_bytes))
        rows.append(row)
    return sorted(rows, key=lambda row: (not row.is_prefix, -row.size_bytes, row.prefix))


def key_ranks(counts: Iterable[KeyCount], dead: DeadBytes | None = None) -> list[KeyRank]:
    """Return the rows of a top list."""
    return [
        KeyRank(
            count.db,
            count.key,
            count.writes,
            count.size_bytes,
            count.writes_over,
            count.bytes_over,
            min(dead.of(count.db, count.key), count.size_bytes) if dead is not None else None,
            count.deadline_ms if count.deadline_ms is not None and count.deadline_ms > 0 else None,
            count.deadline_ms == -1,
        )
        for count in counts
    ]


def _types(contents: Contents) -> list[TypeRow]:
    """Return commands by the group that servers put them in: string, hash, generic and so on."""
    groups: dict[str, list[int]] = {}
    for label, count in contents.commands.items():
        name = label.partition(b" ")[0]
        spec = lookup(name)
        group = "framing" if name in FRAMING else spec.group if spec is not None else "unknown"
        row = groups.setdefault(group, [0, 0, 0])
        row[0] += count.commands
        row[1] += count.size_bytes
        row[2] += 1
    return sorted(
        (TypeRow(name, *row) for name, row in groups.items()), key=lambda r: (-r.size_bytes, r.group)
    )


def _sizes(commands: SizeHistogram, keys: SizeHistogram, arguments: SizeHistogram) -> list[SizeRow]:
    tables = (commands.counts, keys.counts, arguments.counts)
    used = [digits for digits in range(len(tables[0])) if any(table[digits] for table in tables)]
    if not used:
        return []
    return [
        SizeRow(1 << digits >> 1, (1 << digits) - 1, *(table[digits] for table in tables))
        for digits in range(used[0], used[-1] + 1)
    ]


def _single(peak: Peak) -> Stretch:
    return Stretch(
        peak.file, peak.offset, peak.size, 1, peak.other, peak.command, peak.key, peak.db, peak.time_s
    )


def _transaction(peak: Peak) -> Stretch:
    return Stretch(
        peak.file, peak.offset, peak.size, peak.other, 0, peak.command, peak.key, peak.db, peak.time_s
    )
