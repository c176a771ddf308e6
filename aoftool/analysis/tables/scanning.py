"""The columns of a whole log, pulled: a thread reads ahead, and whoever asks gets pieces of a useful size."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from aoftool.aof.model import Log, LogFile
from aoftool.aof.survey import Survey, survey
from aoftool.commands.table import CONTAINERS
from aoftool.dataclass import dataclass, field
from aoftool.files import Source
from aoftool.progress import Progress, no_progress
from aoftool.resp.columns import RowColumns
from aoftool.resp.grammar import KeyRules
from aoftool.resp.model import TailTally
from aoftool.resp.scanner import tally_rows

__all__ = ["Piece", "Scanned"]

# A batch of so many rows, or so many bytes of keys, is worth the calls that are made for each.
_ROWS, _KEY_BYTES = 1 << 16, 8 << 20
_AHEAD = 8
_NUMBER_BYTES = 8

Names = list[tuple[bytes, bytes | None]]


@dataclass(slots=True)
class Piece:
    """Rows of one file.

    Attributes:
        file_number: in load order.
        first_index: commands of the file before the first row.
        rows: as the scanner hands them over.
        names: by number, those met so far.
    """

    file_number: int
    first_index: int
    rows: RowColumns
    names: Names


class _StoppedError(Exception):
    """Nobody asks any more."""


@dataclass
class Scanned:
    """Iterate over the commands of a log, once; afterwards `survey` says what each file holds.

    Every file is read up to the first command that cannot be, as `aoftool inspect` does.
    """

    log: Log
    key_rules: KeyRules
    progress: Progress = no_progress
    survey: Survey | None = None
    _queue: queue.Queue[Piece | BaseException | None] = field(default_factory=lambda: queue.Queue(_AHEAD))
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __iter__(self) -> Iterator[Piece]:
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            while (item := self._queue.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self._stopped.set()
            self._drain()
            thread.join()

    def _drain(self) -> None:
        while True:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                return

    def _put(self, item: Piece | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.05)
            except queue.Full:
                continue
            return
        raise _StoppedError

    def _run(self) -> None:
        try:
            self.survey = survey(self.log, progress=self.progress, read_tail=self._read_tail)
            self._put(None)
        except _StoppedError:
            return
        except BaseException as failure:
            try:
                self._put(failure)
            except _StoppedError:
                return

    def _read_tail(self, file: LogFile, source: Source, start: int, progress: Progress) -> TailTally:
        number = next(at for at, known in enumerate(self.log.files) if known is file)
        gathered = _Gathered(number)

        def take(rows: RowColumns, names: Names) -> None:
            gathered.add(rows, names)
            if gathered.is_enough:
                self._put(gathered.take())

        tally = tally_rows(
            source, take, start=start, containers=CONTAINERS, key_rules=self.key_rules, progress=progress
        )
        if gathered.count:
            self._put(gathered.take())
        return tally


class _Gathered:
    """Small pieces put together: columns of numbers laid end to end, ends moved along."""

    def __init__(self, file_number: int) -> None:
        self._file_number = file_number
        self._first_index = 0
        self._parts: list[RowColumns] = []
        self._names: Names = []
        self.count = self._key_bytes = 0

    @property
    def is_enough(self) -> bool:
        """Tell whether it is time to hand them on."""
        return self.count >= _ROWS or self._key_bytes >= _KEY_BYTES

    def add(self, rows: RowColumns, names: Names) -> None:
        """Take rows that follow those before."""
        self._parts.append(rows)
        self._names = names
        self.count += len(rows.offset) // _NUMBER_BYTES
        self._key_bytes += len(rows.key_bytes)

    def take(self) -> Piece:
        """Return all of them as one piece and start afresh."""
        piece = Piece(self._file_number, self._first_index, _joined(self._parts), self._names)
        self._first_index += self.count
        self._parts, self.count, self._key_bytes = [], 0, 0
        return piece


def _joined(parts: list[RowColumns]) -> RowColumns:
    if len(parts) == 1:
        return parts[0]
    import numpy as np

    ends: dict[str, list[bytes]] = {"key_end": [], "key_bytes_end": []}
    keys = key_bytes = 0
    for part in parts:
        for name, base in (("key_end", keys), ("key_bytes_end", key_bytes)):
            ends[name].append((np.frombuffer(getattr(part, name), np.int64) + base).tobytes())
        keys += len(part.key_offset) // _NUMBER_BYTES
        key_bytes += len(part.key_bytes)
    return RowColumns(
        *(b"".join(ends.get(name) or [getattr(part, name) for part in parts]) for name in RowColumns._fields)
    )
