"""Which sieve is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.native import PURE

__all__ = ["Sieve"]

if TYPE_CHECKING:
    from aoftool.resp._sieve_py import Sieve
else:
    try:
        if PURE:
            raise ImportError
        from aoftool.resp._sieve_cy import Sieve
    except ImportError:
        from aoftool.resp._sieve_py import Sieve
