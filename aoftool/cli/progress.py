"""Progress on stderr: a bar and a line on a terminal after one second, or JSON lines for machines."""

from __future__ import annotations

import os
import sys
import time
from _thread import allocate_lock
from typing import TYPE_CHECKING, Any

from aoftool.cli.options.common_options import ProgressMode
from aoftool.cli.typed import keep_progress, kept_progress
from aoftool.units import format_bytes

if TYPE_CHECKING:
    from aoftool.cli.options.looks import LooksOfWork
    from aoftool.progress import Stage

__all__ = ["ProgressReporter", "end_progress", "further_progress", "stages", "terminal_columns"]

_FIRST_AFTER_S = 1.0
_INTERVAL_S = 0.1
_BAR_CELLS = 20
# Beside so many cells of text there must be room, or there is no bar.
_TEXT_CELLS = 56

_on_screen: ProgressReporter | None = None


def terminal_columns() -> int:
    """Return how wide the terminal is, or what `COLUMNS` says; 80 where neither is known."""
    from shutil import get_terminal_size  # which loads all that unpacks archives

    return get_terminal_size().columns


def end_progress() -> None:
    """Take the line of progress off the terminal, for good, before results are printed."""
    if _on_screen is not None:
        _on_screen.clear()


def further_progress(title: str, total_bytes: int | None) -> ProgressReporter:
    """Return the progress of work that a verb did not know of, shown as that of the work before it."""
    mode, quiet = kept_progress() or (ProgressMode.auto.value, False)
    return ProgressReporter(title, total_bytes, ProgressMode(mode), quiet)


def stages(asked: LooksOfWork) -> Stage:
    """Return what gives the progress of each part of the work of a verb."""
    return lambda name, total: ProgressReporter(name, total, asked.progress, asked.quiet)


class ProgressReporter:
    """Count bytes done and show them, at most ten times a second; usable from several threads.

    Use it as a context manager; an instance is itself the `Progress` callable.

    Args:
        title: what is being done, in one or two words.
        total_bytes: all there is to do; None when unknown.
        mode: how to show it.
    """

    def __init__(self, title: str, total_bytes: int | None, mode: ProgressMode, quiet: bool = False) -> None:
        self._title = title
        self._mode, self._quiet = mode, quiet
        self._total = total_bytes
        self._json = mode is ProgressMode.json
        # A dumb terminal cannot take a line back.
        erases = sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
        self._shown = not quiet and (self._json or (mode is ProgressMode.auto and erases))
        self._done = 0
        self._lock = allocate_lock()
        self._start = time.monotonic()
        self._next = self._start + (0.0 if self._json else _FIRST_AFTER_S)
        self._drawn = False

    def __enter__(self) -> ProgressReporter:
        global _on_screen
        _on_screen = self
        keep_progress(self._mode.value, quiet=self._quiet)
        return self

    def __exit__(self, *_: object) -> None:
        global _on_screen
        self.clear()
        _on_screen = None

    def clear(self) -> None:
        """Take the line off and draw no other."""
        with self._lock:
            if self._json:
                return
            if self._drawn:
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
            self._drawn = self._shown = False

    def __call__(self, done_bytes: int) -> None:
        with self._lock:
            self._done += done_bytes
            now = time.monotonic()
            if not self._shown or now < self._next:
                return
            self._next = now + _INTERVAL_S
            self._drawn = True
            self._show(now - self._start)

    def _show(self, elapsed_s: float) -> None:
        rate = self._done / elapsed_s if elapsed_s > 0 else 0.0
        if self._json:
            import json

            sys.stderr.write(json.dumps(self._fields(elapsed_s, rate)) + "\n")
        else:
            columns = terminal_columns()
            # A line that a terminal breaks in two cannot be taken off again.
            bar = self._bar(columns)
            room = columns - 1 - (_BAR_CELLS + 1 if bar else 0)
            sys.stderr.write(f"\r\x1b[K{bar}{self._line(rate)[:room]}")
        sys.stderr.flush()

    def _fields(self, elapsed_s: float, rate: float) -> dict[str, Any]:
        return {
            "schema": "aoftool.progress/1",
            "task": self._title,
            "done_bytes": self._done,
            "total_bytes": self._bound(),
            "elapsed_s": round(elapsed_s, 3),
            "rate_bytes_per_s": round(rate),
        }

    def _bar(self, columns: int) -> str:
        """Return how much is done as a bar, where all there is to do is known and there is room."""
        total = self._bound()
        if not total or columns < _BAR_CELLS + _TEXT_CELLS:
            return ""
        # Loaded where work took a second, and not at each start.
        from rich.console import Console
        from rich.progress_bar import ProgressBar

        console = Console(file=sys.stderr)
        with console.capture() as bar:
            console.print(ProgressBar(total, self._done, width=_BAR_CELLS), end="")
        return bar.get() + " "

    def _line(self, rate: float) -> str:
        parts = [f"{self._title} {format_bytes(self._done)}"]
        total = self._bound()
        if total:
            parts[0] += f" of {format_bytes(total)} ({100 * self._done / total:.0f} %)"
        elif self._total:
            parts[0] += f" in more than one pass over {format_bytes(self._total)}"
        parts.append(f"{format_bytes(round(rate))}/s")
        if total and rate > 0:
            parts.append(f"{(total - self._done) / rate:.0f} s left")
        return ", ".join(parts)

    def _bound(self) -> int | None:
        """Return all there is to do; None when unknown, as it is once the input is read a further time."""
        return None if self._total is None or self._done > self._total else self._total
