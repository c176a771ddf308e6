"""The entry point: `aoftool` and `python -m aoftool`."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType

# As in aoftool.cli.exit_codes, which may not have been loaded yet.
_INTERRUPTED = 130
_ASKED_OFTEN = 3
# Objects that are made between two looks for circles of garbage, of which there are few: with the 700 that
# are usual, a start spends a twelfth of its time looking. What is made before the first look is mostly
# modules, which stay: up to 80,000 objects.
_GARBAGE = 20_000
_FIRST_GARBAGE = 100_000
_SOON_S = 0.01
# How long a second request waits for the cleaning up that the first one began.
_PATIENCE_S = 2.0
_asked = 0


def main() -> None:
    """Run the command line and leave with its exit code.

    Leaves without taking the interpreter apart: on a file of any size that costs 25 ms, a twentieth of
    what checking a log of 1.5 GB takes. Nothing waits for it: files and servers are closed by the verbs
    themselves, and what is still in the output streams is flushed here.
    """
    gc.set_threshold(_FIRST_GARBAGE)
    gc.callbacks.append(_look_on)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _interrupt)
    sys.unraisablehook = _asked_in_vain
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        _open_streams()
    try:
        code = _run()
    except KeyboardInterrupt:  # before the command line was there to take it, or behind its end
        os._exit(_INTERRUPTED)
    from aoftool.cli.exit_codes import CLOSED_PIPE, INPUT

    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = CLOSED_PIPE
    except OSError:
        code = code or INPUT  # a full disk, and it has been said
    os._exit(code)


def _open_streams() -> None:
    """Let what was closed before the start lead nowhere: the next file opened would take its place.

    Whoever closed the output wants the exit code alone.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def _run() -> int:
    from aoftool.cli.app import run
    from aoftool.cli.libraries import spare_threads
    from aoftool.cli.plain_output import lose_messages, show_all, write_whole
    from aoftool.cli.room import choose_room

    show_all((sys.stdout, sys.stderr))
    choose_room()
    spare_threads()
    write_whole()
    lose_messages()
    return run(sys.argv[1:])


def _look_on(phase: str, info: dict[str, int]) -> None:
    """Look for garbage as often as work wants it, behind the first look."""
    if phase == "stop":
        gc.set_threshold(_GARBAGE)
        gc.callbacks.remove(_look_on)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End as on an interruption from the keyboard, so that what is half done is cleaned up.

    A second request, such as the SIGTERM that follows a Ctrl-C, does not interrupt the cleaning up; it asks
    again a little later, for the first one may have been lost. Whoever asks three times does not want to wait
    for that: it ends here, as by a kill, which leaves the log whole.
    """
    global _asked
    _asked += 1
    if _asked >= _ASKED_OFTEN:
        os._exit(_INTERRUPTED)
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


if __name__ == "__main__":
    main()
