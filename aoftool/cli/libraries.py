"""What libraries read in the environment when they are loaded, set before that."""

from __future__ import annotations

import os

__all__ = ["spare_threads"]

_THREADS = "OPENBLAS_NUM_THREADS"


def spare_threads() -> None:
    """Let numpy start no threads for linear algebra, of which there is none here, unless the user wants some.

    A thread for each processor takes a tenth of what loading numpy takes, and memory.
    """
    os.environ.setdefault(_THREADS, "1")
