"""Which inner loops of HyperLogLogs are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.kernels import kernel_alone

__all__ = ["NATIVE", "add_elements", "find_run", "hash_element"]

_compiled = kernel_alone("aoftool.keyspace._hll_cy")
if not hasattr(_compiled, "add_elements"):
    # There is none, or one of an earlier build, which lacks what came later.
    _compiled = None
NATIVE = _compiled is not None

if TYPE_CHECKING or _compiled is None:
    from aoftool.keyspace._hll_py import add_elements, find_run, hash_element
else:
    find_run, hash_element = _compiled.find_run, _compiled.hash_element
    add_elements = _compiled.add_elements
