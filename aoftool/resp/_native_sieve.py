"""Which sieve is in use. `AOFTOOL_PURE=1`, read once at import, forces the Python reference."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

__all__ = ["Sieve"]

if TYPE_CHECKING:
    from aoftool.resp._sieve_py import Sieve
else:
    try:
        if os.environ.get("AOFTOOL_PURE") == "1":
            raise ImportError
        from aoftool.resp._sieve_cy import Sieve
    except ImportError:
        from aoftool.resp._sieve_py import Sieve
