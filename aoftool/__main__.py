"""The entry point: `aoftool` and `python -m aoftool`."""

from __future__ import annotations

import gc
import os
import sys

# Objects that are made between two looks for circles of garbage, of which there are few: with the 700 that
# are usual, a start spends a twelfth of its time looking. What is made before the first look is mostly
# modules, which stay: up to 80,000 objects.
_GARBAGE = 20_000
_FIRST_GARBAGE = 100_000


def main() -> None:
    """Run the command line and leave with its exit code.

    Leaves without taking the interpreter apart: on a file of any size that costs 25 ms, a twentieth of
    what checking a log of 1.5 GB takes. Nothing waits for it: files and servers are closed by the verbs
    themselves, and what is still in the output streams is flushed here.
    """
    gc.set_threshold(_FIRST_GARBAGE)
    gc.callbacks.append(_look_on)
    from aoftool.cli.exit_codes import CLOSED_PIPE, INPUT, INTERRUPTED
    from aoftool.cli.signals import take_signals

    take_signals()
    try:
        code = _run()
    except KeyboardInterrupt:  # before the command line was there to take it, or behind its end
        os._exit(INTERRUPTED)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = CLOSED_PIPE
    except OSError:
        code = code or INPUT  # a full disk, and it has been said
    os._exit(code)


def _run() -> int:
    from aoftool.cli.plain_output import ready_streams

    ready_streams()
    from aoftool.cli.app import run
    from aoftool.cli.libraries import spare_threads
    from aoftool.cli.room import choose_room

    choose_room()
    spare_threads()
    return run(sys.argv[1:])


def _look_on(phase: str, info: dict[str, int]) -> None:
    """Look for garbage as often as work wants it, behind the first look."""
    if phase == "stop":
        gc.set_threshold(_GARBAGE)
        gc.callbacks.remove(_look_on)


if __name__ == "__main__":
    main()
