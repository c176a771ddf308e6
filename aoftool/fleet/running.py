"""Go over the logs of a fleet in processes of this machine: one that dies or hangs is a row, and no more.

Rows come in the order in which logs are done; whoever shows them brings them into one of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from aoftool.dataclass import dataclass
from aoftool.fleet.model import LogRow, RowState
from aoftool.fleet.summary import summarized
from aoftool.next_step import next_step
from aoftool.units import format_duration

__all__ = ["run_here"]

Summarize = Callable[[str], LogRow]

_LOOK_S = 0.5


def run_here(
    paths: Sequence[str], *, jobs: int, timeout_s: float | None = None, summarize: Summarize = summarized
) -> Iterator[LogRow]:
    """Yield the row of each log.

    Args:
        jobs: processes at work at once.
        timeout_s: for one log; its process is ended then. None waits as long as it takes.
        summarize: what a process does with a path; it must be importable.
    """
    waiting = deque(paths)
    workers: list[_Worker] = []
    try:
        while waiting or any(worker.path is not None for worker in workers):
            while waiting and len(workers) < jobs:
                workers.append(_Worker(summarize))
            for worker in workers:
                if waiting and worker.path is None:
                    worker.start(waiting.popleft())
            wait([worker.answers for worker in workers if worker.path is not None], _LOOK_S)
            for worker in list(workers):
                row = worker.finished(timeout_s)
                if row is not None:
                    yield row
                if worker.is_gone:
                    worker.end()
                    workers.remove(worker)
    finally:
        for worker in workers:
            worker.end()


@dataclass
class _Given:
    """What a worker is at, and since when."""

    path: str
    since: float


class _Worker:
    """One process, which is given a path at a time."""

    def __init__(self, summarize: Summarize) -> None:
        # Not a copy of this process: threads that it may have, as those of a store, are not copied with it.
        context = multiprocessing.get_context("spawn")
        self.answers, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, summarize), daemon=True)
        self._process.start()
        theirs.close()
        self._given: _Given | None = None
        self.is_gone = False

    @property
    def path(self) -> str | None:
        """Return what it is at; None where it waits."""
        return None if self._given is None else self._given.path

    def start(self, path: str) -> None:
        """Give it a log."""
        self._given = _Given(path, time.monotonic())
        try:
            self.answers.send(path)
        except OSError:
            self.is_gone = True

    def finished(self, timeout_s: float | None) -> LogRow | None:
        """Return the row where it is done, dead or too slow; None where it is still at work."""
        given = self._given
        if given is None:
            return None
        row: LogRow | None = None
        try:
            if not self.is_gone and self.answers.poll():
                row = LogRow.from_dict(self.answers.recv())
        except (EOFError, OSError):
            self.is_gone = True
        if row is None and self.is_gone:
            row = self._crashed(given.path)
        elif row is None and timeout_s is not None and time.monotonic() - given.since > timeout_s:
            self.is_gone = True
            message = f"not done within {format_duration(timeout_s)}"
            row = LogRow.not_read(given.path, RowState.TIMEOUT, message, next_step("check", given.path))
        if row is not None:
            self._given = None
        return row

    def _crashed(self, path: str) -> LogRow:
        self._process.join(_LOOK_S)
        code = self._process.exitcode
        how = "" if code is None else f" by signal {-code}" if code < 0 else f" with exit code {code}"
        message = f"the process that read it ended{how}"
        return LogRow.not_read(path, RowState.CRASHED, message, next_step("check", path))

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join()
        self.answers.close()


def _work(answers: Connection, summarize: Callable[[str], Any]) -> None:
    """Answer paths with rows until nobody asks any more."""
    # Whoever runs the fleet is interrupted, and ends this.
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            path = answers.recv()
        except (EOFError, OSError):
            return
        answers.send(summarize(path).to_dict())
