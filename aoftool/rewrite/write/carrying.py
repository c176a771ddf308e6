"""Carry what follows the first command that may do anything: in order, without what is dead.

From there on the state is not known, so commands stay commands. Database numbers stay as they are in
the log, SWAPDB stays in its place, and a script from a transaction gets a transaction of its own: an
error reply ends a loading server outside of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aoftool.columns import Column, column_of, places_of
from aoftool.commands.effects import EffectTable, Role
from aoftool.dataclass import dataclass, field
from aoftool.errors import UnsupportedError
from aoftool.escape import shown_base
from aoftool.liveness.carry import trim
from aoftool.liveness.model import DROPPED, Chunk, Fate, Op, Trace
from aoftool.rdb.encode.targets import Target
from aoftool.rdb.encode.writer import Sink
from aoftool.rdb.losses import REFUSED_KEPT, REFUSED_SHOWN
from aoftool.replay.vocabulary import Vocabulary
from aoftool.resp.encode import encode_command, encode_select
from aoftool.rewrite.decide.picking import carried_rows
from aoftool.rewrite.replay.texts import TextReader
from aoftool.units import and_more

__all__ = ["Carried", "Foreign", "carry_rest", "foreign_commands", "foreign_text"]

_OPAQUE = (Op.OPAQUE, Op.EVALSHA)
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Foreign:
    """A command that the target does not take: what of it, in words, number of its file, and offset."""

    what: str
    file: int
    offset: int


@dataclass(slots=True)
class Carried:
    """What was carried, in bytes, and what was not: the first such commands, and how many there are."""

    size_bytes: int = 0
    foreign: list[Foreign] = field(default_factory=list)
    foreign_count: int = 0


def carry_rest(
    trace: Trace, table: EffectTable, reader: TextReader, sink: Sink, vocabulary: Vocabulary | None = None
) -> Carried:
    """Write scripts that are called later, then everything from the first opaque command on.

    Args:
        vocabulary: of the target, when that is not the release that wrote the log: a command that it does
            not take is not written. A server would not start on it, or pass over it in silence.
    """
    follower = _Follower(trace, table, vocabulary)
    for command in _commands(trace, follower, reader):
        sink.write(command)
        follower.carried.size_bytes += len(command)
    return follower.carried


def foreign_text(carried: Carried, paths: Sequence[str], most: int = REFUSED_SHOWN) -> str:
    """Return some of the commands that the target does not take, and how many more there are, in words."""
    some = carried.foreign[:most]
    names = [shown_base(path) for path in paths]
    shown = "; ".join(f"{item.what} at {names[item.file]} offset {item.offset:,}" for item in some)
    rest = carried.foreign_count - len(some)
    return shown + and_more(rest, "; ")


def foreign_commands(carried: Carried, paths: Sequence[str], target: Target) -> UnsupportedError:
    """Return the refusal of a log with commands that the target does not take."""
    first = carried.foreign[0]
    return UnsupportedError(
        f"{target.name} does not take {carried.foreign_count:,} of the commands that stay commands behind a "
        f"script or an unknown name: {foreign_text(carried, paths)}",
        path=paths[first.file],
        offset=first.offset,
        hint="choose another target, or leave these out: --drop-unsupported",
    )


def _commands(trace: Trace, follower: _Follower, reader: TextReader) -> Iterator[bytes]:
    yield from _scripts_before(trace, reader)
    yield from follower.commands(reader)


def _scripts_before(trace: Trace, reader: TextReader) -> Iterator[bytes]:
    """Cached scripts are no part of a base file, so they are carried in front."""
    place = trace.first_opaque
    if place is None:
        return
    for number, chunk in enumerate(trace.chunks[: place.chunk + 1]):
        stop = place.row if number == place.chunk else len(chunk)
        for _, argv in reader.texts(chunk, _scripts(chunk, stop)):
            yield encode_command(argv)


def _scripts(chunk: Chunk, stop: int) -> Column:
    fates = chunk.columns.fates
    rows = places_of(chunk.columns.ops, Op.SCRIPTS, stop)
    return column_of("q", (row for row in rows if fates[row] <= Fate.TRIMMED))


class _Follower:
    """Follow SELECT, SWAPDB, MULTI and EXEC as a loader does, and write what is alive."""

    def __init__(self, trace: Trace, table: EffectTable, vocabulary: Vocabulary | None) -> None:
        self._trace = trace
        self._table = table
        self._vocabulary = vocabulary
        self.carried = Carried()
        # The database that the log has selected, and the one that the output has: it may go on behind a base.
        self._selected = 0
        self._written = _UNKNOWN
        self._inside = False
        self._file = -1

    def commands(self, reader: TextReader) -> Iterator[bytes]:
        place = self._trace.first_opaque
        if place is None:
            return
        for number, chunk in enumerate(self._trace.chunks):
            if chunk.file != self._file:
                self._file, self._selected, self._inside = chunk.file, 0, False
            start = max(place.row, 0) if number == place.chunk else 0
            carried = number >= place.chunk
            for row, argv in reader.texts(chunk, carried_rows(chunk, start if carried else len(chunk))):
                live = carried and row >= start
                if not live or self._is_taken(argv, chunk, row):
                    yield from self._row(chunk, row, argv, live)

    def _is_taken(self, argv: Sequence[bytes], chunk: Chunk, row: int) -> bool:
        """Tell whether the target takes a command; note one that it does not take."""
        what = "" if self._vocabulary is None else self._vocabulary.lacks(argv)
        if what:
            self.carried.foreign_count += 1
            if len(self.carried.foreign) < REFUSED_KEPT:
                self.carried.foreign.append(Foreign(what, chunk.file, chunk.columns.offsets[row]))
        return not what

    def _row(self, chunk: Chunk, row: int, argv: list[bytes], live: bool) -> Iterator[bytes]:
        op = chunk.columns.ops[row]
        if op == Op.FRAMING:
            yield from self._framing(argv, live)
        elif live:
            yield from self._live(chunk, row, argv, op)

    def _framing(self, argv: Sequence[bytes], live: bool) -> Iterator[bytes]:
        role = self._table.of(argv).role
        if role is Role.SELECT:
            self._selected = int(argv[1])
        elif role is Role.SWAPDB and live:
            yield encode_command(argv)
        elif role is Role.MULTI:
            self._inside = True
        elif role is Role.EXEC:
            self._inside = False

    def _live(self, chunk: Chunk, row: int, argv: list[bytes], op: int) -> Iterator[bytes]:
        if self._written != self._selected:
            yield encode_select(self._selected)
            self._written = self._selected
        wrapped = op in _OPAQUE and self._inside
        if wrapped:
            yield encode_command((b"MULTI",))
        yield encode_command(self._trimmed(chunk, row, argv, op))
        if wrapped:
            yield encode_command((b"EXEC",))
        if op in _OPAQUE and self._table.of(argv).form.loses_db:
            # The next SELECT of the log must reach the output whatever was selected before.
            self._written = _UNKNOWN
            self._selected = _UNKNOWN

    def _trimmed(self, chunk: Chunk, row: int, argv: list[bytes], op: int) -> Sequence[bytes]:
        if op != Op.MANY_TRIM:
            return argv
        dropped = [bool(flags & DROPPED) for _, flags in chunk.refs(row)]
        return trim(argv, self._table.of(argv), dropped) if any(dropped) else argv
