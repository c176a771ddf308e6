"""Commands that frame others and are damaged though a loader reads past them, set apart as wounds.

A SELECT with a damaged name or number stands in good framing, so the stream is one healthy stretch around it
and all that follows counts for the database before. As a wound it is healed, or left as a gap, by the same
rules as any other: nothing behind it moves to another database.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.check.exam_model import FileExam, Spot, SpotKind
from aoftool.check.stream.dissect import scan_range
from aoftool.check.stream.heal import Healing, Patch
from aoftool.check.stream.shapes import read_shape
from aoftool.check.stream.window import Reader
from aoftool.check.stream.wounds import Stretch, Wound
from aoftool.check.unknown import Names, Standing, may_be_select, meant_mark
from aoftool.files.source import Source
from aoftool.repair.choice import Choice
from aoftool.repair.planners.commands import put_right
from aoftool.repair.planners.marks import marks_in, selected_database
from aoftool.resp.model import Reason, Stop

__all__ = ["HURT_MARKS", "set_apart"]

_NO_NUMBER = "select-refused"
HURT_MARKS = frozenset({SpotKind.UNKNOWN, _NO_NUMBER})
"""Codes of these wounds: commands in good framing that framed others, and do not say how."""

_SELECT = b"SELECT"
# Wounds are walked one by one; a file with more of these has other troubles.
_MOST = 2000


def set_apart(file: FileExam, source: Source, choice: Choice) -> frozenset[int]:
    """Make wounds of the damaged marks in the healthy stretches of a file; return where they start."""
    if file.tail is None:
        return frozenset()
    reader = Reader(source, file.size_bytes)
    wounds = {} if choice.keep_unknown else {wound.start: wound for wound in _by_name(file, reader)}
    for stretch in file.tail.stretches:
        if stretch.tally.selects.invalid.count:
            wounds |= {wound.start: wound for wound in _by_number(source, stretch)}
    if not wounds or len(wounds) > _MOST:
        return frozenset()
    pieces: list[Stretch | Wound] = []
    for piece in file.tail.pieces:
        if isinstance(piece, Stretch):
            within = sorted(at for at in wounds if piece.start <= at < piece.end)
            pieces += _split(source, piece, [wounds[at] for at in within])
        else:
            pieces.append(piece)
    file.tail.pieces = pieces
    return frozenset(wounds)


def _by_name(file: FileExam, reader: Reader) -> Iterator[Wound]:
    names = Names.of(file)
    for spot in file.census.spots:
        meant = meant_mark(spot)
        if meant is None and not _is_lost_select(spot, names):
            continue
        shape = read_shape(reader, spot.start)
        if shape is None:
            continue
        written, *number = (reader.at(each.payload_start, each.length) for each in shape.arguments)
        selects = selected_database([_SELECT, *number])
        if meant is None:
            if selects is not None:
                yield _wound(spot.start, spot.end, SpotKind.UNKNOWN)
        elif meant == _SELECT and selects is None:
            yield _wound(spot.start, spot.end, SpotKind.UNKNOWN)
        else:
            chosen, text = put_right(written, meant)
            name = shape.arguments[0]
            patch = Patch(name.payload_start, name.payload_end, chosen)
            healing = Healing(spot.start, spot.end, patch, SpotKind.UNKNOWN, True, text)
            yield _wound(spot.start, spot.end, SpotKind.UNKNOWN, healing)


def _is_lost_select(spot: Spot, names: Names) -> bool:
    """Tell whether a command, of whose name too little is left, may have been a SELECT."""
    return may_be_select(spot) and names.standing(spot, frozenset()) is Standing.NO_NAME


def _by_number(source: Source, stretch: Stretch) -> Iterator[Wound]:
    for start, end, name, db in marks_in(source, stretch.start, stretch.end):
        if name == _SELECT and db is None:
            yield _wound(start, end, _NO_NUMBER)


def _wound(start: int, end: int, code: str, healing: Healing | None = None) -> Wound:
    return Wound(start, end, code, Stop(Reason.END, start, start, start, start, 0), healing=healing)


def _split(source: Source, stretch: Stretch, wounds: list[Wound]) -> list[Stretch | Wound]:
    """Return a stretch in pieces around wounds; only the first knows the state it begins in."""
    if not wounds:
        return [stretch]
    pieces: list[Stretch | Wound] = []
    at, known = stretch.start, stretch.tally.edge.known
    for wound in [*wounds, None]:
        end = stretch.end if wound is None else wound.start
        if at < end:
            pieces.append(Stretch(at, end, scan_range(source, at, end=end, known_state=known)))
        if wound is not None:
            pieces.append(wound)
            at, known = wound.end, False
    return pieces
