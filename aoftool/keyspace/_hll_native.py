"""Which inner loops of HyperLogLogs are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.kernels import kernel_alone

__all__ = ["NATIVE", "find_run", "hash_element"]

_compiled = kernel_alone("aoftool.keyspace._hll_cy")
NATIVE = _compiled is not None

if TYPE_CHECKING or _compiled is None:
    from aoftool.keyspace._hll_py import find_run, hash_element
else:
    find_run, hash_element = _compiled.find_run, _compiled.hash_element
