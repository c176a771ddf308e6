"""What is left of a command that breaks off, and what that says of the places behind it.

A broken command still tells where values stand: arguments in front of the damage are whole, and the one
that breaks declares where it ends. What looks like a command in there is data. Knows nothing of the
commands behind; whether the stream goes on is for `aoftool.check.stream.resync`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aoftool.check.stream.argument_runs import ArgumentRuns
from aoftool.check.stream.shapes import LENGTHS_KEPT, Argument, Habits, read_argument, read_number
from aoftool.check.stream.window import Reader
from aoftool.check.vocabulary import accepts, is_known
from aoftool.dataclass import dataclass, field
from aoftool.regex import regex

__all__ = ["Remains", "declared_around", "one_step", "read_remains"]

_MAX_ARGUMENTS = 4096
_HEADER_BYTES = 24
_LINE = regex(rb"\$([^\r\n]{0,20})\r\n")
_LOST_COUNT = regex(rb"[^$][^$*]{0,20}(?=\$)", re.DOTALL)
_HEADER_LINE = regex(rb"(?:\n|\A)\$(0|[1-9][0-9]{0,18})\r\n")
_ENDS = 64
# So many last arguments of usual lengths are no chance.
_TELLING = 2
_SEEN = 3
_LOOKED_BACK = 64 << 10


@dataclass(frozen=True)
class Remains:
    """What is left of a broken command.

    Attributes:
        start: where it starts.
        count: its number of arguments, None where its `*` line cannot be read.
        arguments: those that are whole, up to the first that is not.
        place: where that one starts.
        payload_start: where its payload starts, None where its line cannot be found.
        digits: what stands for its length.
        length: that as a number, None where it is none.
    """

    start: int
    count: int | None
    arguments: tuple[Argument, ...]
    place: int
    payload_start: int | None = None
    digits: bytes = b""
    length: int | None = None
    _runs: list[ArgumentRuns] = field(default_factory=list, compare=False, repr=False)

    def runs(self, reader: Reader) -> ArgumentRuns:
        """Return the arguments behind the damage, as far as they have been read."""
        if not self._runs:
            self._runs.append(ArgumentRuns(reader))
        return self._runs[0]

    @property
    def value(self) -> tuple[int, int] | None:
        """Return the span that is declared for the payload that breaks off."""
        if self.payload_start is None or self.length is None:
            return None
        return self.payload_start, self.payload_start + self.length

    def explained_by(self, reader: Reader, end: int) -> bool:
        """Tell whether the command ends at an offset if one element of its framing is put right.

        The count, one digit more, less or other in a length, or the line end behind a payload.
        """
        if self.arguments and self.arguments[-1].end == end:
            first = self.arguments[0]
            name = reader.at(first.payload_start, min(first.length, 64))
            return accepts(name, len(self.arguments)) or not is_known(name.upper())
        if self.count is None:
            return False
        # Of the arguments that seem whole, a length too large may have swallowed what follows.
        lengths = [
            (number, argument.payload_start, b"%d" % argument.length)
            for number, argument in enumerate(self.arguments)
            if argument.payload_start < end < argument.end
        ]
        if self.payload_start is not None and self.payload_start < end:
            lengths.append((len(self.arguments), self.payload_start, self.digits))
        for number, start, digits in lengths:
            for payload_end in _ends(reader, self.runs(reader), start, end, self.count - number - 1):
                if one_step(digits, b"%d" % (payload_end - start)):
                    return True
        value = self.value
        left = self.count - len(self.arguments) - 1
        return value is not None and self.runs(reader).count(value[1] + 2, end) == left

    def ends_as_usual(self, reader: Reader, end: int, habits: Habits) -> bool:
        """Tell whether the last arguments stand right before an offset, as long as they usually are.

        The payload in front of them may have any length: bytes of it were lost or put in.
        """
        if self.count is None or not self.arguments or self.count > LENGTHS_KEPT:
            # Of the later arguments of long commands nobody knows what lengths are usual.
            return False
        name = reader.at(self.arguments[0].payload_start, min(self.arguments[0].length, 64))
        starts = [argument.payload_start for argument in self.arguments[1:]]
        if self.payload_start is not None:
            starts.append(self.payload_start)
        for number, start in enumerate(starts, 1):
            left = self.count - number - 1
            if left < _TELLING or start >= end:
                break
            for payload_end in _ends(reader, self.runs(reader), start, end, left):
                if self._usual(reader, payload_end + 2, name, habits, number + 1):
                    return True
        return False

    def _usual(self, reader: Reader, at: int, name: bytes, habits: Habits, place: int) -> bool:
        assert self.count is not None
        for number in range(place, self.count):
            argument = read_argument(reader, at)
            if argument is None or habits.length_seen(name, self.count, number, argument.length) < _SEEN:
                return False
            at = argument.end
        return True


def _ends(reader: Reader, runs: ArgumentRuns, start: int, end: int, left: int) -> Iterator[int]:
    """Yield where a payload may end for its command to end at `end`, some arguments behind it."""
    if left == 0:
        if end - 2 >= start and reader.at(end - 2, 2) == b"\r\n":
            yield end - 2
        return
    at = start
    for _ in range(_ENDS):
        at = reader.find(b"\r\n$", at, end)
        if at < 0:
            return
        if runs.count(at + 2, end) == left:
            yield at
        at += 1


def read_remains(reader: Reader, at: int) -> Remains:
    """Return what is left of the command that should start at an offset."""
    header = read_number(reader, at, b"*")
    if header is None:
        # The line that cannot be read ends where the first argument begins, if no other command does.
        head = _LOST_COUNT.match(reader.at(at, _HEADER_BYTES))
        start, limit = (at, 0) if head is None else (at + head.end(), _MAX_ARGUMENTS)
    else:
        start, limit = header[1], min(header[0], _MAX_ARGUMENTS)
    arguments: list[Argument] = []
    place = start
    while len(arguments) < limit and (argument := read_argument(reader, place)) is not None:
        arguments.append(argument)
        place = argument.end
    count = None if header is None else header[0]
    line = None if count is None or len(arguments) >= count else _LINE.match(reader.at(place, 32))
    if line is None:
        return Remains(at, count, tuple(arguments), place)
    number = read_number(reader, place, b"$")
    length = None if number is None else number[0]
    return Remains(at, count, tuple(arguments), place, place + line.end(), line[1], length)


def declared_around(reader: Reader, start: int, at: int) -> int | None:
    """Return the end of a value that holds `at`, as a header line between `start` and `at` declares it.

    A line counts if its payload ends in a line end with an element of a command behind.
    """
    low = max(start, at - _LOOKED_BACK)
    text = reader.at(low, at - low)
    for match in _HEADER_LINE.finditer(text):
        begins = low + match.end()
        ends = begins + int(match[1])
        if not begins <= at < ends + 2:
            continue
        behind = reader.at(ends, 3)
        if behind[:2] == b"\r\n" and behind[2:] in (b"", b"*", b"$", b"#"):
            return ends + 2
    return None


def one_step(one: bytes, two: bytes) -> bool:
    """Tell whether two texts differ by one byte that was changed, put in or lost."""
    if abs(len(one) - len(two)) > 1:
        return False
    if len(one) == len(two):
        return sum(a != b for a, b in zip(one, two, strict=True)) == 1
    short, long = sorted((one, two), key=len)
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))
