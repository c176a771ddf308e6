"""Trace the command streams of a log, file by file, in large pieces.

Canonical commands go to the compiled pass; a command that is written differently, and every command
when there is no compiled pass, comes through the scanner. Memory grows to the largest command that is
really there, never to a declared length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from aoftool.commands.effects import EffectTable
from aoftool.dataclass import dataclass
from aoftool.errors import RespError, TruncatedError
from aoftool.files import Source, open_source
from aoftool.files.threads.ahead import MARGIN_BYTES, ReadAhead
from aoftool.liveness._trace_py import CHUNK_ROWS
from aoftool.liveness.model import Chunk, KeyTable, Trace
from aoftool.liveness.native import NATIVE, TraceBuilder
from aoftool.next_step import next_step
from aoftool.progress import Progress, no_progress
from aoftool.resp.canonical import NotCanonical, split_command
from aoftool.resp.frame import read_frame

if TYPE_CHECKING:
    from aoftool.liveness._trace_native import NativeTraceBuilder

__all__ = ["Places", "Tail", "TailEnd", "trace_tails"]

_PIECE_BYTES = 1 << 20

Places = frozenset[tuple[int, int]]
"""Commands by (number of the stream, offset)."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The command stream of one file.

    Attributes:
        path: the file.
        start: offset of the first command.
        end: where to stop, at a command boundary; None reads to the end of the file.
    """

    path: str
    start: int = 0
    end: int | None = None


@dataclass(frozen=True, slots=True)
class TailEnd:
    """Where a stream ended.

    Attributes:
        offset: behind the last whole command or annotation.
        torn_bytes: bytes of a command or annotation that never ends.
    """

    offset: int
    torn_bytes: int = 0


def trace_tails(
    tails: Iterable[Tail],
    table: EffectTable,
    progress: Progress = no_progress,
    *,
    keys: KeyTable | None = None,
    sealed: Callable[[Chunk], Chunk] | None = None,
    chunk_rows: int = CHUNK_ROWS,
    unknown: Places = frozenset(),
) -> tuple[Trace, list[TailEnd]]:
    """Read streams in load order.

    Args:
        unknown: commands that may do anything, whatever the table says of their names.
        keys, sealed, chunk_rows: see `TraceBuilder`.

    Returns:
        the trace, and how each stream ends.

    Raises:
        RespError: a stream is no sequence of commands.
        UnsupportedError: the outcome of loading the log cannot be told from its text.
    """
    builder = TraceBuilder(table, chunk_rows=chunk_rows, keys=keys, sealed=sealed)
    ends: list[TailEnd] = []
    for number, tail in enumerate(tails):
        builder.start_file(number, tail.start, tail.path)
        with open_source(tail.path) as source:
            stops = sorted(offset for file, offset in unknown if file == number)
            builder.unknown = frozenset(stops)
            ends.append(_read(builder, source, tail, progress, stops))
    return builder.end(ends[-1].offset if ends else 0), ends


def _read(builder: TraceBuilder, source: Source, tail: Tail, progress: Progress, stops: list[int]) -> TailEnd:
    """Hand on the stream piece by piece until it ends; the next piece is read meanwhile."""
    source.seek(tail.start)
    take = _take_native if NATIVE else _take
    limit = None if tail.end is None else tail.end - tail.start
    at, left = tail.start, bytearray()
    # A command larger than the margin is gathered; it is looked at when it has doubled, not each time.
    look_from = 0
    with ReadAhead(source, _PIECE_BYTES, limit) as pieces:
        for buffer, count in pieces:
            start, end = MARGIN_BYTES - len(left), MARGIN_BYTES + count
            if start >= 0:
                buffer[start:MARGIN_BYTES] = left
                data = memoryview(buffer)[start:end]
            else:
                left += memoryview(buffer)[MARGIN_BYTES:end]
                if count and len(left) < look_from:
                    continue
                data = memoryview(left)
            taken = _take_around(stops, builder, data, at, tail) if stops else take(builder, data, at, tail)
            progress(taken)
            at += taken
            left = bytearray(data[taken:])
            data.release()
            look_from = 2 * len(left)
    return TailEnd(at, len(left))


def _take_around(stops: list[int], builder: TraceBuilder, data: memoryview, at: int, tail: Tail) -> int:
    """Add all whole commands of the data, those at `stops` as commands that may do anything."""
    take = _take_native if NATIVE else _take
    taken = 0
    for stop in stops:
        if not at + taken <= stop < at + len(data):
            continue
        taken += take(builder, data[taken : stop - at], at + taken, tail)
        if at + taken < stop:
            # It stands inside another command, which the builder takes as a whole then.
            continue
        found = _command(data, taken, at, tail)
        if found is None:
            return taken
        argv, end = found
        builder.add_unknown(stop, at + end, argv)
        taken = end
    return taken + take(builder, data[taken:], at + taken, tail)


def _take_native(builder: TraceBuilder, data: memoryview, at: int, tail: Tail) -> int:
    """Add all whole commands of the data; return how many bytes they took."""
    native = cast("NativeTraceBuilder", builder)
    taken, irregular = native.feed(data, at)
    while irregular:
        step = _take(builder, data[taken:], at + taken, tail, limit=1)
        if not step:
            break
        more, irregular = native.feed(data[taken + step :], at + taken + step)
        taken += step + more
    return int(taken)


def _take(builder: TraceBuilder, data: memoryview, at: int, tail: Tail, limit: int | None = None) -> int:
    taken = count = 0
    while taken < len(data) and count != limit:
        if data[taken] == ord("#"):
            line = bytes(data[taken:]).find(b"\n")
            if line < 0:
                break
            taken += line + 1
            continue
        found = _command(data, taken, at, tail)
        if found is None:
            break
        argv, end = found
        builder.add(at + taken, at + end, argv)
        taken = end
        count += 1
    return taken


def _command(data: memoryview, taken: int, at: int, tail: Tail) -> tuple[list[bytes], int] | None:
    """Return the command at an index of the data and the index behind it, None when it is not whole."""
    try:
        return split_command(data, taken)
    except NotCanonical:
        pass
    try:
        frame = read_frame(data[taken:], at + taken)
    except TruncatedError:
        return None
    except RespError as error:
        raise _damaged(tail, at + taken, error.message) from None
    return frame.argv, taken + frame.length


def _damaged(tail: Tail, offset: int, message: str) -> RespError:
    return RespError(message, path=tail.path, offset=offset, hint=next_step("check", tail.path))
