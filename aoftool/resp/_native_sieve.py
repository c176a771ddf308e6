"""Which sieve is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.kernels import kernel_alone

__all__ = ["Sieve"]

_compiled = kernel_alone("aoftool.resp._sieve_cy")

if TYPE_CHECKING or _compiled is None:
    from aoftool.resp._sieve_py import Sieve
else:
    Sieve = _compiled.Sieve
