"""Read a log once and return everything that summaries are made of."""

from __future__ import annotations

from aoftool.analysis.census.driver import Contents, LogCensus
from aoftool.analysis.census.in_time import by_places, need_times, untimed_note
from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.census.series import TIME
from aoftool.analysis.census.time_axis import FileTimes, TimeAxis, time_axis
from aoftool.analysis.clock.bounds import created_s
from aoftool.analysis.clock.model import Axis
from aoftool.aof.model import Log, LogKind
from aoftool.aof.survey import FileSurvey, Survey, survey
from aoftool.dataclass import dataclass, field
from aoftool.files.times import modified_ns
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
        notes: what is to be known of commands that were counted by time, in words.
    """

    survey: Survey
    contents: Contents
    axis: TimeAxis
    end_s: int | None
    notes: list[str] = field(default_factory=list)


def read_log(
    log: Log,
    options: CensusOptions | None = None,
    commands: frozenset[bytes] | None = None,
    progress: Progress = no_progress,
) -> Reading:
    """Read every file of a log once; twice without `#TS` where only commands of a time are asked for.

    Args:
        commands: only these upper-case names are counted; None for all.

    Raises:
        InputError: commands of a time are asked for, and nothing tells when any of them ran.
    """
    options, note = by_places(log, options or CensusOptions())
    census = LogCensus(options, commands, log.files)
    read = survey(log, progress=progress, read_tail=census.read_tail)
    need_times(options, read)
    notes = [text for text in (note, untimed_note(options, read)) if text]
    contents = census.contents()
    times = _file_times(log, read)
    axis = time_axis(contents.series, times, whole=not contents.filtered)
    return Reading(read, contents, axis, _end(contents, axis, times), notes)


def _file_times(log: Log, read: Survey) -> list[FileTimes]:
    """Return what is known of the files with commands; a base is made when the next file is begun."""
    found = []
    made: int | None = None
    for item in read.files:
        made = created_s(item.walk.aux) if item.walk is not None else made
        if item.tail is None:
            continue
        name = item.file.shown_name
        found.append(FileTimes(name, made, None if log.kind is LogKind.STDIN else _written(item)))
        made = None
    return found


def _written(item: FileSurvey) -> int | None:
    try:
        return modified_ns(item.file.path) // 1_000_000_000
    except OSError:
        return None


def _end(contents: Contents, axis: TimeAxis, times: list[FileTimes]) -> int | None:
    if axis.axis is Axis.TIME:
        return max(contents.series.of_slices(TIME))
    return times[-1].written_s if times else None
