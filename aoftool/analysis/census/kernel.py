"""Which census is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.kernels import kernel_alone

__all__ = ["NATIVE", "Census"]

_compiled = kernel_alone("aoftool.analysis.census._census_cy")
NATIVE = _compiled is not None

if TYPE_CHECKING or _compiled is None:
    from aoftool.analysis.census._census_py import Census
else:
    Census = _compiled.Census
