"""Which inner loops of HyperLogLogs are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.native import PURE

__all__ = ["NATIVE", "find_run", "hash_element"]

if TYPE_CHECKING:
    from aoftool.keyspace._hll_py import find_run, hash_element

    NATIVE: bool
else:
    try:
        if PURE:
            raise ImportError
        from aoftool.keyspace._hll_cy import find_run, hash_element

        NATIVE = True
    except ImportError:
        from aoftool.keyspace._hll_py import find_run, hash_element

        NATIVE = False
