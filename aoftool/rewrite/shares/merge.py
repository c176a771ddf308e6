"""Put the keys of all shares into the order of the whole log, in bounded memory.

Every share gives its keys in that order already, by database; so this is a merge of sorted columns, with
the bytes of the keys carried along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from aoftool.dataclass import dataclass
from aoftool.rewrite.replay.gather import gather
from aoftool.rewrite.shares.share import FormatReport

__all__ = ["merged"]

_WINDOW_BYTES = 8 << 20
_WINDOW_ROWS = 1 << 18


@dataclass
class _Run:
    """The keys of one share in one database, read in blocks."""

    report: FormatReport
    at: int
    last: int
    offset: int

    def __post_init__(self) -> None:
        self.positions = np.zeros(0, np.int64)
        self.sizes = np.zeros(0, np.int64)

    @property
    def more(self) -> bool:
        """Tell whether there are rows behind those that are held."""
        return self.at < self.last

    def fill(self, rows: int, size_bytes: int) -> None:
        """Hold some rows, at least one where there is any."""
        if len(self.positions) or not self.more:
            return
        count = min(rows, self.last - self.at)
        sizes = np.fromfile(self.report.sizes, np.int64, count, offset=8 * self.at)
        count = max(int(np.searchsorted(np.cumsum(sizes), size_bytes, "right")), 1)
        self.sizes = sizes[:count]
        self.positions = np.fromfile(self.report.positions, np.int64, count, offset=8 * self.at)
        self.at += count

    def take(self, bound: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64], bytes]:
        """Give the held rows up to a position: positions, sizes and bytes."""
        count = len(self.positions)
        if bound is not None:
            count = int(np.searchsorted(self.positions, bound, "right"))
        positions, sizes = self.positions[:count], self.sizes[:count]
        self.positions, self.sizes = self.positions[count:], self.sizes[count:]
        size = int(sizes.sum())
        with open(self.report.data, "rb") as file:
            file.seek(self.offset)
            data = file.read(size)
        self.offset += size
        return positions, sizes, data


def merged(reports: Sequence[FormatReport]) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Yield (database, bytes of its keys in order), databases in ascending order."""
    runs: dict[int, list[_Run]] = {}
    for report in reports:
        ends = [*(segment.first for segment in report.segments), report.keys][1:]
        for segment, last in zip(report.segments, ends, strict=True):
            if last > segment.first:
                runs.setdefault(segment.db, []).append(_Run(report, segment.first, last, segment.start))
    for db in sorted(runs):
        yield db, _in_order(runs[db])


def _in_order(runs: list[_Run]) -> Iterator[bytes]:
    while runs:
        for run in runs:
            run.fill(max(_WINDOW_ROWS // len(runs), 1), _WINDOW_BYTES // len(runs))
        ends = [int(run.positions[-1]) for run in runs if run.more]
        bound = min(ends) if ends else None
        taken = [run.take(bound) for run in runs]
        runs = [run for run in runs if run.more or len(run.positions)]
        if len(taken) == 1:
            yield taken[0][2]
            continue
        positions = np.concatenate([part[0] for part in taken])
        sizes = np.concatenate([part[1] for part in taken])
        order = np.argsort(positions, kind="stable")
        starts = np.cumsum(sizes) - sizes
        data = b"".join([part[2] for part in taken])
        yield gather(memoryview(data), starts[order], sizes[order])
