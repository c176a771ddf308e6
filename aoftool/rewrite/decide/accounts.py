"""Add up what a trace says: live and dead commands and bytes, by name and cause."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aoftool.commands.effects import unexecuted_names
from aoftool.commands.modules import module_command
from aoftool.liveness.model import ANNOTATION, DROPPED, Chunk, Fate, Op, Trace
from aoftool.rewrite.decide.touches import count_rows, row_refs
from aoftool.rewrite.model import DeadRow, TailCounts

__all__ = ["tail_counts"]

_FATES = len(Fate)
_CAUSES = {fate: fate.name.lower().replace("_", "-") for fate in Fate}


def tail_counts(trace: Trace, torn_bytes: int) -> TailCounts:
    """Return the counts of a decided trace."""
    counts = TailCounts(torn_bytes=torn_bytes)
    size = len(trace.names) * _FATES
    rows_of = np.zeros(size, np.int64)
    bytes_of = np.zeros(size, np.int64)
    ops, live = np.zeros(len(Op), np.int64), np.zeros(len(Op), np.int64)
    cut: dict[int, int] = {}
    for chunk in trace.chunks:
        count_rows(chunk, _FATES, rows_of, bytes_of, ops, live)
        for name, cut_bytes in _trimmed(chunk):
            cut[name] = cut.get(name, 0) + cut_bytes
    counts.opaque = int(ops[Op.OPAQUE] + ops[Op.EVALSHA])
    of_name = rows_of.reshape(-1, _FATES).sum(axis=1).tolist()
    rows_by_name = list(zip(of_name, trace.names, strict=True))
    counts.modules = sum(rows for rows, name in rows_by_name if _is_carried(name))
    counts.unexecuted = {name: rows for rows, name in rows_by_name if rows and name in unexecuted_names()}
    _fill(counts, trace, rows_of.reshape(-1, _FATES), bytes_of.reshape(-1, _FATES), cut)
    return counts


def _is_carried(name: bytes) -> bool:
    found = module_command(name)
    return found is not None and found.is_write and found.effect in ("keys", "stays")


def _trimmed(chunk: Chunk) -> Iterator[tuple[int, int]]:
    """Yield (name, bytes cut out) of all trimmed rows of a name."""
    rows = np.flatnonzero(chunk.fates == Fate.TRIMMED)
    if not len(rows):
        return
    refs, counts = row_refs(chunk, rows)
    sizes = np.where(chunk.ref_effects[refs] & DROPPED, chunk.ref_sizes[refs], 0)
    # Sums of floats are exact below 2^53 bytes.
    of_name = np.bincount(np.repeat(chunk.names[rows], counts), weights=sizes)
    for name in np.unique(chunk.names[rows]).tolist():
        yield name, int(of_name[name])


def _fill(
    counts: TailCounts,
    trace: Trace,
    rows: NDArray[np.int64],
    sizes: NDArray[np.int64],
    cut: dict[int, int],
) -> None:
    counts.size_bytes = int(sizes.sum())
    counts.commands = int(rows[1:].sum())
    counts.live = int(rows[:, : Fate.TRIMMED + 1].sum())
    counts.trimmed = int(rows[:, Fate.TRIMMED].sum())
    counts.unfinished = int(rows[1:, Fate.UNFINISHED].sum())
    counts.live_bytes = int(sizes[:, : Fate.TRIMMED + 1].sum()) - sum(cut.values())
    for number, name in enumerate(trace.names):
        for fate in range(Fate.OVERWRITTEN, _FATES):
            if rows[number, fate]:
                cause = "annotation" if name == ANNOTATION else _CAUSES[Fate(fate)]
                row = DeadRow(name, cause, int(rows[number, fate]), int(sizes[number, fate]))
                counts.dead.append(row)
        if cut.get(number):
            counts.dead.append(DeadRow(name, "trimmed", int(rows[number, Fate.TRIMMED]), cut[number]))
    counts.dead.sort(key=lambda row: (-row.size_bytes, row.name, row.cause))
