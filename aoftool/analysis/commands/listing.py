"""The commands of a log, filtered, one after the other.

A plain file is sieved: only candidates become objects. A stream is read command by command. The order is
that of loading; database, transaction and time are exact, because the reading begins at the start of
each file even when the listing does not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import cast

from aoftool.analysis.clock.bounds import LogClock
from aoftool.analysis.clock.clues import inferred_note
from aoftool.analysis.clock.model import TimeSource
from aoftool.analysis.commands.filter import EVERYTHING, CommandFilter
from aoftool.analysis.commands.lines import row_writer
from aoftool.analysis.commands.lines_model import RowLook
from aoftool.analysis.commands.model import LoggedCommand, as_logged
from aoftool.analysis.commands.unwrapping import Unwrapping
from aoftool.aof.ending import note_rdb, note_stop
from aoftool.aof.ending_model import ListingEnd
from aoftool.aof.log import LogPart, read_parts
from aoftool.aof.model import Log, LogFile, Place
from aoftool.progress import Progress, no_progress
from aoftool.resp.model import Command, Lines
from aoftool.resp.sieve import PART_BYTES, SieveReader
from aoftool.resp.watch import SieveState, Watch

__all__ = [
    "CommandListing",
    "logged",
]

# Where every command is a hit, parts are small, so that the first ones come at once.
_EAGER_BYTES = 1 << 20
_KEEP_BYTES = 256


def logged(command: Command, file: LogFile, number: int) -> LoggedCommand:
    """Return a command with the file it stands in."""
    return as_logged(command, file.shown_name, number)


class CommandListing:
    """Iterate over the commands of a log that a filter admits; once.

    Afterwards `end` says what the reader of the listing must know.

    Args:
        first, last: only commands at or behind, and before, these places.
        context: also give so many commands around each hit.
        limit: end behind so many hits and their context.
        keep: cut longer arguments to so many bytes; None for whole ones.
        clock: bounds the times of commands without `#TS`.
        look: have `pieces` give most commands as lines.
        workers: threads.
    """

    def __init__(
        self,
        log: Log,
        wanted: CommandFilter,
        *,
        first: Place | None = None,
        last: Place | None = None,
        context: int = 0,
        limit: int | None = None,
        keep: int | None = _KEEP_BYTES,
        clock: LogClock | None = None,
        look: RowLook | None = None,
        workers: int = 1,
        progress: Progress = no_progress,
    ) -> None:
        self._clock, self._look = clock, look
        self._inferred_from: set[TimeSource] = set()
        self._log, self._wanted, self._context = log, wanted, context
        self._first, self._last, self._limit = first, last, limit
        self._keep = None if keep is None else max(keep, wanted.longest)
        self._workers, self._progress = workers, progress
        self._times_seen = False
        self._unwrapping = Unwrapping(wanted, self._keep)
        self.end = ListingEnd()

    def __iter__(self) -> Iterator[LoggedCommand]:
        assert self._look is None
        return cast("Iterator[LoggedCommand]", self.pieces())

    def pieces(self) -> Iterator[LoggedCommand | Lines]:
        """Iterate over the commands, most of them as lines where there is a look of them; once."""
        if self._context:
            yield from self._with_context()
        elif self._look is not None:
            yield from _at_most(self._limit, filter(self._admits, self._candidates()))
        else:
            rows = cast("Iterator[LoggedCommand]", self._candidates())
            yield from islice(filter(self._wanted.admits, rows), self._limit)
        self._note_times()
        self._unwrapping.note(self.end)

    def _admits(self, row: LoggedCommand | Lines) -> bool:
        return isinstance(row, Lines) or self._wanted.admits(row)

    def _note_times(self) -> None:
        note = inferred_note(self._inferred_from)
        if note:
            self.end.note(note)
        elif self._wanted.asks_time and not self._times_seen and self._clock is None:
            self.end.note(
                "no command has a time: without #TS annotations (aof-timestamp-enabled) --since and"
                " --until find nothing"
            )

    def _candidates(self) -> Iterator[LoggedCommand | Lines]:
        for number, part in enumerate(read_parts(self._log)):
            if self._is_outside(number):
                continue
            for command in self._unwrapping.of_pieces(self._of_part(number, part), part.source):
                if isinstance(command, Lines):
                    yield command
                    continue
                row = logged(command, part.file, number)
                self._times_seen = self._times_seen or row.time_s is not None
                if self._clock is not None and row.time_s is None:
                    row.bounds = self._clock.bounds(number, row.offset, None)
                    self._inferred_from.update(row.bounds.sources)
                if self._is_inside(row):
                    yield row
            if self.end.damage is not None:
                return

    def _is_outside(self, number: int) -> bool:
        """Tell whether a whole file lies outside of the places asked for."""
        before = self._first is not None and number < self._first.file
        return before or (self._last is not None and number > self._last.file)

    def _is_inside(self, row: LoggedCommand) -> bool:
        place = Place(row.file_number, row.offset)
        if self._first is not None and place < self._first:
            return False
        return self._last is None or place < self._last

    def _of_part(self, number: int, part: LogPart) -> Iterator[Command | Lines]:
        note_rdb(self.end, part)
        if part.tail_start is None:
            return
        watch = EVERYTHING if self._context else self._wanted.watch()
        if part.source.seekable:
            yield from self._sieved(number, part, part.tail_start, watch)
            return
        reader = part.commands()
        last = None
        for last in reader:
            yield last
        note_stop(self.end, part, reader.tally().stop, reader.tally().transactions.open_offset)
        if reader.tally().transactions.open_offset is not None and last is not None:
            self.end.open_txn = number, last.txn

    def _sieved(self, number: int, part: LogPart, start: int, watch: Watch) -> Iterator[Command | Lines]:
        """Give the candidates of a plain file; what lies before the first place is only walked."""
        state = SieveState()
        if self._first is not None and self._first.file == number and self._first.offset > start:
            before = SieveReader(
                part.source, Watch(), start=start, until=self._first.offset, workers=self._workers
            )
            for _ in before:
                pass
            start, state = before.end, before.state
            if before.stop is not None:
                note_stop(self.end, part, before.stop)
                return
        until = None
        if self._last is not None and self._last.file == number:
            until = max(self._last.offset, start)
        is_eager = watch.min_length == 1
        writer = None
        if is_eager and self._look is not None and self._wanted.looks_at_columns:
            writer = row_writer(self._look, part.file.shown_name, self._wanted, self._clock is not None)
        reader = SieveReader(
            part.source,
            watch,
            start=start,
            state=state,
            until=until,
            keep=self._keep,
            workers=1 if is_eager else self._workers,
            part_bytes=_EAGER_BYTES if is_eager else PART_BYTES,
            write=None if writer is None else writer.write,
            progress=self._progress,
        )
        yield from reader.pieces()
        if writer is not None:
            self._times_seen = self._times_seen or writer.times_seen
        note_stop(self.end, part, reader.stop, reader.state.unclosed_at if until is None else None)
        if until is None and reader.state.is_open:
            self.end.open_txn = number, reader.state.txn

    def _with_context(self) -> Iterator[LoggedCommand]:
        before: deque[LoggedCommand] = deque(maxlen=self._context)
        behind = hits = 0
        for row in cast("Iterator[LoggedCommand]", self._candidates()):
            is_over = hits == self._limit
            if is_over and not behind:
                return
            if not is_over and self._wanted.admits(row):
                yield from before
                before.clear()
                behind, hits = self._context, hits + 1
                yield row
                continue
            row.is_context = True
            if behind:
                behind -= 1
                yield row
            else:
                before.append(row)


def _at_most(limit: int | None, pieces: Iterator[LoggedCommand | Lines]) -> Iterator[LoggedCommand | Lines]:
    """Yield pieces up to so many commands; what comes behind them is not asked for."""
    left = limit
    while left is None or left > 0:
        piece = next(pieces, None)
        if piece is None:
            return
        count = piece.count if isinstance(piece, Lines) else 1
        if left is not None:
            if isinstance(piece, Lines) and count > left:
                piece = Lines(b"".join(piece.text.splitlines(keepends=True)[:left]), left)
            left -= count
        yield piece
