"""Choose the implementation that picks rows and keys out of columns: compiled, or the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.kernels import kernel

__all__ = [
    "are_sets",
    "carried_rows",
    "chosen_keys",
    "chosen_rows",
    "count_homes",
    "distinct_rows",
    "flags_of",
    "in_database",
    "lay_out",
    "ranks_of",
    "rows_as_run",
    "set_arguments",
    "spans_of",
]

if TYPE_CHECKING:
    from aoftool.rewrite.decide._picking_py import (
        are_sets,
        carried_rows,
        chosen_keys,
        chosen_rows,
        count_homes,
        distinct_rows,
        flags_of,
        in_database,
        lay_out,
        ranks_of,
        rows_as_run,
        set_arguments,
        spans_of,
    )
else:
    _chosen = kernel("aoftool.rewrite.decide._picking_cy")
    are_sets, count_homes, flags_of = _chosen.are_sets, _chosen.count_homes, _chosen.flags_of
    chosen_keys, chosen_rows, distinct_rows = _chosen.chosen_keys, _chosen.chosen_rows, _chosen.distinct_rows
    in_database, lay_out = _chosen.in_database, _chosen.lay_out
    rows_as_run, spans_of = _chosen.rows_as_run, _chosen.spans_of
    carried_rows, ranks_of, set_arguments = _chosen.carried_rows, _chosen.ranks_of, _chosen.set_arguments
