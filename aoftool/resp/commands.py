"""Commands one by one, for those who want Python objects; see `batch` for columns.

Memory is one buffer plus the command in hand, whose arguments the caller may have cut.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.files.source import Source
from aoftool.resp._native import Scan, cut_commands
from aoftool.resp.frame import FrameScan, command_of
from aoftool.resp.grammar import Grammar, Limits, ScanOptions
from aoftool.resp.model import Command, TailTally
from aoftool.resp.scanner import BUFFER_BYTES, SKIP_BYTES, go_to

__all__ = ["CommandReader", "commands"]

_NO_LIMIT = 2**63 - 1


class CommandReader:
    """Iterate over the commands of a stream; afterwards `tally()` says how it ended.

    Args:
        source: as for `tally`.
        start, end, grammar, containers: as for `tally`.
        names: in upper case; only these commands are made, the others are only counted.
        limit: cut longer arguments to this many bytes, but never below `Limits.NAME_BYTES`;
            `Command.lengths` then has the true lengths.
    """

    def __init__(
        self,
        source: Source,
        *,
        start: int = 0,
        end: int | None = None,
        grammar: Grammar = Grammar.LENIENT,
        containers: frozenset[bytes] = frozenset(),
        names: frozenset[bytes] | None = None,
        limit: int | None = None,
    ) -> None:
        self._source = source
        self._end = end
        self._grammar = grammar
        self._names = names
        self._limit = None if limit is None else max(limit, Limits.NAME_BYTES)
        self._scan = Scan(ScanOptions(start=start, grammar=grammar, containers=containers, rows=True))
        self._partial: FrameScan | None = None
        self._numbers: set[int] = set()
        self._named = 0

    def tally(self) -> TailTally:
        """Return what was counted so far; complete, with its stop, once the iteration has ended."""
        return self._scan.tally()

    def __iter__(self) -> Iterator[Command]:
        go_to(self._source, self._scan.offset)
        with memoryview(bytearray(BUFFER_BYTES)) as buffer:
            while not self._scan.halted:
                yield from self._read_piece(buffer)

    def _read_piece(self, buffer: memoryview) -> Iterator[Command]:
        """Read once, and yield the commands that end there."""
        scan = self._scan
        base, counted = scan.offset, scan.commands
        room = len(buffer) if self._end is None else min(len(buffer), self._end - base)
        size = self._source.read_into(buffer[:room]) if room > 0 else 0
        piece = buffer[:size]
        if size:
            scan.feed(piece)
        else:
            scan.finish()
        if self._partial is not None:
            self._partial.feed(piece)
        rows = scan.take_rows()
        limit = _NO_LIMIT if self._limit is None else self._limit
        # Cut before the first yield: the buffer is used again, and the caller may take its time.
        made = cut_commands(piece, base, rows, counted, limit, self._wanted())
        for command in made:
            if not command.argv:
                self._fill(command, piece, base)
        self._keep_partial(piece, base)
        self._skip()
        for command in made:
            if self._names is None or command.name in self._names:
                yield command

    def _wanted(self) -> set[int] | None:
        """Return the numbers of the wanted names; number 0 holds names that had no place."""
        if self._names is None:
            return None
        if self._scan.names_count != self._named:
            names = self._scan.names()
            self._named = len(names)
            self._numbers = {number for number, (name, _) in enumerate(names) if name in self._names} | {0}
        return self._numbers

    def _fill(self, command: Command, piece: memoryview, base: int) -> None:
        """Give a command its arguments that began in an earlier piece or is spelled leniently."""
        frame_scan = self._partial
        if frame_scan is None or frame_scan.options.start != command.offset:
            begin = command.offset - base
            frame_scan = FrameScan(command.offset, self._grammar, self._limit)
            frame_scan.feed(piece[begin : begin + command.length])
        frame_scan.finish()
        frame = frame_scan.frame()
        assert frame is not None, "the scan has counted this command"
        filled = command_of(frame)
        command.argv, command.lengths = filled.argv, filled.lengths

    def _keep_partial(self, piece: memoryview, base: int) -> None:
        """Start to keep the item that the next piece goes on with."""
        scan = self._scan
        begin = scan.good_end
        if self._partial is not None and self._partial.options.start == begin:
            return
        self._partial = None
        if begin < scan.offset and not scan.halted:
            self._partial = FrameScan(begin, self._grammar, self._limit)
            self._partial.feed(piece[begin - base :])

    def _skip(self) -> None:
        ahead = self._scan.skippable
        if self._partial is not None:
            ahead = min(ahead, self._partial.skippable)
        if self._end is not None:
            ahead = min(ahead, self._end - self._scan.offset)
        if ahead >= SKIP_BYTES:
            skipped = self._source.skip(ahead)
            self._scan.skip(skipped)
            if self._partial is not None:
                self._partial.skip(skipped)


def commands(
    source: Source,
    start: int = 0,
    *,
    end: int | None = None,
    grammar: Grammar = Grammar.LENIENT,
    containers: frozenset[bytes] = frozenset(),
    names: frozenset[bytes] | None = None,
    limit: int | None = None,
) -> Iterator[Command]:
    """Yield the commands of a stream in order, up to the first that cannot be read.

    For the reason it ended use `CommandReader`, whose arguments these are.
    """
    return iter(
        CommandReader(
            source, start=start, end=end, grammar=grammar, containers=containers, names=names, limit=limit
        )
    )
