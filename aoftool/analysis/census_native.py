"""Which census is in use. `AOFTOOL_PURE=1`, read once at import, forces the Python reference."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

__all__ = ["NATIVE", "Census"]

if TYPE_CHECKING:
    from aoftool.analysis._census_py import Census

    NATIVE: bool
else:
    try:
        if os.environ.get("AOFTOOL_PURE", "0") not in ("", "0"):
            raise ImportError
        from aoftool.analysis._census_cy import Census

        NATIVE = True
    except ImportError:
        from aoftool.analysis._census_py import Census

        NATIVE = False
