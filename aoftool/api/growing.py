"""How a log grew, when that changed, and what drove it."""

from __future__ import annotations

from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.census.reading import Reading, read_log
from aoftool.analysis.census.series import TIME
from aoftool.analysis.growth.folding import FOLDS, folded
from aoftool.analysis.growth.growth import growth_of
from aoftool.analysis.growth.model import Growth
from aoftool.analysis.habits.model import HabitTable
from aoftool.aof.log import need_every_file
from aoftool.aof.model import Log, LogKind
from aoftool.api.machine import worker_count
from aoftool.errors import InputError
from aoftool.progress import Progress, no_progress
from aoftool.replay.log_writer import writer_of_log, writer_of_survey

__all__ = ["fold", "growth", "read"]


def read(
    log: Log, options: CensusOptions, commands: frozenset[bytes] | None, progress: Progress = no_progress
) -> Reading:
    """Return what one reading of a whole log tells.

    Args:
        options: which commands count, and how keys are put together.
        commands: only these upper-case names; None for all.

    Raises:
        SourceError: a file of the log is missing.
    """
    need_every_file(log)
    return read_log(log, options, commands, progress)


def growth(
    log: Log,
    found: Reading,
    *,
    by: str = "prefix",
    buckets: int,
    width: int | None = None,
    by_position: bool = False,
    top: int,
    workers: int | None = None,
) -> Growth:
    """Return how a log grew, and who wrote it.

    Args:
        found: from `read`.
        by: `prefix`, `command` or `db`.
        buckets: at most so many steps, where no width is given.
        width: of a step, in seconds, or in bytes by position.
        by_position: over the file, even where times are known.
        top: rows; the rest is folded.
        workers: threads; by default one a processor.
    """
    grown = growth_of(
        found.contents, found.axis, by=by, buckets=buckets, width=width, by_position=by_position, top=top
    )
    grown.has_base = any(item.walk is not None for item in found.survey.files)
    # What can be read only once tells it by the names of its commands alone.
    if log.kind is LogKind.STDIN:
        grown.writer = writer_of_survey(found.survey)
    else:
        grown.writer = writer_of_log(log, workers=worker_count(workers))
    return grown


def fold(found: Reading, name: str) -> HabitTable:
    """Return all hours laid upon one day, or all days upon one week.

    Args:
        found: from `read`.
        name: `day` or `week`.

    Raises:
        InputError: the log has no `#TS` annotations.
    """
    timed = [time_s for time_s in found.contents.series.of_slices(TIME) if time_s >= 0]
    table = None
    if timed:
        grown = growth_of(found.contents, found.axis, width=FOLDS[name])
        table = folded(grown, name, min(timed), max(timed))
    if table is None:
        raise InputError("a pattern needs #TS annotations in the log", hint="growth shows it over position")
    return table
