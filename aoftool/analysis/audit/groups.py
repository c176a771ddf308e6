"""Groups of commands that stand out by number: transactions, runs of one command, runs of deletions.

Works on columns, a million commands at a time; what is not finished at the end of a batch is carried on.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from aoftool.dataclass import dataclass, replace
from aoftool.resp.batch import Batch

__all__ = ["Column", "Group", "Grouping"]

Column = npt.NDArray[np.int64]


@dataclass(slots=True)
class Group:
    """Commands in a row that have one label.

    Attributes:
        label: transaction number, or number of the name.
        first, last: offsets of the first and the last of them.
        commands, size_bytes: how many, and their bytes.
        first_s, last_s: the `#TS` before the first and the last, -1 without one.
    """

    label: int
    first: int
    last: int
    commands: int
    size_bytes: int
    first_s: int = -1
    last_s: int = -1


class Grouping:
    """Find the groups that are large.

    Args:
        least_commands, least_bytes: either makes a group large.
    """

    def __init__(self, least_commands: int, least_bytes: int) -> None:
        self._least_commands, self._least_bytes = least_commands, least_bytes
        self._open: Group | None = None

    def add(self, batch: Batch, labels: Column) -> Iterator[Group]:
        """Yield the large groups that end in a batch; a label of 0 is no group."""
        if not labels.any():
            # Mostly: few logs hold transactions, or deletions.
            yield from self.end()
            return
        edges = np.flatnonzero(labels[1:] != labels[:-1]) + 1
        starts = np.concatenate((np.zeros(1, np.int64), edges))
        ends = np.concatenate((edges, np.array([len(labels)], np.int64)))
        counts = ends - starts
        large = counts >= self._least_commands
        if self._least_bytes <= int(batch.length.sum()):
            # Else no group of this batch has so many; adding up what changes with every command takes time.
            large |= np.add.reduceat(batch.length, starts) >= self._least_bytes
        # The first may go on from the batch before, the last in the next one.
        large[0] = large[-1] = True
        chosen = np.flatnonzero(large)
        for number in chosen.tolist():
            begin, end = int(starts[number]), int(ends[number])
            group = Group(
                int(labels[begin]),
                int(batch.offset[begin]),
                int(batch.offset[end - 1]),
                end - begin,
                int(batch.length[begin:end].sum()),
                int(batch.time_s[begin]),
                int(batch.time_s[end - 1]),
            )
            if number == 0 and self._open is not None:
                if self._open.label == group.label:
                    group = _joined(self._open, group)
                else:
                    yield from self.end()
            self._open = None
            if number == len(starts) - 1:
                self._open = group
            elif self._is_large(group):
                yield group

    def end(self) -> Iterator[Group]:
        """Yield the group that the stream ended in, when it is large."""
        if self._open is not None and self._is_large(self._open):
            yield self._open
        self._open = None

    def _is_large(self, group: Group) -> bool:
        if not group.label:
            return False
        return group.commands >= self._least_commands or group.size_bytes >= self._least_bytes


def _joined(one: Group, two: Group) -> Group:
    return replace(
        one,
        last=two.last,
        commands=one.commands + two.commands,
        size_bytes=one.size_bytes + two.size_bytes,
        last_s=two.last_s,
    )
