"""The rows of many logs: those that were made before as they are kept, the others made here or elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from aoftool.api.machine import worker_count
from aoftool.fleet.model import LogRow
from aoftool.progress import Stage, silent_stage
from aoftool.units import counted

__all__ = ["fleet_rows"]


def fleet_rows(
    paths: Sequence[str],
    *,
    jobs: int | None = None,
    on: str | None = None,
    timeout_s: float | None = None,
    state_path: str | None = None,
    stage: Stage = silent_stage,
) -> Iterator[LogRow]:
    """Yield the rows of all logs, those that are known already first.

    Args:
        jobs: processes at work at once; by default one a processor.
        on: the cluster that works, as `aoftool.fleet.cluster.run_on` names it; None for this machine.
        timeout_s: for one log; None waits as long as it takes.
        state_path: the file in which rows are kept; None for none.
        stage: gives the progress of the work.

    Raises:
        as `aoftool.fleet.state.FleetState` and `aoftool.fleet.cluster.run_on`.
    """
    with ExitStack() as stack:
        state = None
        if state_path is not None:
            from aoftool.fleet.state import FleetState

            state = stack.enter_context(FleetState(state_path))
        progress = stack.enter_context(stage(f"reading {counted(len(paths), 'log')}", None))
        left = []
        for path in paths:
            known = None if state is None else state.known(path)
            if known is None:
                left.append(path)
            else:
                yield known
        for row in _made(left, jobs, on, timeout_s):
            if state is not None:
                state.keep(row)
            progress(row.size_bytes)
            yield row


def _made(paths: list[str], jobs: int | None, on: str | None, timeout_s: float | None) -> Iterator[LogRow]:
    if on is not None:
        from aoftool.fleet.cluster import run_on

        return run_on(on, paths, timeout_s=timeout_s)
    from aoftool.fleet.running import run_here

    return run_here(paths, jobs=min(worker_count(jobs), max(len(paths), 1)), timeout_s=timeout_s)
