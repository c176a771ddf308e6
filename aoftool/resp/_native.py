"""Which scanner is in use. `AOFTOOL_PURE=1`, read once at import, forces the Python reference."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

__all__ = ["NATIVE", "Scan"]

if TYPE_CHECKING:
    from aoftool.resp._scan_py import Scan

    NATIVE: bool
elif os.environ.get("AOFTOOL_PURE") == "1":
    from aoftool.resp._scan_py import Scan

    NATIVE = False
else:
    try:
        from aoftool.resp._scan_cy import Scan

        NATIVE = True
    except ImportError:
        from aoftool.resp._scan_py import Scan

        NATIVE = False
