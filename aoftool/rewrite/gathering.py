"""Choose the implementation that puts pieces of a buffer side by side: compiled, or the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aoftool.native import PURE
from aoftool.rewrite import _gather_py

__all__ = ["gather"]

gather: Callable[[memoryview, NDArray[np.int64], NDArray[np.int64]], bytes]
if TYPE_CHECKING or PURE:
    gather = _gather_py.gather
else:
    try:
        from aoftool.rewrite._gather_cy import gather
    except ImportError:
        gather = _gather_py.gather
