"""Choose the implementation that puts pieces of a buffer side by side: compiled, or the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aoftool.kernels import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["gather"]

gather: Callable[[memoryview, NDArray[np.int64], NDArray[np.int64]], bytes]
gather = kernel("aoftool.rewrite.replay._gather_cy").gather
