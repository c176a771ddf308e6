"""Add up what a trace says: live and dead commands and bytes, by name and cause."""

from __future__ import annotations

from aoftool.columns import Column, zeros
from aoftool.commands.effects import unexecuted_names
from aoftool.commands.modules import module_command
from aoftool.liveness.model import ANNOTATION, Fate, Op, Trace
from aoftool.rewrite.decide.touches import count_rows
from aoftool.rewrite.model import DeadRow, TailCounts

__all__ = ["tail_counts"]

_FATES = len(Fate)
_CAUSES = {fate: fate.name.lower().replace("_", "-") for fate in Fate}


def tail_counts(trace: Trace, torn_bytes: int) -> TailCounts:
    """Return the counts of a decided trace."""
    counts = TailCounts(torn_bytes=torn_bytes)
    size = len(trace.names) * _FATES
    rows_of, bytes_of = zeros("q", size), zeros("q", size)
    ops, cut = zeros("q", len(Op)), zeros("q", len(trace.names))
    for chunk in trace.chunks:
        count_rows(chunk, _FATES, rows_of, bytes_of, ops, cut)
    counts.opaque = ops[Op.OPAQUE] + ops[Op.EVALSHA]
    rows, sizes = _by_name(rows_of), _by_name(bytes_of)
    rows_by_name = list(zip(map(sum, rows), trace.names, strict=True))
    counts.modules = sum(count for count, name in rows_by_name if _is_carried(name))
    counts.unexecuted = {name: count for count, name in rows_by_name if count and name in unexecuted_names()}
    _fill(counts, trace, rows, sizes, cut)
    return counts


def _by_name(cells: Column) -> list[list[int]]:
    """Return what was counted of each name, by fate."""
    found: list[int] = cells.tolist()
    return [found[at : at + _FATES] for at in range(0, len(found), _FATES)]


def _is_carried(name: bytes) -> bool:
    found = module_command(name)
    return found is not None and found.is_write and found.effect in ("keys", "stays")


def _fill(
    counts: TailCounts,
    trace: Trace,
    rows: list[list[int]],
    sizes: list[list[int]],
    cut: Column,
) -> None:
    """Enter what was counted; rows and sizes are by name, and of each by fate."""
    alive = slice(Fate.TRIMMED + 1)
    counts.size_bytes = sum(map(sum, sizes))
    counts.commands = sum(map(sum, rows[1:]))
    counts.live = sum(sum(row[alive]) for row in rows)
    counts.trimmed = sum(row[Fate.TRIMMED] for row in rows)
    counts.unfinished = sum(row[Fate.UNFINISHED] for row in rows[1:])
    counts.live_bytes = sum(sum(row[alive]) for row in sizes) - sum(cut)
    for number, name in enumerate(trace.names):
        for fate in range(Fate.OVERWRITTEN, _FATES):
            if rows[number][fate]:
                cause = "annotation" if name == ANNOTATION else _CAUSES[Fate(fate)]
                row = DeadRow(name, cause, rows[number][fate], sizes[number][fate])
                counts.dead.append(row)
        if cut[number]:
            counts.dead.append(DeadRow(name, "trimmed", rows[number][Fate.TRIMMED], cut[number]))
    counts.dead.sort(key=lambda row: (-row.size_bytes, row.name, row.cause))
