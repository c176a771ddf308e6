"""Commands as spans of bytes in the canonical form, and how commands around a place usually look.

The close-up view for damaged places: it reads a handful of commands through a `Reader` and says
exactly which element of a command stands where. Bulk work is the scanner's. Only the canonical form
counts here: evidence must be stricter than what a loader lets pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aoftool.check.stream.window import Reader
from aoftool.dataclass import dataclass, field
from aoftool.regex import regex

__all__ = [
    "HEADER_LINE",
    "LENGTHS_KEPT",
    "Argument",
    "Habits",
    "Shape",
    "chain",
    "follows",
    "habits_around",
    "is_arguments",
    "is_one_command",
    "is_torn_command",
    "read_annotation",
    "read_argument",
    "read_number",
    "read_shape",
    "starts_before",
]

# A close look at a command stops here; no damaged count may cost more.
_MAX_ARGUMENTS = 1 << 16
_NUMBER = regex(rb"(0|[1-9][0-9]{0,18})\r\n")
_OPENING = regex(rb"\*[1-9][0-9]{0,8}\r\n\$(?:0|[1-9][0-9]{0,18})\r\n")
_ARGUMENT_LINE = regex(rb"\$(0|[1-9][0-9]{0,18})\r\n")
_PLAIN = regex(rb"[\x20-\x7e]*")
HEADER_LINE = regex(rb"[$*][0-9]{1,10}\r\n")
"""A line that framing has, wherever it stands."""
_ANNOTATION_MAX = 1023
_NAME_MAX = 64
_MAX_ANNOTATIONS = 64
_ENOUGH = 64
_HABIT_COMMANDS = 200
LENGTHS_KEPT = 16
"""So many arguments of a command have their lengths remembered."""
_HABIT_BYTES = 256 * 1024


@dataclass(frozen=True)
class Argument:
    """One bulk string: its `$` line and its payload, without the CRLF behind."""

    start: int
    payload_start: int
    payload_end: int

    @property
    def length(self) -> int:
        """Return the payload's length in bytes."""
        return self.payload_end - self.payload_start

    @property
    def end(self) -> int:
        """Return the offset behind the closing CRLF."""
        return self.payload_end + 2


@dataclass(frozen=True)
class Shape:
    """One whole canonical command: its span and its arguments."""

    start: int
    arguments: tuple[Argument, ...]

    @property
    def end(self) -> int:
        """Return the offset behind the command."""
        return self.arguments[-1].end

    def name(self, reader: Reader) -> bytes:
        """Return the command name in upper case, cut to what a name can be."""
        first = self.arguments[0]
        return reader.at(first.payload_start, min(first.length, _NAME_MAX)).upper()


def read_number(reader: Reader, at: int, prefix: bytes) -> tuple[int, int] | None:
    """Return the number of a canonical header line and the offset behind it."""
    line = reader.at(at, 24)
    if not line.startswith(prefix):
        return None
    match = _NUMBER.match(line, len(prefix))
    return None if match is None else (int(match[1]), at + match.end())


def read_argument(reader: Reader, at: int) -> Argument | None:
    """Return the canonical argument that starts at an offset."""
    header = read_number(reader, at, b"$")
    if header is None:
        return None
    length, start = header
    if start + length + 2 > reader.size_bytes or reader.at(start + length, 2) != b"\r\n":
        return None
    return Argument(at, start, start + length)


def read_shape(reader: Reader, at: int) -> Shape | None:
    """Return the canonical command that starts at an offset."""
    header = read_number(reader, at, b"*")
    if header is None or not 1 <= header[0] <= _MAX_ARGUMENTS:
        return None
    count, at_argument = header
    arguments = []
    for _ in range(count):
        argument = read_argument(reader, at_argument)
        if argument is None:
            return None
        arguments.append(argument)
        at_argument = argument.end
    return Shape(at, tuple(arguments))


def is_one_command(text: bytes) -> bool:
    """Tell whether bytes are exactly one canonical command."""
    head = re.match(rb"\*([1-9][0-9]{0,8})\r\n", text)
    if head is None:
        return False
    at = head.end()
    for _ in range(min(int(head[1]), _MAX_ARGUMENTS)):
        behind = _behind_argument(text, at)
        if behind is None:
            return False
        at = behind
    return at == len(text)


def is_arguments(text: bytes) -> bool:
    """Tell whether bytes are nothing but whole canonical arguments, or nothing at all."""
    at: int | None = 0
    while at is not None and at < len(text):
        at = _behind_argument(text, at)
    return at is not None


def _behind_argument(text: bytes, at: int) -> int | None:
    """Return the end of the canonical argument that starts at an offset, None where none does."""
    line = _ARGUMENT_LINE.match(text, at)
    if line is None:
        return None
    end = line.end() + int(line[1]) + 2
    return end if end <= len(text) and text[end - 2 : end] == b"\r\n" else None


def is_torn_command(text: bytes) -> bool:
    """Tell whether bytes are a canonical command that breaks off at their end."""
    head = re.match(rb"\*[1-9][0-9]{0,8}(?:\r?\Z|\r\n)", text)
    if head is None:
        return text == b"*"
    at = head.end()
    while (found := _ARGUMENT_LINE.match(text, at)) is not None:
        at = found.end() + int(found[1]) + 2
        if at > len(text):
            return True
        if text[at - 2 : at] != b"\r\n":
            return False
    return re.fullmatch(rb"(?:\$(?:[1-9][0-9]{0,18})?\r?)?", text[at:]) is not None


