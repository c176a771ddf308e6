"""Signals while a library of native code calls us: it cannot take an exception of a handler, and we can.

One that arrives in the library would be raised in the first line of ours that it calls, outside of every
`try`: the library dies of it, or makes an error of its own. So it waits there until our own code runs, or the
call has ended.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["Stops"]

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stops:
    """Lets an interruption through where it is heard, and keeps it elsewhere.

    Args:
        tell: asks the library to end early; called when an interruption is kept.
    """

    def __init__(self, tell: Callable[[], object] = lambda: None) -> None:
        self._tell = tell
        self._is_heard = self._is_kept = False

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep interruptions of a call of the library until it has ended; only the main thread gets any.

        Raises:
            KeyboardInterrupt: there was one.
        """
        self._is_heard = self._is_kept = False
        before: dict[int, Any] = {}
        try:
            try:
                if threading.current_thread() is threading.main_thread():
                    self._take_over(before)
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)
        except BaseException:
            # Whatever the library made of it.
            if self._is_kept:
                raise KeyboardInterrupt from None
            raise
        if self._is_kept:
            raise KeyboardInterrupt

    def hear(self) -> None:
        """Let interruptions through from here on: code of ours runs, and takes them.

        Raises:
            KeyboardInterrupt: one was kept.
        """
        self._is_heard = True
        if self._is_kept:
            raise KeyboardInterrupt

    def keep(self) -> None:
        """Keep them again: the library goes on."""
        self._is_heard = False

    def _take_over(self, before: dict[int, Any]) -> None:
        def later(number: int, frame: FrameType | None) -> None:
            try:
                before[number](number, frame)
            except KeyboardInterrupt:
                if self._is_heard:
                    raise
                self._is_kept = True
                self._tell()

        for number in _NUMBERS:
            handler = signal.getsignal(number)
            if callable(handler):
                before[number] = handler
                signal.signal(number, later)
