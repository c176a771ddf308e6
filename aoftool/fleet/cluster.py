"""Go over the logs of a fleet on a Dask cluster: the same rows as on one machine.

A log is a task. What a worker that is lost was at is given to another one; a log whose workers are lost again
and again, and one that nobody finishes, is a row that says so. The workers see the logs by the same names.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from aoftool.errors import MissingExtraError, SourceError, UsageError
from aoftool.fleet.model import LogRow, RowState
from aoftool.fleet.summary import summarized
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


def run_on(where: str, paths: Sequence[str], *, timeout_s: float | None = None) -> Iterator[LogRow]:
    """Yield the row of each log.

    Args:
        where: `dask://HOST:PORT` of a scheduler, or `local:N` for a cluster of N processes here.
        timeout_s: the logs on their way are given up when none was done for so long.

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
        yield from _run(distributed, client, paths, timeout_s)


def _client(distributed: Any, where: str) -> Any:
    address = f"tcp://{where.removeprefix('dask://')}"
    try:
        return distributed.Client(address, timeout=_CONNECT_S)
    except (OSError, TimeoutError) as error:
        message = f"no Dask scheduler answers at {where}"
        raise SourceError(message, hint="start one: dask scheduler, and dask worker HOST:8786") from error


def _run(distributed: Any, client: Any, paths: Sequence[str], timeout_s: float | None) -> Iterator[LogRow]:
    """Keep some tasks on their way until every log has its row."""
    waiting = iter(paths)
    silence_s = timeout_s or _SILENCE_S
    running = distributed.as_completed()
    at: dict[str, str] = {}

    def give() -> None:
        path = next(waiting, None)
        if path is not None:
            future = client.submit(_summary, path, pure=False, retries=0)
            at[future.key] = path
            running.add(future)

    for _ in range(_AHEAD * max(len(client.scheduler_info()["workers"]), 1)):
        give()
    while at:
        future = _next_of(running, silence_s)
        if future is None:
            words = format_duration(silence_s)
            for key, path in list(at.items()):
                with suppress(Exception):
                    client.cancel([distributed.Future(key, client)], force=True)
                message = f"no worker was done with it when nothing had been done for {words}"
                yield LogRow.not_read(path, RowState.TIMEOUT, message, next_step("check", path))
            for path in waiting:
                message = "not begun: the workers of the cluster do not answer"
                yield LogRow.not_read(path, RowState.LOST, message, next_step("check", path))
            return
        path = at.pop(future.key)
        yield _row_of(future, path)
        give()


def _next_of(running: Any, timeout_s: float) -> Any:
    """Return the next task that is done; None when none is for too long."""
    end = time.monotonic() + timeout_s
    while not running.has_ready():
        if time.monotonic() > end:
            return None
        time.sleep(_LOOK_S)
    return next(running)


def _row_of(future: Any, path: str) -> LogRow:
    if future.status == "finished":
        return LogRow.from_dict(future.result())
    error = future.exception() if future.status == "error" else None
    if type(error).__name__ == "KilledWorker":
        message = "every worker that read it was lost"
    else:
        message = f"its task ended in the cluster: {type(error).__name__ if error else future.status}"
    return LogRow.not_read(path, RowState.LOST, message, next_step("check", path))


def _summary(path: str) -> dict[str, Any]:
    return summarized(path).to_dict()
