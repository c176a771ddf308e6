"""Read the command streams of a log once and summarise them: the driver of the census.

The scanner works on one thread and the census of a large file on another, in order; which of them waits never
changes a figure. Memory: the key table (see `CensusOptions.key_limit`), a bounded series, and a few buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from aoftool.analysis.census.kernel import Census
from aoftool.analysis.census.key_counts import KeyCounts, have_sketches
from aoftool.analysis.census.model import FIRST_PREFIX, CellKind, CensusOptions, CommandRole
from aoftool.analysis.census.peaks import Peak, Peaks
from aoftool.analysis.census.roles import key_rules, role_of
from aoftool.analysis.census.series import BYTES, COMMANDS, Series
from aoftool.analysis.census.sizes import SizeHistogram
from aoftool.aof.model import LogFile, Place
from aoftool.commands.table import CONTAINERS
from aoftool.dataclass import dataclass, field
from aoftool.files import Source
from aoftool.progress import Progress
from aoftool.resp.columns import RowColumns, rows_between, untimed_first
from aoftool.resp.model import TailTally
from aoftool.resp.scanner import tally_rows

__all__ = ["KEYLESS", "CommandCount", "Contents", "LogCensus"]

KEYLESS = (b"(no key)", b"(framing)", b"(other prefixes)")
"""Names of the rows that are no prefix, by their numbers."""

# A file is cut into some five hundred stretches at first, of unknown size into ones of 256 bytes; they
# are joined when there are too many.
_STRETCH_BITS = 9
_UNKNOWN_SHIFT = 8
_DRAIN_EVERY = 32
_WORTH_A_THREAD = 1 << 20

Names = list[tuple[bytes, bytes | None]]


@dataclass(slots=True)
class CommandCount:
    """One command name among what was counted."""

    commands: int
    size_bytes: int
    largest_bytes: int
    largest_file: str
    largest_offset: int


@dataclass
class Contents:
    """All summaries of the command streams of a log.

    Attributes:
        filtered: some commands were left out by the options.
        commands: by name, the subcommand behind a blank.
        peaks: by kind: commands, txn_bytes, txn_commands, gaps, stalls, flushes, backwards.
        spacings: how often two `#TS` lines lay so many seconds apart; the last is for all longer ones.
    """

    series: Series = field(default_factory=Series)
    keys: KeyCounts = field(default_factory=KeyCounts)
    commands: dict[bytes, CommandCount] = field(default_factory=dict)
    command_bytes: SizeHistogram = field(default_factory=SizeHistogram)
    key_bytes: SizeHistogram = field(default_factory=SizeHistogram)
    arguments: SizeHistogram = field(default_factory=SizeHistogram)
    spacings: list[int] = field(default_factory=list)
    peaks: dict[str, Peaks] = field(default_factory=dict)
    key_writes: int = 0
    flushes: int = 0
    filtered: bool = False

    @property
    def total(self) -> tuple[int, int]:
        """Return (commands, bytes) of all that was counted."""
        return sum(self.series.of_slices(COMMANDS)), sum(self.series.of_slices(BYTES))

    def prefixes(self) -> dict[bytes, tuple[int, int]]:
        """Return (writes, bytes) by prefix; rows of `KEYLESS` among them."""
        found = self.series.totals(CellKind.PREFIX)
        return {self.series.prefixes[number]: counts for number, counts in found.items()}

    def databases(self) -> dict[int, tuple[int, int]]:
        """Return (commands, bytes) by database."""
        return self.series.totals(CellKind.DB)


Bounds = tuple[int, int | None]
"""From which offset of a file on commands are counted, and before which; None is its end."""


def _bounds_in(number: int, first: Place | None, last: Place | None) -> Bounds:
    """Return what two places leave of the file of a number."""
    begin = 0 if first is None or number > first.file else first.offset
    if first is not None and number < first.file:
        return 0, 0
    if last is None or number < last.file:
        return begin, None
    return begin, last.offset if number == last.file else 0


def _between(rows: RowColumns, bounds: Bounds) -> RowColumns:
    first, last = bounds
    return rows_between(rows, first, last) if first or last is not None else rows


class LogCensus:
    """Count the streams of a log one after the other; `read_tail` is what `survey` calls.

    Args:
        options: what to count.
        commands: only these upper-case names; None for all.
        files: those of the log in load order, which places count.
    """

    def __init__(
        self,
        options: CensusOptions | None = None,
        commands: frozenset[bytes] | None = None,
        files: Sequence[LogFile] = (),
    ) -> None:
        self._options = options or CensusOptions()
        self._wanted = commands
        self._census = Census(self._options)
        self._series = Series(prefixes=list(KEYLESS))
        self._labels: dict[bytes, int] = {}
        self._known = 0
        self._since_drain = 0
        self._keys = KeyCounts()
        self._sketching: bool | None = None
        self._files: list[str] = []
        self._numbers = {file.path: number for number, file in enumerate(files)}
        self._bounds: Bounds = (0, None)
        self._untimed_bounds: Bounds = (0, None)

    def read_tail(self, file: LogFile, source: Source, start: int, progress: Progress) -> TailTally:
        """Count the stream of one file and return its tally."""
        self._begin(file, source.size_bytes)
        with self._taking(source.size_bytes) as take:
            tally = tally_rows(
                source,
                take,
                start=start,
                containers=CONTAINERS,
                key_rules=key_rules(),
                progress=progress,
            )
        self._census.end_file()
        self._take_slices()
        return tally

    @contextmanager
    def _taking(self, size_bytes: int | None) -> Iterator[Callable[[RowColumns, Names], None]]:
        """Give what takes rows: another thread, where reading lasts longer than it takes to start."""
        if size_bytes is not None and size_bytes < _WORTH_A_THREAD:
            yield self._count
            return
        from aoftool.analysis.census.pipe import Pipe

        pipe = Pipe(self._count)
        try:
            yield pipe.put
        finally:
            pipe.close()

    def _begin(self, file: LogFile, size_bytes: int | None) -> None:
        self._files.append(file.shown_name)
        self._known = 0
        number = self._numbers.get(file.path, len(self._files) - 1)
        options = self._options
        self._bounds = _bounds_in(number, options.first, options.last)
        self._untimed_bounds = _bounds_in(number, options.untimed_first, options.untimed_last)
        fitting = _UNKNOWN_SHIFT if size_bytes is None else (size_bytes >> _STRETCH_BITS).bit_length()
        shift = max(self._series.shift, fitting)
        self._series.shift = shift
        self._census.start_file(len(self._files) - 1, shift, self._series.width_s)

    def _count(self, rows: RowColumns, names: Names) -> None:
        if len(names) != self._known:
            self._known = len(names)
            self._census.map_commands([self._role(*name) for name in names])
        rows = _between(rows, self._bounds)
        if not self._options.untimed:
            self._census.add(rows)
        else:
            untimed, timed = untimed_first(rows)
            self._census.add(_between(untimed, self._untimed_bounds))
            self._census.add(timed)
        if self._census.full and self._may_sketch():
            self._keys.absorb(KeyCounts.of(self._census.take_keys(), []))
        self._since_drain += 1
        if self._since_drain >= _DRAIN_EVERY:
            self._take_slices()

    def _may_sketch(self) -> bool:
        # Asked once, where there are too many keys.
        if self._sketching is None:
            self._sketching = have_sketches()
        return self._sketching

    def _role(self, name: bytes, subcommand: bytes | None) -> CommandRole:
        label = name if subcommand is None else name + b" " + subcommand
        number = self._labels.setdefault(label, len(self._labels))
        return role_of(number, name, self._wanted is None or name in self._wanted or label in self._wanted)

    def _take_slices(self) -> None:
        self._since_drain = 0
        self._series.add(self._census.take_slices())
        if self._series.is_large:
            self._series.shrink()
            self._census.resize(self._series.shift, self._series.width_s)

    def contents(self) -> Contents:
        """Return the summaries of all streams read so far; call it once, at the end."""
        census, series = self._census, self._series
        series.files = list(self._files)
        series.commands = list(self._labels)
        series.prefixes = [*KEYLESS, *census.prefixes()]
        series.shrink()
        series.coarsen(series.shift, series.width_s)
        assert len(KEYLESS) == FIRST_PREFIX
        keys = KeyCounts.of(census.take_keys(), series.prefixes)
        keys._sketches = self._keys._sketches
        keys.loose_writes, keys.loose_bytes = census.overflow_writes, census.overflow_bytes
        keys.settle()
        sizes, names, arguments, spacings = census.histograms()
        return Contents(
            series=series,
            keys=keys,
            commands=self._command_counts(),
            command_bytes=SizeHistogram(sizes),
            key_bytes=SizeHistogram(names),
            arguments=SizeHistogram(arguments),
            spacings=spacings,
            peaks=self._peaks(),
            key_writes=census.key_writes,
            flushes=census.flushes,
            filtered=self._options.filtered or self._wanted is not None,
        )

    def _command_counts(self) -> dict[bytes, CommandCount]:
        labels = list(self._labels)
        return {
            labels[number]: CommandCount(row[0], row[1], row[2], self._files[row[3]], row[4])
            for number, row in self._census.commands().items()
        }

    def _peaks(self) -> dict[str, Peaks]:
        labels = list(self._labels)
        found = {}
        for kind, spikes in self._census.spikes().items():
            peaks = Peaks()
            peaks.add(Peak.of(spike, self._files, labels) for spike in spikes)
            found[kind] = peaks
        return found
