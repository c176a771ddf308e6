"""A clock for all of a log without annotations, for those who choose commands by time.

Reads the log once for every command that gives its time away, and keeps some hundred thousand of them at
most, spread over each file.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.analysis.time_bounds import LogClock, created_s
from aoftool.analysis.time_clues import CLUE_WATCH, Clue, clue_of
from aoftool.analysis.time_model import TimeSource
from aoftool.aof.log import read_parts
from aoftool.aof.model import Log, LogKind
from aoftool.files import Source
from aoftool.progress import Progress, no_progress
from aoftool.resp.sieve import SieveReader

__all__ = ["clock_of_log"]

_HEAD_BYTES = 4096
_STRETCHES = 1 << 16
_KEPT_BYTES = 256
_ANNOTATION = b"#TS:"


def clock_of_log(log: Log, *, workers: int = 1, progress: Progress = no_progress) -> LogClock | None:
    """Return what bounds the times of the commands of a log.

    None where annotations tell them or nothing does, and for a stream, which cannot be read twice.
    """
    if log.kind is LogKind.STDIN:
        return None
    clues: list[Clue] = []
    base_s = None
    for number, part in enumerate(read_parts(log)):
        if not part.source.seekable:
            return None
        if part.rdb is not None:
            base_s = created_s(part.rdb.aux)
        if part.tail_start is None:
            break
        if _ANNOTATION in part.source.read_at(part.tail_start, _HEAD_BYTES):
            return None
        found = _clues(number, part.source, part.tail_start, workers, progress)
        clues.extend(_thinned(found, (part.source.size_bytes or 0) // _STRETCHES + 1))
    clock = LogClock(log, base_s, clues)
    return clock if clock.tells_commands_apart else None


def _clues(number: int, source: Source, start: int, workers: int, progress: Progress) -> Iterator[Clue]:
    reader = SieveReader(
        source, CLUE_WATCH, start=start, keep=_KEPT_BYTES, workers=workers, progress=progress
    )
    for command in reader:
        if command.time_s >= 0:
            # Annotations were switched on here; from now on they tell.
            yield Clue(number, command.offset, command.time_s * 1000, TimeSource.ANNOTATION)
            return
        clue = clue_of(number, command)
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
