"""One command from bytes: its arguments with their places, by the same grammar as the scan.

For commands that lie across the pieces of a stream, need the lenient grammar, or are wanted one at a
time. Reads in pieces of any size and can cut long arguments, so memory is bounded by the caller.
"""

from __future__ import annotations

from aoftool.dataclass import dataclass
from aoftool.errors import RespError, TruncatedError
from aoftool.escape import excerpt
from aoftool.files.source import Source
from aoftool.resp._scan_py import Scan
from aoftool.resp.grammar import Grammar, Limits, ScanOptions
from aoftool.resp.model import Command, Reason, Stop
from aoftool.resp.stops import Halt

__all__ = ["Frame", "FrameScan", "argv_at", "read_frame", "scan_frame"]

_READ_BYTES = 64 * 1024
_TORN = frozenset((Reason.TORN_HEADER, Reason.TORN_PAYLOAD, Reason.MISSING_FINAL_CRLF, Reason.END))


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole command and where its arguments are.

    Attributes:
        offset, length: absolute span, framing included.
        argv: arguments, cut to the limit asked for.
        spans: pairs of (offset, length) of the arguments' bytes; absolute, true lengths.
        lenient: it needed the lenient grammar.
    """

    offset: int
    length: int
    argv: list[bytes]
    spans: list[tuple[int, int]]
    lenient: bool


class FrameScan(Scan):
    """Scan a single command and keep its arguments, each up to `limit` bytes (None for all).

    Feed it as any scan, from the command's first byte on; it halts on the boundary behind.
    """

    def __init__(self, offset: int, grammar: Grammar = Grammar.LENIENT, limit: int | None = None) -> None:
        self._keep = 2**63 - 1 if limit is None else limit
        self.argv: list[bytes] = []
        self.spans: list[tuple[int, int]] = []
        self.departed = False
        super().__init__(ScanOptions(start=offset, limit=offset + 1, grammar=grammar))

    def _run(self, data: bytes, pos: int) -> int:
        return pos

    def _wanted_bytes(self) -> int:
        return max(self._keep, Limits.NAME_BYTES + 1 if self._argument < 2 else 0)

    def _end_argument(self) -> None:
        self.argv.append(bytes(self._captured[: self._keep]))
        self.spans.append((self._payload_offset, self._declared))
        self.departed = self._first is not None
        super()._end_argument()

    def _commit(self) -> None:
        self.departed = self.departed or self._first is not None
        super()._commit()

    def frame(self) -> Frame | None:
        """Return the command when it is whole, else None."""
        if not self.commands:
            return None
        start = self.options.start
        return Frame(start, self.ledger.command_end - start, self.argv, self.spans, self.departed)


def _raise_for(stop: Stop, name: str | None) -> None:
    found = excerpt(stop.found) if stop.found else "the end"
    kind = TruncatedError if stop.reason in _TORN else RespError
    raise kind(
        f"no whole command here: {stop.reason.value}",
        path=name,
        offset=stop.offset,
        expected="a command",
        found=found,
    )


def read_frame(data: bytes | memoryview, offset: int = 0, grammar: Grammar = Grammar.LENIENT) -> Frame:
    """Return the command that begins with the first byte of `data`, which stands at `offset`.

    Raises:
        TruncatedError: the command is not whole.
        RespError: no command starts here.
    """
    scan = FrameScan(offset, grammar)
    scan.feed(data)
    scan.finish()
    frame = scan.frame()
    if frame is None:
        stop = scan.tally().stop
        assert stop is not None
        _raise_for(stop, None)
    assert frame is not None
    return frame


def scan_frame(
    source: Source, offset: int, *, limit: int | None = None, grammar: Grammar = Grammar.LENIENT
) -> FrameScan:
    """Scan what stands at an offset of a plain file up to the end of one command, or to where it stops.

    Args:
        limit: cut longer arguments to this many bytes; what is cut is not read.
    """
    scan = FrameScan(offset, grammar, limit)
    size = source.size_bytes or 0
    while not scan.halted:
        data = source.read_at(scan.offset, _READ_BYTES)
        if not data:
            scan.finish()
            break
        scan.feed(data)
        if scan.skippable:
            scan.skip(max(0, min(scan.skippable, size - scan.offset)))
    return scan


def argv_at(
    source: Source, offset: int, *, limit: int | None = None, grammar: Grammar = Grammar.LENIENT
) -> Command:
    """Return the command at an offset of a plain file, database and time unknown.

    Args:
        limit: cut longer arguments to this many bytes; what is cut is not read.

    Raises:
        TruncatedError, RespError: no whole command starts there.
    """
    scan = scan_frame(source, offset, limit=limit, grammar=grammar)
    frame = scan.frame()
    if frame is None or (scan.halt is Halt.PREFIX and scan.commands == 0):
        stop = scan.tally().stop
        assert stop is not None
        _raise_for(stop, source.name)
    assert frame is not None
    return command_of(frame)


def command_of(frame: Frame) -> Command:
    """Return a frame as a command without a place in a stream."""
    lengths = [length for _, length in frame.spans]
    cut = any(len(argument) != length for argument, length in zip(frame.argv, lengths, strict=True))
    return Command(
        frame.offset, frame.length, frame.argv, lengths=lengths if cut else None, lenient=frame.lenient
    )
