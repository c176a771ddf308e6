"""The entry point: `aoftool` and `python -m aoftool`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

# As in aoftool.cli.exit_codes, which may not have been loaded yet.
_INTERRUPTED = 130
_ASKED_OFTEN = 3
_asked = 0


def main() -> None:
    """Run the command line and leave with its exit code.

    Leaves without taking the interpreter apart: on a file of any size that costs 25 ms, a twentieth of
    what checking a log of 1.5 GB takes. Nothing waits for it: files and servers are closed by the verbs
    themselves, and what is still in the output streams is flushed here.
    """
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _interrupt)
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


def _run() -> int:
    from aoftool.cli.app import run
    from aoftool.cli.room import choose_room

    choose_room()
    return run(sys.argv[1:])


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End as on an interruption from the keyboard, so that what is half done is cleaned up.

    Whoever asks three times does not want to wait for that: it ends here, as by a kill, which leaves the
    log whole.
    """
    global _asked
    _asked += 1
    if _asked >= _ASKED_OFTEN:
        os._exit(_INTERRUPTED)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
