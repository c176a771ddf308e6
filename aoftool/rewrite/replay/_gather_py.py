"""Put pieces of a buffer side by side: the reference for the compiled twin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["gather"]


def gather(data: memoryview, starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> bytes:
    """Return the pieces of `data`, one behind the other in the order given.

    Raises:
        ValueError: a piece does not lie in the data.
    """
    ends = starts + sizes
    if len(starts) and (min(starts.min(), sizes.min()) < 0 or ends.max() > len(data)):
        raise ValueError("a piece lies outside of the data")
    return b"".join([data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)])
