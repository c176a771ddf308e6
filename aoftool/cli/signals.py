"""Signals that ask a program to end: an interruption, which lets it clean up."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from aoftool.cli.exit_codes import INTERRUPTED

__all__ = ["take_signals"]

_ASKED_OFTEN = 3
_SOON_S = 0.01
# How long a second request waits for the cleaning up that the first one began.
_PATIENCE_S = 2.0
_asked = 0


def take_signals() -> None:
    """Let each of the signals that ask a program to end be an interruption."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _interrupt)
    sys.unraisablehook = _asked_in_vain


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End as on an interruption from the keyboard, so that what is half done is cleaned up.

    A second request, such as the SIGTERM that follows a Ctrl-C, does not interrupt the cleaning up; it asks
    again a little later, for the first one may have been lost. Whoever asks three times does not want to wait
    for that: it ends here, as by a kill, which leaves the log whole.
    """
    global _asked
    _asked += 1
    if _asked >= _ASKED_OFTEN:
        os._exit(INTERRUPTED)
    if _asked > 1:
        _ask_again_in(_PATIENCE_S)
        return
    raise KeyboardInterrupt


def _asked_in_vain(told: sys.UnraisableHookArgs) -> None:
    """Ask again where an interruption was lost: in a destructor or a callback nobody can take it."""
    if told.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(told)
        return
    _ask_again_in(_SOON_S)


def _ask_again_in(seconds: float) -> None:
    signal.signal(signal.SIGALRM, _ask_again)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _ask_again(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
