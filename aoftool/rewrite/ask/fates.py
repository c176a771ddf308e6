"""What becomes of every command, for whoever shows commands one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aoftool.dataclass import dataclass
from aoftool.errors import AoftoolError, ReadFailedError
from aoftool.liveness.model import ANNOTATION, DEAD_FROM, Fate, Trace
from aoftool.progress import Progress, no_progress

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.rewrite.planner import RewritePlan

__all__ = ["Fates", "find_fates"]

Column = npt.NDArray[np.int64]

# Numbers in `analysis.tables.commands.FATES`.
_LIVE, _TRIMMED, _DEAD = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Fates:
    """The fates of the commands of a log, 9 bytes a command.

    Attributes:
        offsets: by number of the file, where each command starts, ascending.
        fates: by number of the file, the `Fate` of each.
    """

    offsets: dict[int, Column]
    fates: dict[int, npt.NDArray[np.uint8]]

    def of(self, file_number: int, offsets: Column) -> tuple[Column, Column]:
        """Return what becomes of commands, live, trimmed or dead, and the cause; -1: not known, or none."""
        if file_number not in self.offsets or not len(self.offsets[file_number]):
            none = np.full(len(offsets), -1, np.int64)
            return none, none
        known = self.offsets[file_number]
        at = np.minimum(np.searchsorted(known, offsets), len(known) - 1)
        found = np.where(known[at] == offsets, self.fates[file_number][at].astype(np.int64), -1)
        dead = found >= DEAD_FROM
        fate = np.where(dead, _DEAD, np.where(found == Fate.TRIMMED, _TRIMMED, _LIVE))
        return np.where(found < 0, -1, fate), np.where(dead, found - DEAD_FROM, -1)


def find_fates(log: Log, progress: Progress = no_progress) -> tuple[Fates | None, str]:
    """Return what a rewrite would do with every command; None, and why, where that is not known.

    Raises:
        ReadFailedError: the system gives an error instead of bytes.
    """
    from aoftool.rewrite.model import RewriteOptions, RewriteResult
    from aoftool.rewrite.planner import with_plan

    found: list[Fates] = []

    def look(plan: RewritePlan) -> RewriteResult:
        found.append(_fates(plan.trace))
        return RewriteResult(plan.summary)

    try:
        with_plan(log, RewriteOptions(), look, progress)
    except ReadFailedError:
        raise
    except AoftoolError as error:
        return None, f"what becomes of commands is not known: {error.message}"
    return found[-1], ""


def _fates(trace: Trace) -> Fates:
    annotation = trace.names.index(ANNOTATION)
    offsets: dict[int, list[Column]] = {}
    fates: dict[int, list[npt.NDArray[np.uint8]]] = {}
    for chunk in trace.chunks:
        rows = chunk.names != annotation
        offsets.setdefault(chunk.file, []).append(chunk.offsets[:-1][rows])
        fates.setdefault(chunk.file, []).append(chunk.fates[rows])
    return Fates(
        {number: np.concatenate(parts) for number, parts in offsets.items()},
        {number: np.concatenate(parts) for number, parts in fates.items()},
    )
