"""Which scanner is in use. `AOFTOOL_PURE=1`, read once at import, forces the Python reference."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

__all__ = ["NATIVE", "Scan", "cut_commands"]

if TYPE_CHECKING:
    from aoftool.resp._cut_py import cut_commands
    from aoftool.resp._scan_py import Scan

    NATIVE: bool
else:
    try:
        if os.environ.get("AOFTOOL_PURE") == "1":
            raise ImportError
        from aoftool.resp._cut_cy import cut_commands
        from aoftool.resp._scan_cy import Scan

        NATIVE = True
    except ImportError:
        from aoftool.resp._cut_py import cut_commands
        from aoftool.resp._scan_py import Scan

        NATIVE = False
