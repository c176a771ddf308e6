"""Run tasks in this process, or several at once in processes of their own; results come in order.

A worker is a fork: it shares what was read before and sends back one result, or the error that ended it.
It ends by itself when its parent is gone.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from aoftool.errors import AoftoolError
from aoftool.progress import Progress

__all__ = ["run_all"]

Task = TypeVar("Task")
Result = TypeVar("Result")

_PROGRESS_BYTES = 4 << 20


def run_all(
    tasks: Sequence[Task], run: Callable[[Task, Progress], Result], jobs: int, progress: Progress
) -> list[Result]:
    """Return the results of all tasks; the first error ends the others and is raised here."""
    if jobs <= 1 or len(tasks) <= 1 or "fork" not in multiprocessing.get_all_start_methods():
        return [run(task, progress) for task in tasks]
    pool = _Pool(run, progress)
    try:
        return pool.run(tasks, jobs)
    finally:
        pool.stop()


class _Pool:
    def __init__(self, run: Callable[[Any, Progress], Any], progress: Progress) -> None:
        self._run = run
        self._progress = progress
        self._context = multiprocessing.get_context("fork")
        self._workers: dict[Connection, tuple[int, Any]] = {}

    def run(self, tasks: Sequence[Any], jobs: int) -> list[Any]:
        results: list[Any] = [None] * len(tasks)
        waiting = list(enumerate(tasks))[::-1]
        while waiting or self._workers:
            while waiting and len(self._workers) < jobs:
                self._start(*waiting.pop())
            for ready in wait(list(self._workers)):
                assert isinstance(ready, Connection)
                number, found = self._receive(ready)
                if number is not None:
                    results[number] = found
        return results

    def _start(self, number: int, task: Any) -> None:
        ours, theirs = self._context.Pipe(duplex=False)
        worker = self._context.Process(target=_work, args=(self._run, task, theirs, os.getpid()))
        worker.start()
        theirs.close()
        self._workers[ours] = (number, worker)

    def _receive(self, connection: Connection) -> tuple[int | None, Any]:
        """Take a message; return the number of the task and its result when that is what it was."""
        number, worker = self._workers[connection]
        try:
            kind, content = pickle.loads(connection.recv_bytes())
        except EOFError:
            worker.join()
            raise AoftoolError(f"a worker process ended with {worker.exitcode}") from None
        if kind == "progress":
            self._progress(content)
            return None, None
        del self._workers[connection]
        connection.close()
        worker.join()
        if kind == "error":
            raise _rebuilt(*content)
        return number, content

    def stop(self) -> None:
        """End what still runs."""
        for connection, (_, worker) in self._workers.items():
            worker.terminate()
            worker.join()
            connection.close()
        self._workers.clear()


def _work(run: Callable[[Any, Progress], Any], task: Any, out: Connection, parent: int) -> None:
    pending = 0

    def progress(done_bytes: int) -> None:
        nonlocal pending
        pending += done_bytes
        if os.getppid() != parent:
            os._exit(1)
        if pending >= _PROGRESS_BYTES:
            out.send_bytes(pickle.dumps(("progress", pending)))
            pending = 0

    try:
        try:
            message = ("result", run(task, progress))
        except AoftoolError as error:
            message = ("error", (type(error), error.args, error.__dict__))
        out.send_bytes(pickle.dumps(message))
    except (KeyboardInterrupt, BrokenPipeError):
        # Whoever waits for the result has been told, or is gone.
        os._exit(1)


def _rebuilt(kind: type[AoftoolError], arguments: tuple[object, ...], state: dict[str, Any]) -> AoftoolError:
    """Return an error whose constructor takes more than pickling keeps."""
    error = kind.__new__(kind)
    error.args = arguments
    error.__dict__.update(state)
    return error
