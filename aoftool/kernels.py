"""Choose between a compiled kernel and its Python reference: the one place that does.

Every loop over millions of entries exists twice (docs/architecture.md). The reference is the specification;
the kernel is used where it could be built and nobody asked for the references.
"""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec
from types import ModuleType
from typing import Any

__all__ = ["KERNELS", "PURE", "kernel", "kernel_alone", "kernels_there"]

PURE = os.environ.get("AOFTOOL_PURE", "0") not in ("", "0")
"""True when `AOFTOOL_PURE` asks for the references; "0" and the empty text mean no. Read once, at import."""

KERNELS = (
    "aoftool.analysis.audit._words_cy",
    "aoftool.analysis.census._census_cy",
    "aoftool.analysis.census._tables_cy",
    "aoftool.analysis.commands._lines_cy",
    "aoftool.emit._commands_cy",
    "aoftool.keyspace._hll_cy",
    "aoftool.liveness._keys_cy",
    "aoftool.liveness._passes_cy",
    "aoftool.liveness._trace_cy",
    "aoftool.rdb.blobs._listpack_cy",
    "aoftool.rdb.blobs._lzf_cy",
    "aoftool.rdb.blobs._ziplist_cy",
    "aoftool.rdb.decode._strings_cy",
    "aoftool.rdb.decode._values_cy",
    "aoftool.rdb.encode._encode_cy",
    "aoftool.rdb.encode._score_cy",
    "aoftool.rdb.records._jsonl_cy",
    "aoftool.rdb.records._record_cy",
    "aoftool.rdb.walk._crcseek_cy",
    "aoftool.rdb.walk._walk_cy",
    "aoftool.replay.compiled._follow_cy",
    "aoftool.replay.compiled._records_cy",
    "aoftool.replay.compiled._replay_cy",
    "aoftool.replay.compiled._store_cy",
    "aoftool.resp._cut_cy",
    "aoftool.resp._ledger_cy",
    "aoftool.resp._scan_cy",
    "aoftool.resp._sieve_cy",
    "aoftool.rewrite.decide._picking_cy",
    "aoftool.rewrite.decide._rows_cy",
    "aoftool.rewrite.decide._touches_cy",
    "aoftool.rewrite.replay._gather_cy",
    "aoftool.rewrite.replay._texts_cy",
    "aoftool.tables._cells_cy",
)
"""Every compiled module of the package; a test holds the list against the sources."""


def kernel_alone(name: str) -> ModuleType | None:
    """Return a compiled module of `KERNELS`, None where there is none to use."""
    assert name in KERNELS, name
    if PURE:
        return None
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def kernel(name: str, reference: ModuleType | None = None) -> Any:
    """Return a compiled module, or its twin in Python where there is none to use.

    Args:
        name: one of `KERNELS`.
        reference: has the same names with the same answers; by default the module beside it whose name ends
            with `_py`, which is loaded only where it is used.
    """
    found = kernel_alone(name)
    if found is None:
        found = reference or importlib.import_module(name.removesuffix("_cy") + "_py")
    return found


def kernels_there() -> int:
    """Return how many of `KERNELS` are used when they are asked for; imports none."""
    return 0 if PURE else sum(find_spec(name) is not None for name in KERNELS)
