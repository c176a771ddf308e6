"""Which scanner is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.kernels import kernel_alone

__all__ = ["NATIVE", "Scan", "cut_commands"]

_cut, _scan = kernel_alone("aoftool.resp._cut_cy"), kernel_alone("aoftool.resp._scan_cy")
NATIVE = _cut is not None and _scan is not None

if TYPE_CHECKING or _cut is None or _scan is None:
    from aoftool.resp._cut_py import cut_commands
    from aoftool.resp._scan_py import Scan
else:
    cut_commands, Scan = _cut.cut_commands, _scan.Scan
