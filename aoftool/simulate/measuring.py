"""Measure a log for simulations: bytes by time, and what a rewrite would write at places along it.

Reads the log twice: once for its times, once to replay it. Memory holds the data of the log, or of a sample
of its keys where the log is large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from aoftool.analysis.census.model import CellKind
from aoftool.analysis.census.reading import Reading, read_log
from aoftool.analysis.census.series import (
    BYTES,
    CELL_BYTES,
    CELL_COMMANDS,
    COMMANDS,
    FILE,
    KIND,
    NAME,
    SLICE,
    TIME,
)
from aoftool.analysis.clock.model import Axis
from aoftool.analysis.inspect.restart import commands_load_s
from aoftool.aof.model import FileRole, Log, LogKind
from aoftool.aof.survey import FileSurvey
from aoftool.commands.modules import module_command
from aoftool.dataclass import replace
from aoftool.errors import UnsupportedError
from aoftool.progress import Progress, no_progress
from aoftool.replay.log_replay import EVERYTHING, LogReplay
from aoftool.replay.writer import target_of
from aoftool.replay.writer_model import Writer
from aoftool.resp.model import Command
from aoftool.simulate.model import Measured, Pace, SizePoint, Start
from aoftool.simulate.quick import quick_sample
from aoftool.simulate.sampling import REPLAYED_BYTES, KeySample, sample_of
from aoftool.simulate.sizing import size_of
from aoftool.units import format_bytes

__all__ = ["measure_log"]

# Data sets grow fast at first and then come to rest: places of the first eighth lie so many times apart,
# from a 4,096th on, those behind it evenly. A first place at 5 % was measured to be 5.6 % off.
_FULL, _QUICK = (20, 28), (8, 16)
_FIRST, _BEND = 2.0**-12, 2.0**-3
_FROM_INFO = (
    "save `valkey-cli INFO` twice, a minute apart, then: aoftool simulate --info info-1.txt --info info-2.txt"
)
# A load is summed up to so many places.
_LOAD_STEPS = 2048


def measure_log(
    log: Log,
    *,
    written_by: str | None = None,
    is_rdb: bool | None = None,
    most_bytes: int = REPLAYED_BYTES,
    read: Reading | None = None,
    quick: bool = False,
    writer: Writer | None = None,
    progress: Progress = no_progress,
) -> tuple[Measured, Writer]:
    """Return what a log tells, and who wrote it.

    Args:
        is_rdb: what a rewrite leaves; None for what the log has.
        most_bytes: of the log are replayed, about; more of it gives a sample of its keys.
        read: the first reading, of the whole log, where it has been made.
        quick: replay a small sample of the keys, in little more than the time of a scan.
        writer: who wrote the log, where that is known.

    Raises:
        UnsupportedError: standard input, which is read twice; nobody can tell what a command does; or no
            small sample of keys can stand for all.
    """
    if log.kind is LogKind.STDIN:
        raise UnsupportedError("a simulation reads the log twice", hint="save standard input to a file first")
    read = read or read_log(log)
    pace, times_s, places = _appended(read)
    total = places[-1]
    rdb_bytes = sum(item.walk.end_offset or 0 for item in read.survey.files if item.walk is not None)
    if quick:
        chosen = quick_sample(log, read)
        sample: KeySample | None = chosen.sample
        watch = chosen.watch
    else:
        sample, watch = sample_of(log, total + rdb_bytes, most_bytes), EVERYTHING
    replay = LogReplay(
        log,
        written_by=written_by,
        chosen=sample,
        stops_at_unknown=True,
        watch=watch,
        writer=writer,
        closed=_closed(read),
        progress=progress,
    )
    target = target_of(replay.writer.release)
    is_rdb = _leaves_rdb(read) if is_rdb is None else is_rdb

    beside = _Beside(_module_data(read) if is_rdb else 0)

    def count(place: int) -> SizePoint:
        point = size_of(replay.keyspace, target, place, is_rdb=is_rdb, sample=sample)
        return beside.added(point) if is_rdb else point

    due = _due(total, _QUICK if quick else _FULL)
    loads = None if quick else _Loads(total)
    found = _replayed(replay, _starts(read), due, count, beside, loads)
    load_places, load_s = _load_of_slices(read, total) if loads is None else loads.ended()
    if replay.stopped is not None:
        raise UnsupportedError(
            f"what a command does cannot be known: {replay.stopped}",
            path=log.path,
            hint=_FROM_INFO,
        )
    measured = Measured(pace, times_s, places, load_places, load_s, found, _start(read), is_rdb=is_rdb)
    measured.sampled = 1 if sample is None else sample.one_in
    measured.notes = [*replay.end.notes, *_stood_notes(measured)]
    measured.damage = replay.end.told
    return measured, replay.writer


class _Beside:
    """What modules keep outside of keys, which is written with an RDB: indexes and dictionaries.

    Args:
        size_bytes: of the base of the log.
    """

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._stood_bytes = 0

    def see(self, command: Command) -> None:
        """Take a command that changes nothing else."""
        if _is_beside_keys(command.name):
            self._stood_bytes += command.length

    def added(self, point: SizePoint) -> SizePoint:
        """Return what a rewrite leaves, with these."""
        return replace(
            point,
            size_bytes=point.size_bytes + self._size_bytes + self._stood_bytes,
            stood_bytes=point.stood_bytes + self._stood_bytes,
            is_within=point.is_within and not self._stood_bytes,
        )


@lru_cache(1024)
def _is_beside_keys(name: bytes) -> bool:
    found = module_command(name)
    return found is not None and found.is_write and found.effect == "stays"


def _module_data(read: Reading) -> int:
    """Return the bytes that modules keep outside of keys, in the RDB part of the log."""
    walks = [item.walk for item in read.survey.files if item.walk is not None]
    return sum(extra.size_bytes for walk in walks for extra in walk.module_aux)


def _stood_notes(measured: Measured) -> list[str]:
    if not measured.stood_bytes:
        return []
    size = format_bytes(measured.stood_bytes)
    counted = f"up to {size} of what a rewrite leaves is counted by the commands of modules and vector sets"
    if measured.is_within:
        return [f"{counted}: sizes and times made of it are at most that, and rewrites may be more"]
    return [f"{counted}: what a server makes of them may be less or more, and nothing here can tell"]


def _starts(read: Reading) -> list[int | None]:
    """Return, for each file, what to add to an offset for the bytes appended before; None for a base."""
    found: list[int | None] = []
    done = 0
    for item in read.survey.files:
        found.append(done - item.tail_start if _is_appended(item) else None)
        done += _tail_bytes(item)
    return found


def _closed(read: Reading) -> dict[int, int]:
    """Return the sizes of files that are whole and end outside of a transaction, by number."""
    found: dict[int, int] = {}
    for number, item in enumerate(read.survey.files):
        tail = item.tail
        if tail is None or tail.stop is None or not tail.stop.clean or item.changes:
            continue
        if tail.transactions.open_offset is None and not tail.transactions.discards_inside.count:
            found[number] = item.size_bytes
    return found


def _tails(read: Reading) -> list[FileSurvey]:
    return [item for item in read.survey.files if item.tail is not None]


def _is_appended(item: FileSurvey) -> bool:
    """Tell whether the commands of a file were appended by a server, and not written by a rewrite."""
    return item.file.role is not FileRole.BASE


def _tail_bytes(item: FileSurvey) -> int:
    return item.tail.good_end - item.tail_start if item.tail is not None and _is_appended(item) else 0


def _leaves_rdb(read: Reading) -> bool:
    """Tell the form of a rewrite by the base of the log; servers write RDB by default."""
    bases = [item for item in read.survey.files if item.file.role is FileRole.BASE and item.size_bytes]
    return all(item.walk is not None for item in bases)


def _start(read: Reading) -> Start:
    """Return how things stood behind the base; a fresh server does not count its empty one."""
    base = 0
    keys = False
    for item in read.survey.files:
        if item.file.role is FileRole.BASE:
            base += item.size_bytes
            keys = keys or item.walk is None or bool(item.walk.counts)
        elif item.walk is not None:
            base += item.walk.end_offset or 0
            keys = keys or bool(item.walk.counts)
    return Start(base, base, base) if keys else Start(0, 0, base)


def _appended(read: Reading) -> tuple[Pace, list[float], list[int]]:
    """Return where times come from, and bytes by time: seconds from 0, and bytes appended by then."""
    total = sum(map(_tail_bytes, read.survey.files))
    slices = read.contents.series.slices
    appended = [_is_appended(item) for item in _tails(read)]
    counted = [int(row[BYTES]) if appended[row[FILE]] else 0 for row in slices]
    whole = sum(counted)
    if not whole:
        return Pace.NONE, [0.0, float(total)], [0, total]
    scale = total / whole
    if read.axis.axis is Axis.TIME:
        width = read.contents.series.width_s
        marks = list(_by_second([int(row[TIME]) for row in slices], counted, width))
        pace = Pace.TIMES
    else:
        commands = [int(row[COMMANDS]) for row in slices]
        marks = list(_by_axis(read, commands, counted))
        pace = Pace.INFERRED
    if len(marks) < 2 or marks[-1][0] <= marks[0][0]:
        return Pace.NONE, [0.0, float(total)], [0, total]
    first = marks[0][0]
    marks[-1] = (marks[-1][0], whole)
    return pace, [time_s - first for time_s, _ in marks], [round(done * scale) for _, done in marks]


def _by_second(times: list[int], counted: list[int], width: int) -> Iterator[tuple[float, int]]:
    """Yield (time, bytes so far) where the pace changes: what stands under a `#TS` ran within its step.

    A clock that was set back goes on where it stood.
    """
    done = 0
    now = since = -1
    ahead = 0
    for time_s, size in zip(times, counted, strict=True):
        step = time_s // width * width if time_s >= 0 else since
        if step != since:
            if since >= 0:
                yield now + width, done
                ahead = max(ahead, now + width - step) if step + ahead < now + width else ahead
            since, now = step, step + ahead
            yield now, done
        done += size
    yield now + width, done


def _by_axis(read: Reading, commands: list[int], counted: list[int]) -> Iterator[tuple[float, int]]:
    """Yield (time, bytes so far) by what was inferred; times that are not known are left out."""
    ran = done = 0
    latest = 0.0
    for number, size in zip([*commands, 0], [*counted, 0], strict=True):
        told = read.axis.time_at(ran)
        if told is not None and told[0] / 1000 >= latest:
            latest = told[0] / 1000
            yield latest, done
        ran += number
        done += size


def _due(total: int, counts: tuple[int, int]) -> list[int]:
    """Return the places at which a rewrite is counted, ascending, the start and the end among them."""
    most_early, most_late = counts
    early = [_FIRST * (_BEND / _FIRST) ** (number / most_early) for number in range(most_early)]
    late = [_BEND + (1 - _BEND) * number / most_late for number in range(most_late + 1)]
    return sorted({0, *(round(total * share) for share in (*early, *late))})


class _Loads:
    """Sums up how long the commands of a replay take to load.

    Args:
        total: bytes appended.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._places, self._load_s, self._spent_s = [0], [0.0], 0.0

    def add(self, place: int, command: Command) -> None:
        """Take a command."""
        if place - self._places[-1] > self._total // _LOAD_STEPS:
            self._places.append(place)
            self._load_s.append(self._spent_s)
        self._spent_s += commands_load_s(command.name, 1, command.length)

    def ended(self) -> tuple[list[int], list[float]]:
        """Return places and the seconds up to each, the end among them."""
        end = max(self._total, self._places[-1] + 1)
        return [*self._places, end], [*self._load_s, self._spent_s]


