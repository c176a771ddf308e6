"""Which inner loops of HyperLogLogs are in use. `AOFTOOL_PURE=1`, read once at import, forces Python."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

__all__ = ["NATIVE", "find_run", "hash_element"]

if TYPE_CHECKING:
    from aoftool.keyspace._hll_py import find_run, hash_element

    NATIVE: bool
else:
    try:
        if os.environ.get("AOFTOOL_PURE") == "1":
            raise ImportError
        from aoftool.keyspace._hll_cy import find_run, hash_element

        NATIVE = True
    except ImportError:
        from aoftool.keyspace._hll_py import find_run, hash_element

        NATIVE = False
