"""Choose what goes over every key or cell of a summary: compiled code, or the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.kernels import kernel

__all__ = ["coarsened", "count_prefixes", "ranked", "seconds_of"]

if TYPE_CHECKING:
    from aoftool.analysis.census._tables_py import coarsened, count_prefixes, ranked, seconds_of
else:
    _chosen = kernel("aoftool.analysis.census._tables_cy")
    coarsened, count_prefixes = _chosen.coarsened, _chosen.count_prefixes
    ranked, seconds_of = _chosen.ranked, _chosen.seconds_of