def _replayed(
    replay: LogReplay,
    starts: list[int | None],
    due: list[int],
    count: Callable[[int], SizePoint],
    beside: _Beside,
    loads: _Loads | None,
) -> list[SizePoint]:
    """Replay a log; return sizes at places.

    Args:
        starts: for each file, what to add to an offset for the bytes appended before; None for a base.
        loads: takes every command; None where nobody asks.
    """
    found: list[SizePoint] = []
    for number, command in replay:
        start = starts[number]
        if start is None:
            continue
        place = start + command.offset
        while len(found) < len(due) and place >= due[len(found)]:
            found.append(count(due[len(found)]))
        if loads is not None:
            loads.add(place, command)
        beside.see(command)
    while len(found) < len(due):
        found.append(count(due[len(found)]))
    return found


def _load_of_slices(read: Reading, total: int) -> tuple[list[int], list[float]]:
    """Return how long the commands take to load up to places, by what the first reading counted."""
    series = read.contents.series
    costs = [0.0] * len(series.slices)
    for row in series.cells[series.cells[:, KIND] == CellKind.COMMAND].tolist():
        name = series.commands[row[NAME]].partition(b" ")[0]
        costs[row[SLICE]] += commands_load_s(name, row[CELL_COMMANDS], row[CELL_BYTES])
    appended = [_is_appended(item) for item in _tails(read)]
    places, load_s = [0], [0.0]
    for row, cost in zip(series.slices.tolist(), costs, strict=True):
        if appended[row[FILE]]:
            places.append(places[-1] + row[BYTES])
            load_s.append(load_s[-1] + cost)
    scale = total / places[-1] if places[-1] else 1.0
    return [round(place * scale) for place in places], load_s
