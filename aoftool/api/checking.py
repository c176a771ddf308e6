"""Is a log whole, what is wrong with it, and what would each server do."""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.aof.model import Log
from aoftool.api.machine import worker_count
from aoftool.check.checker import check as check_log
from aoftool.check.loaders.targets import TARGETS, targets_named
from aoftool.check.model import Level, Report
from aoftool.databases import DEFAULT_DATABASES
from aoftool.progress import Progress, no_progress

__all__ = ["check"]


def check(
    log: Log,
    *,
    level: Level | str = Level.FULL,
    targets: Iterable[str] = (),
    databases: int = DEFAULT_DATABASES,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> Report:
    """Return the report on a log: findings, a verdict for each file, and what each server would do.

    Damage is no error: it is in the report. Of compressed files and of standard input a plain copy is made
    where temporary files go, unless the level is quick.

    Args:
        level: `quick` stops at the first damage of a file, `full` goes on behind it, `deep` also decodes
            every value and replays logs up to 256 MiB.
        targets: foretell only these servers, such as `valkey-9.1`, or `redis-8` for all of that major
            version; all that are known by default.
        databases: the `databases` setting of these servers.
        workers: threads; the report does not depend on it. By default one a processor.
        progress: called with the bytes done since its last call, from any thread.

    Raises:
        UsageError: no release has such a name.
        SinkError: there is no room for a plain copy.
        ReadFailedError: the system gives an error instead of bytes.
    """
    asked = {row.name for name in targets for row in targets_named(name)}
    chosen = [row for row in TARGETS if row.name in asked or not asked]
    report = check_log(log, Level(level), chosen, progress, worker_count(workers), databases)
    report.asked = bool(asked)
    return report
