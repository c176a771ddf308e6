"""Find the few commands of a large stream that somebody asks for, at the speed of a scan.

Only hits become Python objects. A plain file is walked in parts by several threads: a part that begins
at a guess counts only when the part before it ends there exactly, else it is walked again from the true
place. What is not canonical is read one item at a time by the lenient grammar, so the hits are those of a
full reading. Needs a source that can be read at an offset.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, cast

from aoftool.dataclass import dataclass, field, replace
from aoftool.files.source import Source
from aoftool.progress import Progress, no_progress
from aoftool.resp._native import cut_commands
from aoftool.resp._native_sieve import Sieve
from aoftool.resp.columns import RowColumns
from aoftool.resp.grammar import Grammar, Limits
from aoftool.resp.model import INHERITED_DB, Command, Lines, Stop
from aoftool.resp.stops import Halt
from aoftool.resp.watch import EVENT_MULTI, SieveState, SieveStatus, Watch

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["PART_BYTES", "SieveReader", "WriteRows"]

PART_BYTES = 24 << 20
_BUFFER_BYTES = 256 * 1024
# A command larger than this is read by the frame reader, which steps over its payloads.
_MOST_BUFFER_BYTES = 64 << 20
# Read at once of an item that the sieve passes over.
_LOOK_BYTES = 64 * 1024
_NO_LIMIT = 2**63 - 1
# With more keys than this a walk takes longer to begin than to read a part.
_MANY_KEYS = 1000

WriteRows = Callable[[memoryview, int, RowColumns, memoryview], Iterable[Command | Lines]]
"""Makes what is given for hits, while their bytes are at hand: of the bytes, the absolute offset where they
start, the rows in them, and the number of commands before each."""


@dataclass(slots=True)
class _Part:
    """What walking one range gave.

    Attributes:
        known: the state at its start was known; else numbers count from the start of the range.
        commands: the hits.
        end: where the walk ended.
        stop: why it could not go on; None when it reached its limit or the end of input.
    """

    start: int
    state: SieveState
    known: bool
    end: int = 0
    commands: list[Command | Lines] = field(default_factory=list)
    stop: Stop | None = None


class _Walk:
    """Walk one range of a plain file."""

    def __init__(
        self,
        source: Source,
        part: _Part,
        end: int,
        watch: Watch,
        keep: int | None,
        write: WriteRows | None = None,
    ) -> None:
        self._source, self._part, self._end, self._watch = source, part, end, watch
        self._write = write
        self._keep = None if keep is None else max(keep, Limits.NAME_BYTES)
        self._sieve = Sieve(watch, part.state)
        self._buffer = bytearray(_BUFFER_BYTES)

    def run(self, limit: int, input_end: int) -> _Part:
        """Walk to the first boundary at or behind `limit`."""
        for _ in self.steps(limit, input_end):
            pass
        return self._part

    def steps(self, limit: int, input_end: int) -> Iterator[int]:
        """Walk to there, and yield where the walk stands whenever there may be hits."""
        part, held = self._part, 0
        at = part.start
        while True:
            with memoryview(self._buffer) as view:
                room = min(len(view), input_end - at)
                self._source.seek(at + held)
                count = self._source.read_into(view[held:room]) if room > held else 0
                held += count
                used, status = self._sieve.feed(view[:held], at, limit)
                self._take(view[:held], at)
                rest = bytes(view[used:held]) if used else b""
            at += used
            if used:
                self._buffer[: len(rest)] = rest
                held = len(rest)
            if status is SieveStatus.DONE or (not held and not count):
                break
            if status is SieveStatus.IRREGULAR or (not used and not self._can_grow(count, held)):
                after = self._pass_item(at, input_end)
                if after is None:
                    break
                at, held = after, 0
            yield at
        part.end = at
        yield at

    def _can_grow(self, count: int, held: int) -> bool:
        """Make room for a command that fills the whole buffer; false when that would not help."""
        if held < len(self._buffer):
            return count > 0
        if len(self._buffer) >= _MOST_BUFFER_BYTES:
            return False
        self._buffer.extend(bytes(len(self._buffer)))
        return True

    def _take(self, data: memoryview, base: int) -> None:
        # Mostly there are none, and this is asked for every quarter of a megabyte.
        if not self._sieve.has_rows:
            return
        rows, indexes = self._sieve.take_rows()
        if self._write is not None:
            self._part.commands.extend(self._write(data, base, rows, indexes))
            return
        limit = _NO_LIMIT if self._keep is None else self._keep
        found = cut_commands(data, base, rows, 0, limit, None)
        for command, index in zip(found, indexes, strict=True):
            command.index = index
        self._part.commands.extend(found)

    def _pass_item(self, at: int, input_end: int) -> int | None:
        """Read one item by the lenient grammar; return what follows it, None where nothing can be read."""
        # Here: a sound log is canonical throughout, and the grammar of all else takes its time to load.
        from aoftool.resp.frame import FrameScan, command_of

        scan = FrameScan(at, Grammar.LENIENT, self._frame_keep())
        while not scan.halted:
            room = min(_LOOK_BYTES, input_end - scan.offset)
            data = self._source.read_at(scan.offset, room) if room > 0 else b""
            if not data:
                scan.finish()
                break
            scan.feed(data)
            if scan.skippable:
                scan.skip(max(0, min(scan.skippable, input_end - scan.offset)))
        frame = scan.frame()
        if frame is not None:
            command = command_of(frame)
            self._count(command)
            return frame.offset + frame.length
        tally = scan.tally()
        if scan.halt is Halt.BOUNDARY and scan.offset > at:
            if tally.annotations.last_s is not None:
                self._part.state.time_s = tally.annotations.last_s
            return scan.offset
        self._part.stop = tally.stop
        return None

    def _frame_keep(self) -> int | None:
        """Return how much of each argument must be kept to compare it."""
        if self._keep is None or self._watch.literal:
            return None
        return max(self._keep, *self._watch.lengths, Limits.NAME_BYTES + 1)

    def _count(self, command: Command) -> None:
        watch, argv = self._watch, command.argv
        upper = command.name if len(argv[0]) <= Limits.NAME_BYTES else b""
        hit = any(map(watch.wants_argument, argv[1:])) or watch.wants_name(upper)
        hit = hit or watch.wants_form(upper, argv)
        hit = hit or 0 < watch.min_length <= command.length
        second = argv[1] if len(argv) > 1 else b""
        count, length = len(argv), command.length
        self._sieve.note(upper, second, count, command.offset, length, hit, command.lenient)
        rows, indexes = self._sieve.take_rows()
        if len(indexes):
            place = memoryview(rows.db).cast("q")[0], memoryview(rows.txn).cast("q")[0]
            time_s = memoryview(rows.time_s).cast("q")[0]
            found = replace(command, db=place[0], txn=place[1], time_s=time_s, index=indexes[0])
            self._part.commands.append(found)


class SieveReader:
    """Iterate over the commands of a plain file that a watch wants, in order.

    Their `db`, `txn`, `time_s` and `index` are those of a full reading. After the iteration `state` says
    how the stream ends, `end` where, and `stop` what could not be read there.

    Args:
        source: a plain file; read through handles of its own.
        start: offset of the first command.
        state: where the stream stands there; None for database 0 and outside MULTI.
        end: absolute offset to treat as the end of input.
        until: the reading ends on the first boundary at or behind this offset.
        keep: cut longer arguments to this many bytes, but never below `Limits.NAME_BYTES`.
        workers: threads.
        write: makes of most hits what `pieces` gives for them; for one thread, which knows where the stream
            stands. Hits that it is not asked about are commands.
    """

    def __init__(
        self,
        source: Source,
        watch: Watch,
        *,
        start: int = 0,
        state: SieveState | None = None,
        end: int | None = None,
        until: int | None = None,
        keep: int | None = None,
        workers: int = 1,
        part_bytes: int = PART_BYTES,
        write: WriteRows | None = None,
        progress: Progress = no_progress,
    ) -> None:
        assert write is None or workers < 2
        self._write = write
        size = source.size_bytes or 0
        self._source, self._watch, self._keep = source, watch, keep
        self._input_end = size if end is None else min(size, end)
        self._until = self._input_end if until is None else min(until, self._input_end)
        self._part_bytes = part_bytes
        self._workers = workers
        self._progress = progress
        self.state = SieveState() if state is None else state
        self.stop: Stop | None = None
        self.end = start

    def __iter__(self) -> Iterator[Command]:
        assert self._write is None
        return cast("Iterator[Command]", self.pieces())

    def pieces(self) -> Iterator[Command | Lines]:
        """Iterate over the hits as `write` made them."""
        if self._write is not None or (self._workers < 2 and len(self._watch.keys) > _MANY_KEYS):
            yield from self._as_they_come()
            return
        if self._workers < 2 or self._until - self.end < 2 * self._part_bytes:
            while not self._is_over():
                yield from self._accept(self._walk(self.end, self._limit_behind(self.end), self.state))
            return
        yield from self._in_threads()

    def _is_over(self) -> bool:
        return self.stop is not None or self.end >= self._until

    def _limit_behind(self, start: int) -> int:
        return min(start + self._part_bytes, self._until)

    def _walk(self, start: int, limit: int, state: SieveState | None) -> _Part:
        unknown = SieveState(db=INHERITED_DB)
        with self._source.reopen() as handle:
            part = _Part(start, unknown if state is None else replace(state), state is not None)
            return _Walk(handle, part, limit, self._watch, self._keep).run(limit, self._input_end)

    def _as_they_come(self) -> Iterator[Command | Lines]:
        """Yield what every step of one walk over all makes: nothing waits, and room is used again.

        What is looked out for is put in order once, and not for every part.
        """
        if self._is_over():
            return
        with self._source.reopen() as handle:
            part = _Part(self.end, replace(self.state), known=True)
            walk = _Walk(handle, part, self._until, self._watch, self._keep, self._write)
            before = self.end
            for at in walk.steps(self._until, self._input_end):
                self._progress(at - before)
                before = at
                made, part.commands = part.commands, []
                yield from made
        self.state, self.end, self.stop = part.state, part.end, part.stop

    def _in_threads(self) -> Iterator[Command | Lines]:
        # Here: it takes longer to import than a small log to read.
        from concurrent.futures import ThreadPoolExecutor

        cuts = self._cuts()
        waiting: deque[tuple[int, Future[_Part]]] = deque()
        pool = ThreadPoolExecutor(self._workers)
        try:
            for number in range(len(cuts) - 1):
                start, limit = cuts[number], cuts[number + 1]
                state = None if number else self.state
                waiting.append((limit, pool.submit(self._walk, start, limit, state)))
                if len(waiting) > self._workers + 1:
                    yield from self._join(*waiting.popleft())
                if self.stop is not None:
                    break
            while waiting:
                yield from self._join(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _cuts(self) -> list[int]:
        """Return guessed boundaries, the true start first and the end of the reading last."""
        # Here, not above: few streams are so long that several threads read them.
        from aoftool.resp.pieces.resync import boundary_behind

        cuts = [self.end]
        for cut in range(self.end + self._part_bytes, self._until, self._part_bytes):
            guess = boundary_behind(self._source, cut, self._until)
            if guess is not None and cuts[-1] < guess:
                cuts.append(guess)
        return [*cuts, self._until]

    def _join(self, limit: int, future: Future[_Part]) -> Iterator[Command | Lines]:
        """Yield the hits up to `limit`, walking again what a wrong guess made worthless."""
        part = future.result()
        if self._is_over() or self.end >= limit:
            return
        joinable = part.known or not (self.state.is_open and part.state.first_event == EVENT_MULTI)
        if part.start != self.end or not joinable:
            part = self._walk(self.end, limit, self.state)
        yield from self._accept(part)

    def _accept(self, part: _Part) -> Iterator[Command | Lines]:
        """Take a part whose start is proven, settling what it could not know of what came before."""
        if not part.known:
            for command in part.commands:
                assert isinstance(command, Command)  # lines are made where the state is known
                _settle(command, self.state, part.state)
            part.state = _joined(self.state, part.state)
        self._progress(part.end - part.start)
        self.state, self.end, self.stop = part.state, part.end, part.stop
        yield from part.commands


def _settle(command: Command, before: SieveState, after: SieveState) -> None:
    """Give a hit of a range that began in an unknown state what the range before it knows."""
    if command.db == INHERITED_DB:
        command.db = before.db
    if command.time_s < 0:
        command.time_s = before.time_s
    command.index += before.commands
    if command.txn:
        command.txn += before.txn
    elif before.is_open and (not after.first_event or command.offset <= after.first_event_offset):
        command.txn = before.txn


def _joined(before: SieveState, after: SieveState) -> SieveState:
    """Return the state behind two ranges, the second of which began in an unknown one."""
    joined = replace(after, txn=before.txn + after.txn, commands=before.commands + after.commands)
    if after.db == INHERITED_DB:
        joined.db = before.db
    if after.time_s < 0:
        joined.time_s = before.time_s
    if not after.first_event:
        joined.is_open, joined.open_offset = before.is_open, before.open_offset
    return joined