def read_annotation(reader: Reader, at: int) -> int | None:
    """Return the end of the annotation that starts at an offset, None when there is none whole."""
    line = reader.at(at, _ANNOTATION_MAX)
    if not line.startswith(b"#"):
        return None
    end = line.find(b"\n")
    return None if end < 0 else at + end + 1


def chain(reader: Reader, at: int, most: int = _HABIT_COMMANDS) -> Iterator[Shape]:
    """Yield the canonical commands from an offset on, annotations stepped over, until one fails."""
    for _ in range(most):
        shape = read_shape(reader, _behind_annotations(reader, at))
        if shape is None:
            return
        yield shape
        at = shape.end


def _behind_annotations(reader: Reader, at: int, limit: int | None = None) -> int:
    """Return the offset behind the annotations that stand at an offset, at most some of them."""
    for _ in range(_MAX_ANNOTATIONS):
        behind = None if at == limit else read_annotation(reader, at)
        if behind is None:
            break
        at = behind
    return at


def follows(reader: Reader, at: int, commands: int = 3) -> bool:
    """Tell whether the stream goes on at an offset: some canonical commands, or the exact end."""
    if at == reader.size_bytes:
        return True
    count = 0
    for shape in chain(reader, at, commands):
        count += 1
        at = shape.end
    return count == commands or (count > 0 and at == reader.size_bytes)


def starts_before(reader: Reader, end: int, reach: int, floor: int, enough: int = _ENOUGH) -> list[Shape]:
    """Return the commands that lead up to `end` without a gap, at most `reach` bytes before it.

    Of several chains that end exactly there the longest wins: a chain inside a value begins later
    than the chain of the commands that carry the value. Looks no further back than it takes to find a
    good number of commands.
    """
    shapes: list[Shape] = []
    for part in (16, 4, 1):
        shapes = _chain_ending(reader, end, max(end - reach // part, floor))
        if len(shapes) >= enough:
            break
    return shapes


def _chain_ending(reader: Reader, end: int, low: int) -> list[Shape]:
    window = reader.at(low, end - low)
    tried: set[int] = set()
    for match in _OPENING.finditer(window):
        start = low + match.start()
        if start in tried:
            continue
        shapes = []
        at = start
        for shape in chain(reader, start, _MAX_ARGUMENTS):
            if shape.start in tried:
                # It leads into a chain that is known not to end there.
                at = -1
                break
            shapes.append(shape)
            tried.add(shape.start)
            at = shape.end
            if at >= end:
                break
        if at >= 0 and _behind_annotations(reader, at, end) == end:
            return shapes
    return []


@dataclass
class Habits:
    """How the commands around a place usually look.

    Attributes:
        counts: how often a name occurs with a number of arguments.
        lengths: how often an argument of such a command has a length.
        largest: bytes of the largest command among them.
        plain_keys, keys: how many first arguments behind the name were printable, and how many there were.
    """

    counts: dict[tuple[bytes, int], int] = field(default_factory=dict)
    lengths: dict[tuple[bytes, int, int, int], int] = field(default_factory=dict)
    largest: int = 0
    plain_keys: int = 0
    keys: int = 0

    def learn(self, reader: Reader, shape: Shape) -> None:
        """Count one command."""
        name, count = shape.name(reader), len(shape.arguments)
        self.counts[name, count] = self.counts.get((name, count), 0) + 1
        self.largest = max(self.largest, shape.end - shape.start)
        if count > 1:
            key = shape.arguments[1]
            self.keys += 1
            self.plain_keys += _PLAIN.fullmatch(reader.at(key.payload_start, min(key.length, 64))) is not None
        for place, argument in enumerate(shape.arguments[:LENGTHS_KEPT]):
            seen = (name, count, place, argument.length)
            self.lengths[seen] = self.lengths.get(seen, 0) + 1

    def has(self, name: bytes, count: int) -> bool:
        """Tell whether commands of that name and number of arguments stand around."""
        return (name.upper(), count) in self.counts

    def times(self, name: bytes, count: int) -> int:
        """Return how many commands of that name and number of arguments stand around."""
        return self.counts.get((name.upper(), count), 0)

    def key_like(self, text: bytes) -> bool:
        """Tell whether bytes can be a key: printable where all keys around are."""
        return self.plain_keys < self.keys or _PLAIN.fullmatch(text[:64]) is not None

    def length_seen(self, name: bytes, count: int, place: int, length: int) -> int:
        """Return how often that argument had that length."""
        return self.lengths.get((name.upper(), count, place, length), 0)


def habits_around(reader: Reader, before: int, behind: int, floor: int = 0) -> Habits:
    """Return the habits of the commands that end at `before` and of those that start at `behind`."""
    habits = Habits()
    for shape in starts_before(reader, before, _HABIT_BYTES // 4, floor)[-_HABIT_COMMANDS:]:
        habits.learn(reader, shape)
    for shape in chain(reader, behind):
        habits.learn(reader, shape)
    return habits
