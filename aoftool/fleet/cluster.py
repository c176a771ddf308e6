"""Go over the logs of a fleet on a Dask cluster: the same rows as on one machine.

A log is a task, and so is every range of a large one (`aoftool.fleet.ranges`). What a worker that is lost was
at is given to another one; a log whose workers are lost again and again, and one that nobody finishes, is a
row that says so. The workers see the logs by the same names.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from aoftool.errors import MissingExtraError, SourceError, UsageError
from aoftool.fleet.model import LogRow, RowState
from aoftool.fleet.ranges import RANGE_BYTES, LargeLog, Task, begin
from aoftool.next_step import next_step
from aoftool.regex import regex
from aoftool.units import format_duration

__all__ = ["run_on"]

_LOCAL = regex(r"local:([1-9][0-9]{0,3})")
_CONNECT_S = 10
_LOOK_S = 0.02
# Tasks that are on their way at once, for each worker: a scheduler need not know of all logs.
_AHEAD = 4
# Without a limit of its own nothing is waited for longer than this: without workers nobody answers.
_SILENCE_S = 600.0


def run_on(
    where: str, paths: Sequence[str], *, timeout_s: float | None = None, range_bytes: int = RANGE_BYTES
) -> Iterator[LogRow]:
    """Yield the row of each log.

    Args:
        where: `dask://HOST:PORT` of a scheduler, or `local:N` for a cluster of N processes here.
        timeout_s: the logs on their way are given up when nothing was done for so long.
        range_bytes: a log of more than twice as much is counted in ranges of so much.

    Raises:
        UsageError: `where` names neither.
        MissingExtraError: Dask is not installed.
        SourceError: no scheduler answers.
    """
    local = _LOCAL.fullmatch(where)
    if local is None and not where.startswith("dask://"):
        raise UsageError(f"there is no cluster {where!a}", hint="dask://HOST:8786, or local:4")
    try:
        import distributed as found
    except ImportError as error:
        message = "a Dask cluster needs a package that is not installed"
        raise MissingExtraError(message, hint="pip install 'aoftool[fleet]'") from error
    distributed: Any = found
    with ExitStack() as stack:
        if local is not None:
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=int(local[1]), threads_per_worker=1, dashboard_address=None, silence_logs=50
                )
            )
            client = stack.enter_context(distributed.Client(cluster))
        else:
            client = stack.enter_context(_client(distributed, where))
        yield from _Run(distributed, client, range_bytes).rows(paths, timeout_s or _SILENCE_S)


def _client(distributed: Any, where: str) -> Any:
    address = f"tcp://{where.removeprefix('dask://')}"
    try:
        return distributed.Client(address, timeout=_CONNECT_S)
    except (OSError, TimeoutError) as error:
        message = f"no Dask scheduler answers at {where}"
        raise SourceError(message, hint="start one: dask scheduler, and dask worker HOST:8786") from error


class _Run:
    """Tasks on their way, some for each worker, until every log has its row."""

    def __init__(self, distributed: Any, client: Any, range_bytes: int) -> None:
        self._distributed, self._client = distributed, client
        self._range_bytes = range_bytes
        self._most = _AHEAD * max(len(client.scheduler_info()["workers"]), 1)
        self._running = distributed.as_completed()
        self._at: dict[str, Task] = {}
        # What follows from a task that is done comes before logs that are not begun.
        self._next: deque[Task] = deque()

    def rows(self, paths: Sequence[str], silence_s: float) -> Iterator[LogRow]:
        """Yield the row of each log."""
        waiting = iter(paths)
        self._fill(waiting)
        while self._at:
            future = _next_of(self._running, silence_s)
            if future is None:
                yield from self._given_up(waiting, silence_s)
                return
            row = self._done(future, self._at.pop(future.key))
            if row is not None:
                yield row
            self._fill(waiting)

    def _fill(self, waiting: Iterator[str]) -> None:
        """Send tasks on their way up to what the workers have ahead."""
        while len(self._at) < self._most:
            task = self._next_task(waiting)
            if task is None:
                return
            future = self._client.submit(task.call, *task.args, pure=False, retries=0)
            self._at[future.key] = task
            self._running.add(future)

    def _next_task(self, waiting: Iterator[str]) -> Task | None:
        while self._next:
            task = self._next.popleft()
            if _is_wanted(task):
                return task
        path = next(waiting, None)
        return None if path is None else Task(path, begin, (path, self._range_bytes))

    def _done(self, future: Any, task: Task) -> LogRow | None:
        """Take what a task gave; return the row of its log where that is all of it."""
        log = task.log
        if not _is_wanted(task):
            return None
        if future.status != "finished":
            if log is not None:
                log.is_settled = True
            return _lost(future, task.path)
        result = future.result()
        if log is not None:
            self._next.extend(log.take(task, result))
        elif isinstance(result, dict):
            return LogRow.from_dict(result)
        else:
            self._next.extend(LargeLog(task.path, result).first_tasks())
        return None

    def _given_up(self, waiting: Iterator[str], silence_s: float) -> Iterator[LogRow]:
        words = format_duration(silence_s)
        for key in self._at:
            with suppress(Exception):
                self._client.cancel([self._distributed.Future(key, self._client)], force=True)
        wanted = filter(_is_wanted, (*self._at.values(), *self._next))
        for path in dict.fromkeys(task.path for task in wanted):
            message = f"no worker was done with it when nothing had been done for {words}"
            yield LogRow.not_read(path, RowState.TIMEOUT, message, next_step("check", path))
        for path in waiting:
            message = "not begun: the workers of the cluster do not answer"
            yield LogRow.not_read(path, RowState.LOST, message, next_step("check", path))


def _is_wanted(task: Task) -> bool:
    return task.log is None or not task.log.is_settled


def _next_of(running: Any, timeout_s: float) -> Any:
    """Return the next task that is done; None when none is for too long."""
    end = time.monotonic() + timeout_s
    while not running.has_ready():
        if time.monotonic() > end:
            return None
        time.sleep(_LOOK_S)
    return next(running)


def _lost(future: Any, path: str) -> LogRow:
    error = future.exception() if future.status == "error" else None
    if type(error).__name__ == "KilledWorker":
        message = "every worker that read it was lost"
    else:
        message = f"its task ended in the cluster: {type(error).__name__ if error else future.status}"
    return LogRow.not_read(path, RowState.LOST, message, next_step("check", path))
