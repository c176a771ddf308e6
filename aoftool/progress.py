"""The one contract between long work and whoever shows its progress.

Work calls `progress(n)` with the bytes done since its last call, from any thread. What is shown,
where, and how often is the business of the command line.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "no_progress"]

Progress = Callable[[int], None]


def no_progress(done_bytes: int) -> None:
    """Take progress and show nothing."""
