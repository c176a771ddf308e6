"""Read a log once and return everything that summaries are made of."""

from __future__ import annotations

import os
from dataclasses import dataclass

from aoftool.analysis.census_model import CensusOptions
from aoftool.analysis.growth_model import Axis
from aoftool.analysis.log_census import Contents, LogCensus
from aoftool.analysis.series import TIME
from aoftool.analysis.time_axis import FileTimes, TimeAxis, time_axis
from aoftool.analysis.time_bounds import created_s
from aoftool.aof.model import Log, LogKind
from aoftool.aof.survey import FileSurvey, Survey, survey
from aoftool.escape import printable
from aoftool.progress import Progress, no_progress

__all__ = ["Reading", "read_log"]


@dataclass
class Reading:
    """One pass over a log.

    Attributes:
        survey: what each file holds and where it stops making sense.
        contents: the summaries of its command streams.
        axis: how moments can be told.
        end_s: when the log ends, by its last `#TS` or else the last write to its last file; None when
            there is neither.
    """

    survey: Survey
    contents: Contents
    axis: TimeAxis
    end_s: int | None


def read_log(
    log: Log,
    options: CensusOptions | None = None,
    commands: frozenset[bytes] | None = None,
    progress: Progress = no_progress,
) -> Reading:
    """Read every file of a log once.

    Args:
        commands: only these upper-case names are counted; None for all.
    """
    census = LogCensus(options, commands)
    read = survey(log, progress=progress, read_tail=census.read_tail)
    contents = census.contents()
    times = _file_times(log, read)
    axis = time_axis(contents.series, times)
    return Reading(read, contents, axis, _end(contents, axis, times))


def _file_times(log: Log, read: Survey) -> list[FileTimes]:
    """Return what is known of the files with commands; a base is made when the next file is begun."""
    found = []
    made: int | None = None
    for item in read.files:
        made = created_s(item.walk.aux) if item.walk is not None else made
        if item.tail is None:
            continue
        name = printable(item.file.name or os.fsencode(item.file.path))
        found.append(FileTimes(name, made, None if log.kind is LogKind.STDIN else _written(item)))
        made = None
    return found


def _written(item: FileSurvey) -> int | None:
    try:
        return int(os.stat(item.file.path).st_mtime)
    except OSError:
        return None


def _end(contents: Contents, axis: TimeAxis, times: list[FileTimes]) -> int | None:
    if axis.axis is Axis.TIME:
        return int(contents.series.slices[:, TIME].max())
    return times[-1].written_s if times else None
