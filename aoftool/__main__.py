"""The entry point: `aoftool` and `python -m aoftool`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line and leave with its exit code.

    Leaves without taking the interpreter apart: on a file of any size that costs 25 ms, a twentieth of
    what checking a log of 1.5 GB takes. Nothing waits for it: files and servers are closed by the verbs
    themselves, and what is still in the output streams is flushed here.
    """
    from aoftool.cli.app import run
    from aoftool.cli.exit_codes import CLOSED_PIPE, INPUT
    from aoftool.cli.room import choose_room

    choose_room()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = CLOSED_PIPE
    except OSError:
        code = code or INPUT  # a full disk, and it has been said
    os._exit(code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End as on an interruption from the keyboard, so that what is half done is cleaned up."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
