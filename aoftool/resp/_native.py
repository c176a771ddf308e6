"""Which scanner is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.native import PURE

__all__ = ["NATIVE", "Scan", "cut_commands"]

if TYPE_CHECKING:
    from aoftool.resp._cut_py import cut_commands
    from aoftool.resp._scan_py import Scan

    NATIVE: bool
else:
    try:
        if PURE:
            raise ImportError
        from aoftool.resp._cut_cy import cut_commands
        from aoftool.resp._scan_cy import Scan

        NATIVE = True
    except ImportError:
        from aoftool.resp._cut_py import cut_commands
        from aoftool.resp._scan_py import Scan

        NATIVE = False
