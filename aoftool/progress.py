"""The one contract between long work and whoever shows its progress.

Work calls `progress(n)` with the bytes done since its last call, from any thread. What is shown,
where, and how often is the business of the command line.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

__all__ = ["Progress", "Reached", "Stage", "no_progress", "silent_stage"]

Progress = Callable[[int], None]
Stage = Callable[[str, int | None], AbstractContextManager[Progress]]
"""Gives a progress for a part of the work, by its name and the bytes to do, None when not known."""


def no_progress(done_bytes: int) -> None:
    """Take progress and show nothing."""


def silent_stage(name: str, total_bytes: int | None) -> AbstractContextManager[Progress]:
    """Give a progress that shows nothing."""
    return nullcontext(no_progress)


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
