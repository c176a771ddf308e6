"""Command streams that were counted once: a later look at the log takes what the first reading counted."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from aoftool.aof.model import Log, LogFile
from aoftool.aof.survey import Survey
from aoftool.commands.table import CONTAINERS
from aoftool.files.times import version_of
from aoftool.resp.scanner import tally

if TYPE_CHECKING:
    from aoftool.files import Source
    from aoftool.progress import Progress
    from aoftool.resp.model import TailTally

__all__ = ["CountedTails"]


class CountedTails:
    """Remember how the files of a log are before a first reading; `read_tail` is for a later one.

    A stream whose file has another size since then, or was written to, is counted anew; so is what is
    compressed.

    Args:
        workers: threads to share that.
    """

    def __init__(self, log: Log, workers: int = 1) -> None:
        self._workers = workers
        self._versions = {file.path: _version_of(file.path) for file in log.files if file.exists}
        self._read: Survey | None = None

    def learn(self, read: Survey) -> None:
        """Take what the first reading counted."""
        self._read = read

    def read_tail(self, file: LogFile, source: Source, start: int, progress: Progress) -> TailTally:
        """Return the tally of a stream; see `survey.ReadTail`."""
        known = self._known(file, source, start)
        if known is None:
            end, workers = source.size_bytes, self._workers
            return tally(
                source, start=start, end=end, containers=CONTAINERS, workers=workers, progress=progress
            )
        progress(source.size_bytes or 0)
        # A copy: whoever gets it may go on with it.
        return deepcopy(known)

    def _known(self, file: LogFile, source: Source, start: int) -> TailTally | None:
        files = self._read.files if self._read is not None else ()
        item = next((item for item in files if item.file.path == file.path), None)
        if item is None or item.changes or item.compression is not None or item.tail_start != start:
            return None
        version = self._versions.get(file.path)
        if source.size_bytes != item.size_bytes or version is None or version != _version_of(file.path):
            return None
        return item.tail


def _version_of(path: str) -> str | None:
    try:
        return version_of(path)
    except OSError:
        return None
