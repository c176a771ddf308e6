"""Which census is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.native import PURE

__all__ = ["NATIVE", "Census"]

if TYPE_CHECKING:
    from aoftool.analysis._census_py import Census

    NATIVE: bool
else:
    try:
        if PURE:
            raise ImportError
        from aoftool.analysis._census_cy import Census

        NATIVE = True
    except ImportError:
        from aoftool.analysis._census_py import Census

        NATIVE = False
