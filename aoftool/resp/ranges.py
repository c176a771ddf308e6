"""Scan one file by several threads, with the result of one scan.

The file is cut near even places, each cut moved to a guessed command boundary. A range ends on the
first boundary at or behind the next cut. Where that is not the cut itself the guess was wrong (it was
inside a value): the next range is thrown away and read again from the true place. Knows nothing of the
grammar; what cannot be joined exactly is left to the caller to scan in one piece.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from aoftool.files.source import Source
from aoftool.resp._native import Scan
from aoftool.resp.grammar import Grammar, ScanOptions
from aoftool.resp.join import NotJoinableError, join
from aoftool.resp.model import TailTally
from aoftool.resp.resync import find_boundary
from aoftool.resp.stops import Halt

__all__ = ["PART_BYTES", "RangeScan", "tally_ranges"]

PART_BYTES = 16 << 20
# Behind a cut this much is searched for a boundary; a larger value swallows the cut.
_GUESS_BYTES = 64 * 1024
_GUESS_TRIES = 8

Progress = Callable[[int], None]
Drive = Callable[..., None]


class _StopError(Exception):
    """Another thread failed; there is nothing to add."""


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
        self._waiting: dict[int, tuple[TailTally, int, bool]] = {}
        self._front: TailTally | None = None
        self._front_end = start
        self._front_part = 0
        self._done_bytes = 0
        self.finished = False
        self.consumed = start
        self.failure: BaseException | None = None

    # Cuts

    def _guess(self, part: int, handle: Source) -> int | None:
        """Return the boundary behind a cut, None when none is near."""
        if part not in self._guesses:
            self._guesses[part] = self._search(self._cuts[part], handle)
        return self._guesses[part]

    def _search(self, cut: int, handle: Source) -> int | None:
        last = min(self._end, cut + _GUESS_TRIES * _GUESS_BYTES)
        at = cut
        while at < last:
            data = handle.read_at(at, _GUESS_BYTES)
            found = find_boundary(data)
            if found >= 0:
                return at + found if at + found < self._end else None
            if len(data) < _GUESS_BYTES:
                return None
            at += _GUESS_BYTES - 128
        return None

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
            self.finished = True

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
                if start is not None and start >= self._front_end:
                    return part, start, self._limit_behind(start, part, handle)
            return None

    def _scan(
        self, start: int, limit: int | None, handle: Source, buffer: memoryview
    ) -> tuple[TailTally, int, bool]:
        """Return the tally of a range, where it ended, and whether it ended at its limit."""
        options = ScanOptions(
            start=start,
            limit=limit,
            grammar=self._grammar,
            containers=self._containers,
            known_state=start == self._start,
        )
        scan = Scan(options)
        handle.seek(start)
        self._drive(scan, handle, buffer, progress=self._go_on)
        at_limit = scan.halt is Halt.BOUNDARY and limit is not None and scan.offset >= limit
        return scan.tally(), scan.offset, at_limit

    def _put(
        self, part: int, start: int, done: tuple[TailTally, int, bool], handle: Source, buffer: memoryview
    ) -> None:
        """Hand in a range and join what has become joinable."""
        with self._lock:
            self._done_bytes += done[1] - start
            self._waiting[start] = done
            while not self.finished:
                ready = self._waiting.pop(self._front_end, None)
                if ready is None and not self._is_taken(self._front_end):
                    # No range begins where the front ends: the guess was wrong.
                    limit = self._limit_behind(self._front_end, self._part_at(self._front_end), handle)
                    ready = self._scan(self._front_end, limit, handle, buffer)
                if ready is None:
                    return
                self._join(*ready)

    def _is_taken(self, offset: int) -> bool:
        """Tell whether a range from `offset` is being scanned, or will be."""
        return any(guess == offset for guess in self._guesses.values())

    def _join(self, tally: TailTally, end: int, at_limit: bool) -> None:
        if self._front is None:
            self._front = tally
        else:
            join(self._front, tally)
        self._front_end = self.consumed = end
        self._waiting = {start: done for start, done in self._waiting.items() if start >= end}
        self.finished = not at_limit

    def result(self) -> TailTally:
        """Return the joined tally; raise what stopped a thread."""
        if self.failure is not None:
            raise self.failure
        if self._front is None or not self.finished:
            raise NotJoinableError
        return self._front


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
