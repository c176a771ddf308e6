"""When the commands of a log ran: between which times, and what says so.

With `#TS` annotations a command ran in the second named last, or later only if the clock stood still.
Without them it ran behind the fork that made the base, before the last write to its file, and between what
the commands around it give away (`time_clues`). Those times are inferred: they hold as far as clocks and
files were left alone, and clues that contradict each other, or the files, are not believed. After a clock
was set back entry IDs stand still until it has caught up, and so do times inferred from them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

from aoftool.analysis.clock.clues import Clue
from aoftool.analysis.clock.model import TimeBounds, TimeSource
from aoftool.aof.model import Log, Place
from aoftool.dataclass import dataclass
from aoftool.files.times import modified_ns

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["LogClock", "created_s"]

Column: TypeAlias = "npt.NDArray[np.int64]"

# The child that writes a base reads its clock when it begins; by then the parent may have run commands.
_FORK_MS = 1000
# A kernel stamps files with the time of its last tick, which it takes late when busy: 11 ms were measured.
_TICK_MS = 250
# Some file systems and archives keep whole seconds, or every other.
_WHOLE_MS = 2000

_SOURCES = tuple(TimeSource)

_Place = tuple[int, int]
_Limit = tuple[_Place, int, TimeSource]


def created_s(aux: Mapping[bytes, bytes]) -> int | None:
    """Return when an RDB part was begun, Unix seconds, by its `ctime` field.

    None for one that came from a primary: its clock was another. Measured on Valkey 9.1.2: `aof-base` is 0.
    """
    text = aux.get(b"ctime", b"")
    if aux.get(b"aof-base") == b"0" and b"repl-id" in aux:
        return None
    return int(text) if text.isdigit() and len(text) < 12 else None


class LogClock:
    """Bound the times of commands.

    Args:
        base_s: when the RDB part was begun, Unix seconds; what follows it ran later.
        clues: in any order.
    """

    def __init__(self, log: Log, base_s: int | None, clues: Iterable[Clue] = ()) -> None:
        self._base_ms = None if base_s is None else base_s * 1000
        self._written_ms = _written_ms(log)
        lower, upper = self._believed(sorted(clues))
        self._lower = _running_max(lower)
        self._upper = _running_min(upper)
        self._arrays: tuple[_Limits, _Limits] | None = None

    @property
    def tells_commands_apart(self) -> bool:
        """Tell whether it says more of some command than of its whole file."""
        limits = (*self._lower, *self._upper)
        return any(self.bounds(*place, None) != self.of_file(place[0]) for place, _, _ in limits)

    @property
    def sources(self) -> frozenset[TimeSource]:
        """Return what tells commands apart."""
        return frozenset(source for _, _, source in (*self._lower, *self._upper))

    def places_between(self, since_s: int | None, until_s: int | None) -> tuple[Place | None, Place | None]:
        """Return from which place on, and before which one, commands may have run in a time.

        Bounds never run back from place to place, so these are exactly the commands whose bounds meet it.

        Args:
            since_s, until_s: Unix time, the second of `until_s` not included; None for no bound.
        """
        first = last = None
        if since_s is not None:
            over = bisect_left(self._upper, since_s * 1000, key=_time)
            first = Place(*self._upper[over - 1][0]) if over else None
            first = None if first is None else Place(first.file, first.offset + 1)
            for number, written_ms in enumerate(self._written_ms):
                if written_ms is not None and written_ms < since_s * 1000:
                    first = max(first or Place(0, 0), Place(number + 1, 0))
        if until_s is not None:
            begun_ms = self.of_base().earliest_ms
            at = bisect_left(self._lower, until_s * 1000, key=_time)
            last = Place(*self._lower[at][0]) if at < len(self._lower) else None
            if begun_ms is not None and begun_ms - _FORK_MS >= until_s * 1000:
                last = Place(0, 0)
        return first, last

    def of_base(self) -> TimeBounds:
        """Return when the RDB part was written."""
        since = None if self._base_ms is None else TimeSource.BASE
        return TimeBounds(self._base_ms, self._written_ms[0], since, self._until(0))

    def of_file(self, file_number: int) -> TimeBounds:
        """Return when the commands of a file ran, as far as that holds for all of them."""
        since = None if self._base_ms is None else self._base_ms - _FORK_MS
        source = None if since is None else TimeSource.BASE
        return TimeBounds(since, self._written_ms[file_number], source, self._until(file_number))

    def bounds(self, file_number: int, offset: int, time_s: int | None) -> TimeBounds:
        """Return when a command ran.

        Args:
            file_number: of its file in load order.
            time_s: the last `#TS` before it, None without one.
        """
        if time_s is not None:
            second = TimeSource.ANNOTATION
            return TimeBounds(time_s * 1000, time_s * 1000 + 999, second, second)
        place = (file_number, offset)
        of_file = self.of_file(file_number)
        earliest, since = of_file.earliest_ms, of_file.earliest_from
        latest, until = of_file.latest_ms, of_file.latest_from
        at = bisect_right(self._lower, place, key=_place) - 1
        if at >= 0 and (earliest is None or self._lower[at][1] > earliest):
            _, earliest, since = self._lower[at]
        at = bisect_left(self._upper, place, key=_place)
        if at < len(self._upper) and (latest is None or self._upper[at][1] < latest):
            _, latest, until = self._upper[at]
        if earliest is not None and latest is not None and latest < earliest:
            return of_file
        return TimeBounds(earliest, latest, since, until)

    def columns(self, file_number: int, offsets: Column) -> tuple[Column, Column, Column, Column]:
        """Return what `bounds` says of many commands without `#TS` in one file.

        Returns:
            earliest and latest times, and what each is known from by its number in
            `TimeSource`; -1 for nothing.
        """
        import numpy as np

        if self._arrays is None:
            self._arrays = _Limits.of(self._lower), _Limits.of(self._upper)
        lower, upper = self._arrays
        of_file = self.of_file(file_number)
        count = len(offsets)
        whole = (
            *_filled(count, of_file.earliest_ms, of_file.earliest_from),
            *_filled(count, of_file.latest_ms, of_file.latest_from),
        )
        first, since, last, until = whole
        at = lower.find(file_number, offsets, "right") - 1
        better = (at >= 0) & (lower.times[at] > first)
        first, since = np.where(better, lower.times[at], first), np.where(better, lower.sources[at], since)
        at = upper.find(file_number, offsets, "left")
        is_one = at < len(self._upper)
        at = np.minimum(at, len(upper.times) - 1)
        better = is_one & ((last < 0) | (upper.times[at] < last))
        last, until = np.where(better, upper.times[at], last), np.where(better, upper.sources[at], until)
        wrong = (first >= 0) & (last >= 0) & (last < first)
        first, since, last, until = (
            np.where(wrong, plain, found)
            for plain, found in zip(whole, (first, since, last, until), strict=True)
        )
        return first, last, since, until

    def _until(self, file_number: int) -> TimeSource | None:
        return None if self._written_ms[file_number] is None else TimeSource.FILE

    def _believed(self, clues: list[Clue]) -> tuple[list[_Limit], list[_Limit]]:
        """Return lower and upper limits, by place: what holds at a place and behind it, or before it."""
        lower: list[_Limit] = []
        upper: list[_Limit] = []
        streams = [clue for clue in clues if clue.kind is TimeSource.STREAM]
        believes_streams = self._is_clock(streams)
        for clue in clues:
            place = (clue.file, clue.offset)
            if clue.kind is TimeSource.ANNOTATION:
                lower.append((place, clue.time_ms, clue.kind))
                upper.append((place, clue.time_ms + 999, clue.kind))
            elif clue.kind is TimeSource.STREAM and believes_streams:
                lower.append((place, clue.time_ms, clue.kind))
                upper.append((place, clue.time_ms, clue.kind))
        known = _running_max(lower)
        for clue in clues:
            if clue.kind is TimeSource.DEADLINE and clue.time_ms >= self._least(clue, known):
                upper.append(((clue.file, clue.offset), clue.time_ms, clue.kind))
        return lower, sorted(upper)

    def _is_clock(self, streams: list[Clue]) -> bool:
        """Tell whether entry IDs can be the clock of the server: they never run back, and fit the files."""
        if any(later.time_ms < clue.time_ms for clue, later in pairwise(streams)):
            return False
        return all(self._fits(clue) for clue in streams)

    def _fits(self, clue: Clue) -> bool:
        of_file = self.of_file(clue.file)
        if of_file.earliest_ms is not None and clue.time_ms < of_file.earliest_ms:
            return False
        return of_file.latest_ms is None or clue.time_ms <= of_file.latest_ms

    def _least(self, clue: Clue, known: list[_Limit]) -> int:
        """Return the earliest time that a clue may tell where it stands."""
        at = bisect_right(known, (clue.file, clue.offset), key=_place) - 1
        since = self.of_file(clue.file).earliest_ms or 0
        return since if at < 0 else max(known[at][1], since)


def _written_ms(log: Log) -> list[int | None]:
    """Return for every file a time by which all its commands had run; files were written in their order."""
    found: list[int | None] = []
    least: int | None = None
    for file in reversed(log.files):
        try:
            written_ns = modified_ns(file.path)
        except OSError:
            found.append(least)
            continue
        slack = _TICK_MS if written_ns % 1_000_000_000 else _WHOLE_MS
        written_ms = written_ns // 1_000_000 + slack
        least = written_ms if least is None else min(least, written_ms)
        found.append(least)
    return found[::-1]


def _filled(count: int, time_ms: int | None, source: TimeSource | None) -> tuple[Column, Column]:
    import numpy as np

    return (
        np.full(count, -1 if time_ms is None else time_ms, np.int64),
        np.full(count, -1 if source is None else _SOURCES.index(source), np.int64),
    )


@dataclass(frozen=True, slots=True)
class _Limits:
    """Limits as columns; of no limit there is one, which says nothing."""

    files: Column
    offsets: Column
    times: Column
    sources: Column

    @classmethod
    def of(cls, limits: list[_Limit]) -> _Limits:
        import numpy as np

        rows = [(*place, time_ms, _SOURCES.index(source)) for place, time_ms, source in limits]
        return cls(*np.array(rows or [(-1, -1, -1, -1)], np.int64).T.copy())

    def find(self, file_number: int, offsets: Column, side: Literal["left", "right"]) -> Column:
        """Return how many limits stand before each offset of a file, `right`: or there."""
        import numpy as np

        if self.files[0] < 0:
            return np.zeros(len(offsets), np.int64)
        begin, end = np.searchsorted(self.files, [file_number, file_number + 1])
        found: Column = np.searchsorted(self.offsets[begin:end], offsets, side=side) + begin
        return found


def _place(limit: _Limit) -> _Place:
    return limit[0]


def _time(limit: _Limit) -> int:
    return limit[1]


def _running_max(limits: list[_Limit]) -> list[_Limit]:
    """Return limits in order of place, each at least that before it."""
    found: list[_Limit] = []
    for limit in limits:
        if found and found[-1][1] >= limit[1]:
            limit = (limit[0], *found[-1][1:])
        found.append(limit)
    return found


def _running_min(limits: list[_Limit]) -> list[_Limit]:
    """Return limits in order of place, each at most that behind it."""
    found: list[_Limit] = []
    for limit in reversed(limits):
        if found and found[-1][1] <= limit[1]:
            limit = (limit[0], *found[-1][1:])
        found.append(limit)
    return found[::-1]
