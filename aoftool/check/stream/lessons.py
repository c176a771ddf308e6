"""What a log keeps in its values: whether they hold RESP, how much, and whether it leads out of them.

Learned from healthy stretches around damage; it says how far a place behind the damage may lie in a
value. A value leaks when its last bytes and the line end behind it make a whole command: a chain of
commands begun in such a value goes on into the log, and its end does not tell where it began.
"""

from __future__ import annotations

import math

from aoftool.check.stream.looks import Looks
from aoftool.check.stream.shapes import Shape, chain
from aoftool.check.stream.window import BLOCK_BYTES, Reader
from aoftool.regex import regex
from aoftool.resp.model import TailTally

__all__ = ["LONGEST_OPENING", "OPENING", "Lessons", "openings_in"]

OPENING = regex(rb"\*[1-9][0-9]{0,8}\r\n\$[0-9]{1,19}\r\n|#TS:[0-9]{1,19}\r?\n")
LONGEST_OPENING = 48
_INSIDE = regex(rb"\*[1-9][0-9]{0,8}\r\n\$[0-9]{1,19}\r\n")
_NEAR_BYTES = 256 << 10
_NEAR_COMMANDS = 1000
_CARRIERS = 8
_LARGE_COMMAND = 64 << 20
# Stretches that are looked into; later ones tell nothing new.
_LESSONS = 100
# Bytes of values with RESP that are read command by command, over all lessons.
_STUDIED_BYTES = 2 << 20
# Commands of the log that were seen before they tell what is usual.
_ENOUGH = 20
# A command that never was is worse than one that is lost.
_CAUTION = 1.0


def openings_in(reader: Reader, start: int, end: int) -> list[int]:
    """Return offsets in a short span where something stands that begins like a command."""
    text = reader.at(start, end - start + LONGEST_OPENING)
    return [start + found.start() for found in _INSIDE.finditer(text) if found.start() < end - start]


class Lessons:
    """Learn what values hold.

    Attributes:
        inside_bytes: of the largest command seen that carries RESP in a value, 0 for none.
        leaking_bytes: of the largest one whose RESP leads out of the value, 0 for none.
        carriers: where the first few commands start that carry RESP.
        largest_bytes: of the largest command seen.
        longest_argument: of the commands in values.
        own: the looks of the log's own commands that are surely such.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.inside_bytes = 0
        self.leaking_bytes = 0
        self.carriers: set[int] = set()
        self.largest_bytes = 0
        self.longest_argument = 0
        self._inner = Looks(reader)
        self.own = Looks(reader)
        self._unsure = Looks(reader)
        self._leaking_total = 0
        self._near_total = 0
        self._taken = 0
        self._studied = 0

    def take(self, tally: TailTally, *, sure: bool = True) -> None:
        """Take in a healthy stretch.

        Looks at the largest command of every name, and into the commands at its end: what a log keeps in
        its values rarely changes without notice.

        Args:
            sure: its commands are those of the log; else the first ones may stand in a value.
        """
        for row in tally.rows.values():
            self.largest_bytes = max(self.largest_bytes, row.largest_bytes)
        self._taken += 1
        if self._taken > _LESSONS:
            return
        for row in tally.rows.values():
            if row.largest_offset >= 0 and self.inside_bytes < row.largest_bytes <= _LARGE_COMMAND:
                self._look(row.largest_offset, row.largest_bytes)
        self._look_near(tally.start, tally.good_end, self.own if sure else self._unsure)

    def _look(self, start: int, length: int) -> None:
        if _holds_resp(self._reader, start, length):
            self.inside_bytes = max(self.inside_bytes, length)
            self._carries(start)

    def _carries(self, start: int) -> None:
        if len(self.carriers) < _CARRIERS:
            self.carriers.add(start)

    def _look_near(self, start: int, end: int, outer: Looks) -> None:
        at = next(iter(openings_in(self._reader, max(start, end - _NEAR_BYTES), end)), end)
        for shape in chain(self._reader, at, _NEAR_COMMANDS):
            if shape.end > end:
                break
            length = shape.end - shape.start
            outer.add(shape)
            self._near_total += length
            worth = length > 64 and (length > self.inside_bytes or self._studied < _STUDIED_BYTES)
            if worth and length <= BLOCK_BYTES and _holds_resp(self._reader, shape.start, length):
                self.inside_bytes = max(self.inside_bytes, length)
                self._carries(shape.start)
                self._study(shape)

    def _study(self, shape: Shape) -> None:
        """Read the commands in a value."""
        length = shape.end - shape.start
        if self._studied + length > _STUDIED_BYTES:
            return
        self._studied += length
        inner = self.held_by(shape)
        for found in inner:
            self._inner.add(found)
        longest = max((argument.length for found in inner for argument in found.arguments), default=0)
        self.longest_argument = max(self.longest_argument, longest)
        if inner and inner[-1].end == shape.end:
            self.leaking_bytes = max(self.leaking_bytes, length)
            self._leaking_total += length

    def held_by(self, shape: Shape) -> list[Shape]:
        """Return the whole commands in the values of a command, the last perhaps with its line end."""
        if shape.end - shape.start > _STUDIED_BYTES:
            return []
        return self.held_in(shape.start + 1, shape.end)

    def held_in(self, start: int, end: int) -> list[Shape]:
        """Return the whole commands that stand between two offsets."""
        floor = start
        inner: list[Shape] = []
        for at in openings_in(self._reader, start, end):
            if at < floor:
                continue
            for found in chain(self._reader, at, _NEAR_COMMANDS):
                if found.end > end:
                    break
                inner.append(found)
                floor = found.end
        return inner

    def inner(self, held: list[Shape]) -> Looks:
        """Return the looks of commands in values, with some that stand in the very value."""
        return self._inner.with_those(Looks(self._reader, held)) if held else self._inner

    @property
    def outer(self) -> Looks:
        """Return the looks of the log's own commands, as surely as they are known."""
        return self.own if self.own.commands >= _ENOUGH else self.own.with_those(self._unsure)

    @property
    def leaking_odds(self) -> float:
        """Return the logarithm of the odds that a byte of the log lies in a value that leaks."""
        share = min(max(self._leaking_total / max(self._near_total, 1), 0.002), 0.9)
        return math.log(share / (1 - share)) + _CAUTION


def _holds_resp(reader: Reader, start: int, length: int) -> bool:
    """Tell whether an opening stands in a command behind its own."""
    at, end = start + 1, start + length
    while at < end:
        stop = min(at + BLOCK_BYTES, end)
        if _INSIDE.search(reader.at(at, min(stop + LONGEST_OPENING, end) - at)):
            return True
        at = stop
    return False
