"""What a log keeps in its values: whether they hold RESP, how much, and whether it leads out of them.

Learned from healthy stretches around damage; it says how far a place behind the damage may lie in a
value. A value leaks when its last bytes and the line end behind it make a whole command: a chain of
commands begun in such a value goes on into the log, and its end does not tell where it began.
"""

from __future__ import annotations

import re
from collections import Counter

from aoftool.check.reader import BLOCK_BYTES, Reader
from aoftool.check.shapes import Shape, chain
from aoftool.resp.model import TailTally

__all__ = ["LONGEST_OPENING", "OPENING", "Lessons", "openings_in"]

OPENING = re.compile(rb"\*[1-9][0-9]{0,8}\r\n\$[0-9]{1,19}\r\n|#TS:[0-9]{1,19}\r?\n")
LONGEST_OPENING = 48
_INSIDE = re.compile(rb"\*[1-9][0-9]{0,8}\r\n\$[0-9]{1,19}\r\n")
_NEAR_BYTES = 256 << 10
_NEAR_COMMANDS = 1000
_CARRIERS = 8
_LARGE_COMMAND = 64 << 20
# Stretches that are looked into; later ones tell nothing new.
_LESSONS = 100
# Bytes of values with RESP that are read command by command, over all lessons.
_STUDIED_BYTES = 2 << 20
# A form that so few commands have, and so many more in values, is not that of the log's own commands.
_RARE = 25
_FAMILY = re.compile(rb"[A-Za-z_-]*")

Form = tuple[bytes, int, bytes]
"""Name, number of arguments and the letters that a key begins with."""
_Look = tuple[Form, int]


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
        longest_argument: of the commands in values that leak.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.inside_bytes = 0
        self.leaking_bytes = 0
        self.carriers: set[int] = set()
        self.largest_bytes = 0
        self.longest_argument = 0
        self._inner: Counter[_Look] = Counter()
        self._outer: Counter[_Look] = Counter()
        self._taken = 0
        self._studied = 0

    def take(self, tally: TailTally) -> None:
        """Take in a healthy stretch.

        Looks at the largest command of every name, and into the commands at its end: what a log keeps in
        its values rarely changes without notice.
        """
        for row in tally.rows.values():
            self.largest_bytes = max(self.largest_bytes, row.largest_bytes)
        self._taken += 1
        if self._taken > _LESSONS:
            return
        for row in tally.rows.values():
            if row.largest_offset >= 0 and self.inside_bytes < row.largest_bytes <= _LARGE_COMMAND:
                self._look(row.largest_offset, row.largest_bytes)
        self._look_near(tally.start, tally.good_end)

    def _look(self, start: int, length: int) -> None:
        if _holds_resp(self._reader, start, length):
            self.inside_bytes = max(self.inside_bytes, length)
            self._carries(start)

    def _carries(self, start: int) -> None:
        if len(self.carriers) < _CARRIERS:
            self.carriers.add(start)

    def _look_near(self, start: int, end: int) -> None:
        at = next(iter(openings_in(self._reader, max(start, end - _NEAR_BYTES), end)), end)
        for shape in chain(self._reader, at, _NEAR_COMMANDS):
            if shape.end > end:
                break
            length = shape.end - shape.start
            self._outer[self._look_of(shape)] += 1
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
        floor = shape.start
        inner: list[Shape] = []
        for at in openings_in(self._reader, shape.start + 1, shape.end):
            if at < floor:
                continue
            for found in chain(self._reader, at, _NEAR_COMMANDS):
                if found.end > shape.end:
                    break
                inner.append(found)
                floor = found.end
        self._inner.update(map(self._look_of, inner))
        if floor == shape.end and inner:
            self.leaking_bytes = max(self.leaking_bytes, length)
            longest = max(argument.length for found in inner for argument in found.arguments)
            self.longest_argument = max(self.longest_argument, longest)

    def form(self, shape: Shape) -> Form:
        """Return what a command looks like."""
        key = b""
        if len(shape.arguments) > 1:
            second = shape.arguments[1]
            found = _FAMILY.match(self._reader.at(second.payload_start, min(second.length, 32)))
            key = b"" if found is None else found[0]
        return shape.name(self._reader), len(shape.arguments), key

    def _look_of(self, shape: Shape) -> _Look:
        """Return the form of a command and the magnitude of its last argument."""
        return self.form(shape), shape.arguments[-1].length.bit_length()

    def like_inner(self, shape: Shape) -> bool:
        """Tell whether a command looks like those that were seen in values, its size aside if need be."""
        form = self.form(shape)
        if self._look_of(shape) in self._inner:
            return True
        inner = any(look[0] == form for look in self._inner)
        return inner and not any(look[0] == form for look in self._outer)

    def only_inner(self, shape: Shape) -> bool:
        """Tell whether a command looks like those that were seen in values, and hardly like any other."""
        look = self._look_of(shape)
        if len(shape.arguments) < 2:
            return False
        seen = self._outer[look] * _RARE
        return seen < self._inner[look] and seen <= self._outer.total()


def _holds_resp(reader: Reader, start: int, length: int) -> bool:
    """Tell whether an opening stands in a command behind its own."""
    at, end = start + 1, start + length
    while at < end:
        stop = min(at + BLOCK_BYTES, end)
        if _INSIDE.search(reader.at(at, stop - at + LONGEST_OPENING)):
            return True
        at = stop
    return False
