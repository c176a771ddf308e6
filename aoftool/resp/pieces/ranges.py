"""Scan one file by several threads, with the result of one scan.

The file is cut near even places, each cut moved to a guessed command boundary. A range ends on the
first boundary at or behind the next cut. Where that is not the cut itself the guess was wrong (it was
inside a value): the next range is thrown away and read again from the true place. Knows nothing of the
grammar; what cannot be joined exactly is left to the caller to scan in one piece.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from aoftool.dataclass import dataclass
from aoftool.files.source import Source
from aoftool.resp._native import Scan
from aoftool.resp.grammar import Grammar, ScanOptions
from aoftool.resp.model import TailTally
from aoftool.resp.pieces.join import NotJoinableError, join
from aoftool.resp.pieces.resync import boundary_behind
from aoftool.resp.stops import Halt

__all__ = ["PART_BYTES", "Counted", "JoinedRanges", "RangeScan", "count_range", "tally_ranges"]

PART_BYTES = 16 << 20

Progress = Callable[[int], None]
Drive = Callable[..., None]


class _StopError(Exception):
    """Another thread failed; there is nothing to add."""


@dataclass(slots=True)
class Counted:
    """What a scan of a range gave.

    Attributes:
        end: where it ended: the first boundary at or behind its limit, or where nothing went on.
        at_limit: it went on to its limit, so that another range begins at `end`.
    """

    tally: TailTally
    end: int
    at_limit: bool


def count_range(
    source: Source,
    start: int,
    limit: int | None,
    buffer: memoryview,
    drive: Drive,
    *,
    is_first: bool,
    containers: frozenset[bytes],
    grammar: Grammar = Grammar.LENIENT,
    progress: Progress | None = None,
) -> Counted:
    """Count the commands from a place up to the first boundary at or behind another one.

    Args:
        limit: None for the end of input.
        drive: feeds a scan from the place of a source, as `aoftool.resp.scanner.drive`.
        is_first: nothing stands before it, so that the database and whether a MULTI is open are known.
    """
    options = ScanOptions(
        start=start, limit=limit, grammar=grammar, containers=containers, known_state=is_first
    )
    scan = Scan(options)
    source.seek(start)
    drive(scan, source, buffer, progress=progress)
    at_limit = scan.halt is Halt.BOUNDARY and limit is not None and scan.offset >= limit
    return Counted(scan.tally(), scan.offset, at_limit)


class JoinedRanges:
    """Ranges of a stream that are handed in as they are done, in any order, joined from the start on.

    A range counts only where the one before it ended: that proves its start. A start that is none, as it was
    inside a value, is passed over; then nothing is known from `end` on, and whoever scans goes on there.

    Attributes:
        end: up to where ranges are joined.
        tally: what stands up to there; None before the first range.
        finished: nothing follows.
    """

    def __init__(self, start: int) -> None:
        self.end = start
        self.tally: TailTally | None = None
        self.finished = False
        self._waiting: dict[int, Counted] = {}

    def put(self, start: int, counted: Counted) -> None:
        """Hand in a range, and join what has become joinable.

        Raises:
            NotJoinableError: the sum cannot be told exactly.
        """
        self._waiting[start] = counted
        while not self.finished and (ready := self._waiting.pop(self.end, None)) is not None:
            if self.tally is None:
                self.tally = ready.tally
            else:
                join(self.tally, ready.tally)
            self.end = ready.end
            self.finished = not ready.at_limit
            self._waiting = {at: done for at, done in self._waiting.items() if at >= self.end}


class RangeScan:
    """The shared state of the threads: cuts, finished ranges, and the joined front.

    Args:
        source: a plain file; each thread reads through its own handle on it.
        start, end: absolute offsets of the stream; `end` is treated as the end of input.
        part_bytes: distance of the cuts.
        drive: feeds a scan from the place of a source; called as `drive(scan, source, buffer, progress=...)`.
    """

    def __init__(
        self,
        source: Source,
        start: int,
        end: int,
        containers: frozenset[bytes],
        grammar: Grammar,
        drive: Drive,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._source = source
        self._start, self._end = start, end
        self._containers, self._grammar = containers, grammar
        self._drive = drive
        self._cuts = list(range(start, end, part_bytes)) or [start]
        self._guesses: dict[int, int | None] = {0: start}
        self._lock = threading.Lock()
        self._next = 0
        self._joined = JoinedRanges(start)
        self._done_bytes = 0
        self.failure: BaseException | None = None

    @property
    def finished(self) -> bool:
        """Tell whether there is nothing more to do."""
        return self.failure is not None or self._joined.finished

    @property
    def consumed(self) -> int:
        """Return the offset up to which all was read."""
        return self._joined.end

    # Cuts

    def _guess(self, part: int, handle: Source) -> int | None:
        """Return the boundary behind a cut, None when none is near."""
        if part not in self._guesses:
            self._guesses[part] = boundary_behind(handle, self._cuts[part], self._end)
        return self._guesses[part]

    def _limit_behind(self, offset: int, part: int, handle: Source) -> int | None:
        """Return the first guessed boundary behind `offset`, None for the end of input."""
        for later in range(part + 1, len(self._cuts)):
            guess = self._guess(later, handle) if self._cuts[later] > offset - (1 << 20) else None
            if guess is not None and guess > offset:
                return guess
        return None

    def _part_at(self, offset: int) -> int:
        """Return the part whose guess is `offset`, or the last one that begins before."""
        known = [part for part, guess in self._guesses.items() if guess is not None and guess <= offset]
        return max(known)

    # Work

    def work(self, handle: Source, buffer: memoryview, progress: Progress | None = None) -> None:
        """Take ranges until none is left; run by every thread with its own handle and buffer."""
        try:
            while (taken := self._take(handle)) is not None:
                part, start, limit = taken
                self._put(part, start, self._scan(start, limit, handle, buffer), handle, buffer)
                if progress is not None:
                    progress(self._start + self._done_bytes)
            if handle.changes():
                raise NotJoinableError
        except _StopError:
            return
        except BaseException as failure:
            # Without the lock: another thread may hold it for as long as it looks for a boundary, and whoever
            # was interrupted must not wait for that.
            self.failure = self.failure or failure

    def _go_on(self, offset: int) -> None:
        """Leave a range in the middle once another thread has failed, or was interrupted."""
        if self.failure is not None:
            raise _StopError

    def _take(self, handle: Source) -> tuple[int, int, int | None] | None:
        with self._lock:
            while not self.finished and self._next < len(self._cuts):
                part = self._next
                self._next += 1
                start = self._guess(part, handle)
                if start is not None and start >= self._joined.end:
                    return part, start, self._limit_behind(start, part, handle)
            return None

    def _scan(self, start: int, limit: int | None, handle: Source, buffer: memoryview) -> Counted:
        return count_range(
            handle,
            start,
            limit,
            buffer,
            self._drive,
            is_first=start == self._start,
            containers=self._containers,
            grammar=self._grammar,
            progress=self._go_on,
        )

    def _put(self, part: int, start: int, done: Counted, handle: Source, buffer: memoryview) -> None:
        """Hand in a range, and scan from the true place what a wrong guess made worthless."""
        with self._lock:
            self._done_bytes += done.end - start
            self._joined.put(start, done)
            while not self.finished and not self._is_taken(self._joined.end):
                end = self._joined.end
                limit = self._limit_behind(end, self._part_at(end), handle)
                self._joined.put(end, self._scan(end, limit, handle, buffer))

    def _is_taken(self, offset: int) -> bool:
        """Tell whether a range from `offset` is being scanned, or will be."""
        return any(guess == offset for guess in self._guesses.values())

    def result(self) -> TailTally:
        """Return the joined tally; raise what stopped a thread."""
        if self.failure is not None:
            raise self.failure
        if self._joined.tally is None or not self._joined.finished:
            raise NotJoinableError
        return self._joined.tally


def tally_ranges(
    shared: RangeScan, source: Source, workers: int, buffer_bytes: int, progress: Progress | None
) -> TailTally:
    """Run the threads, this one among them, and return the joined tally.

    Raises:
        NotJoinableError: the ranges do not add up exactly; scan in one piece instead.
    """

    def run(report: Progress | None) -> None:
        with source.reopen() as handle, memoryview(bytearray(buffer_bytes)) as buffer:
            shared.work(handle, buffer, report)

    threads = [threading.Thread(target=run, args=(None,), daemon=True) for _ in range(workers - 1)]
    for thread in threads:
        thread.start()
    try:
        run(progress)
    finally:
        for thread in threads:
            thread.join()
    return shared.result()
