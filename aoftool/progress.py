"""The one contract between long work and whoever shows its progress.

Work calls `progress(n)` with the bytes done since its last call, from any thread. What is shown,
where, and how often is the business of the command line.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "Reached", "no_progress"]

Progress = Callable[[int], None]


def no_progress(done_bytes: int) -> None:
    """Take progress and show nothing."""


class Reached:
    """Call a progress for somebody who only knows how far the work is by now."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._done = 0

    def __call__(self, total_bytes: int) -> None:
        """Say how many bytes are done in all; less than before is not told."""
        if total_bytes > self._done:
            done, self._done = total_bytes - self._done, total_bytes
            self._progress(done)
