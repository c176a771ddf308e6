"""A clock for commands without annotations, for those who choose commands by time.

Reads the files that do not begin with one, up to their first, for every command that gives its time away, and
keeps some hundred thousand of them at most, spread over each file. Annotations bound what stands around them.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.analysis.clock.bounds import LogClock, created_s
from aoftool.analysis.clock.clues import CLUE_WATCH, Clue, clue_of
from aoftool.analysis.clock.model import TimeSource
from aoftool.aof.log import read_parts
from aoftool.aof.model import Log, LogKind
from aoftool.aof.span import last_annotation_s, span_of
from aoftool.errors import InputError
from aoftool.files import Source
from aoftool.progress import Progress, no_progress
from aoftool.resp.sieve import SieveReader

__all__ = ["clock_of_log", "need_times", "no_times"]

_STRETCHES = 1 << 16
_KEPT_BYTES = 256
# An annotation in front of the first command leaves it no further from the start than this.
_FIRST_LINE = len(b"#TS:4294967295\r\n")


def clock_of_log(log: Log, *, workers: int = 1, progress: Progress = no_progress) -> LogClock | None:
    """Return what bounds the times of the commands of a log.

    None where annotations tell those of every command, or nothing does, and for a stream, which cannot be
    read twice.
    """
    if log.kind is LogKind.STDIN:
        return None
    clues: list[Clue] = []
    base_s = None
    untimed = False
    for number, part in enumerate(read_parts(log)):
        if not part.source.seekable:
            return None
        if part.rdb is not None:
            base_s = created_s(part.rdb.aux)
        if part.tail_start is None:
            break
        if not part.source.read_at(part.tail_start, 1):
            continue  # a base that is all RDB, or a file of a moment ago
        last_s = last_annotation_s(part.file)
        first = None if last_s is None else _first_timed(part.source, part.tail_start)
        until = None if first is None else first[0]
        if until is None or until > part.tail_start + _FIRST_LINE:
            untimed = True
            found = _clues(number, part.source, part.tail_start, until, workers, progress)
            clues.extend(_thinned(found, (part.source.size_bytes or 0) // _STRETCHES + 1))
        if first is not None and last_s is not None:
            end = part.source.size_bytes or first[0]
            told = ((first[0], first[1]), (end, max(last_s, first[1])))
            clues.extend(Clue(number, at, time_s * 1000, TimeSource.ANNOTATION) for at, time_s in told)
    if not untimed:
        return None
    clock = LogClock(log, base_s, clues)
    return clock if clock.tells_commands_apart else None


def need_times(log: Log, *, workers: int = 1) -> None:
    """Refuse to choose by time where there are commands and nothing tells when any of them ran.

    Raises:
        InputError: so it is.
    """
    span = span_of(log)
    if span is None or span.exact or clock_of_log(log, workers=workers) is not None:
        return
    parts = ((part.source, part.tail_start) for part in read_parts(log))
    if any(start is not None and source.read_at(start, 1) for source, start in parts):
        raise no_times(log)


def no_times(log: Log) -> InputError:
    """Return the error for a log in which nothing tells when any command ran."""
    from aoftool.aof.moment_places import no_times as without_annotations

    return without_annotations(log.path, ", and none can be inferred here")


def _first_timed(source: Source, start: int) -> tuple[int, int] | None:
    """Return offset and Unix second of the first command behind an annotation; None where there is none."""
    import numpy as np

    from aoftool.resp.batch import BatchReader

    with source.reopen() as again:
        for batch in BatchReader(again, start=start):
            timed = np.flatnonzero(batch.time_s >= 0)
            if len(timed):
                return int(batch.offset[timed[0]]), int(batch.time_s[timed[0]])
    return None


def _clues(
    number: int, source: Source, start: int, until: int | None, workers: int, progress: Progress
) -> Iterator[Clue]:
    """Yield what commands without an annotation give away, up to the first that has one."""
    reader = SieveReader(
        source, CLUE_WATCH, start=start, until=until, keep=_KEPT_BYTES, workers=workers, progress=progress
    )
    for command in reader:
        clue = clue_of(number, command) if command.time_s < 0 else None
        if clue is not None:
            yield clue


def _thinned(clues: Iterator[Clue], stretch_bytes: int) -> Iterator[Clue]:
    """Leave out clues that add little: of a stretch, the first and last entry and the first to expire remain.

    Entries that run back stay in, so that they are noticed.
    """
    stretch = -1
    latest: Clue | None = None
    least: Clue | None = None
    for clue in clues:
        if clue.offset // stretch_bytes != stretch:
            yield from (held for held in (latest, least) if held is not None)
            stretch, latest, least = clue.offset // stretch_bytes, None, None
        if clue.kind is TimeSource.DEADLINE:
            if least is None or clue.time_ms <= least.time_ms:
                least = clue
            continue
        if latest is None or clue.time_ms < latest.time_ms:
            yield clue
        latest = clue
    yield from (held for held in (latest, least) if held is not None)
