"""Damaged framing that can be put right: what one command must have looked like.

Looks at a place where the stream breaks and asks whether it is a command with a single damaged
element of its framing: the type byte of a line, a line end, the count, a length. A healing is
`certain` when every other number of the command agrees with it, so that nothing but that element can
be wrong. A length that is re-derived from where the payload ends is not certain: a lost block inside
the payload looks the same. It is offered only when the commands around speak for it, and never for
more than one element of a command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from aoftool.check.stream.shapes import Argument, Habits, follows, read_argument, read_number, starts_before
from aoftool.check.stream.window import Reader
from aoftool.databases import DATABASE_DIGITS
from aoftool.dataclass import dataclass
from aoftool.escape import excerpt
from aoftool.regex import regex
from aoftool.resp.encode import SELECT_BYTES, encode_select

__all__ = ["Accepts", "Healing", "Patch", "heal", "heal_select", "heal_select_byte", "heal_terminator"]

Accepts = Callable[[bytes, int], bool]
"""Tells whether a command name is known and takes that many arguments, its name included."""

_MAX_ARGUMENTS = 4096
_HEADER_BYTES = 24
_ANY_COUNT = regex(rb"\*-?[0-9]{1,20}\r\n")
_FRAMING = regex(rb"[$*](?:0|[1-9][0-9]{0,9})\r\n|\r\n[$*]")
# What a payload ends in that took its line end from a line of framing.
_SEAM = regex(rb"(?:[$*][0-9]{0,10}|\r)\Z")
_LENGTH_LINE = regex(rb"\$([^\r\n]{0,20})\r\n")
# Candidates for the end of one payload, and how far they may lie behind its start.
_ENDS = 64
_END_REACH = 1 << 20
_HABIT_TIMES = 2
_HURT_BYTES = 64
_FRAMED_BYTES = 1 << 16
_SELECT = b"SELECT"
_NAME_AT = len(b"*2\r\n$6\r\n")
_LAST_LINES = len(b"\r\n$1\r\n\r\n")
_LETTERS_LEFT = 3
# A declared length this many times the largest command around was never written.
_ABSURD = 16


@dataclass(frozen=True)
class Patch:
    """Bytes that replace a span."""

    start: int
    end: int
    data: bytes


@dataclass(frozen=True)
class Healing:
    """One damaged command and what makes it whole.

    Attributes:
        start, end: span of the command as it stands; the stream goes on at `end`.
        patch: what to put right.
        code: code of the finding.
        certain: nothing else can be meant.
        text: what was wrong, for people.
        may_lack: bytes may be missing where the command was healed, so that its value is another.
    """

    start: int
    end: int
    patch: Patch
    code: str
    certain: bool
    text: str
    may_lack: bool = False


def heal(reader: Reader, at: int, habits: Habits, accepts: Accepts, floor: int = 0) -> Healing | None:
    """Return the one healing of the command that breaks at an offset, None when there is none.

    Args:
        at: where a command should start.
        habits: of the commands around.
        floor: start of the healthy stretch that ends at `at`.
    """
    if reader.at(at, 1) == b"$":
        return _heal_short_count(reader, at, habits, accepts, floor)
    return _heal_count(reader, at, habits, accepts) or _heal_argument(reader, at, habits, accepts)


def heal_select(reader: Reader, at: int, *, opens: bool) -> Healing | None:
    """Return the healing of a SELECT in which one run of bytes was overwritten, None where it is none.

    The digits of the database and half of the name must be left; where a file begins, which is with a SELECT
    always, the digits alone.

    Args:
        opens: the file begins there.
    """
    for digits in range(1, DATABASE_DIGITS + 1):
        text = reader.at(at, SELECT_BYTES + digits)
        whole = _select_behind(text, digits)
        if whole is None or text == whole or not follows(reader, at + len(text)):
            continue
        wrong = [place for place, (one, other) in enumerate(zip(text, whole, strict=True)) if one != other]
        name = range(_NAME_AT, _NAME_AT + len(_SELECT))
        left = sum(place < wrong[0] or place > wrong[-1] for place in name)
        if opens or left >= _LETTERS_LEFT:
            reason = f"bytes of {excerpt(whole)} were overwritten: {excerpt(text)}"
            code = "leading-bytes" if opens else "corrupt-region"
            return Healing(at, at + len(text), Patch(at, at + len(text), whole), code, True, reason)
    return None


def heal_select_byte(reader: Reader, at: int) -> Healing | None:
    """Return the healing of a SELECT of which one byte is wrong, wherever it is but for its number.

    A byte of framing that was overwritten tells less than one with a flipped bit, unless nothing else than a
    SELECT can have been there.
    """
    for digits in range(1, DATABASE_DIGITS + 1):
        text = reader.at(at, SELECT_BYTES + digits)
        number = text[-digits - 2 : -2]
        whole = encode_select(int(number)) if number.isdigit() else b""
        if len(text) == len(whole) and _differences(text, whole) == 1 and follows(reader, at + len(text)):
            reason = f"one byte of {excerpt(whole)} was overwritten: {excerpt(text)}"
            patch = Patch(at, at + len(text), whole)
            return Healing(at, at + len(text), patch, "broken-type-byte", True, reason)
    return None


def heal_terminator(reader: Reader, at: int) -> Patch | None:
    """Return the patch for the first payload of a command that does not end in CRLF."""
    header = read_number(reader, at, b"*")
    if header is None:
        return None
    count, place = header
    for _ in range(min(count, _MAX_ARGUMENTS)):
        argument = read_argument(reader, place)
        if argument is None:
            line = read_number(reader, place, b"$")
            if line is None:
                return None
            end = line[0] + line[1]
            return Patch(end, end + 2, b"\r\n") if end + 2 <= reader.size_bytes else None
        place = argument.end
    return None


def _select_behind(text: bytes, digits: int) -> bytes | None:
    """Return the SELECT whose last lines a text has, None where that names no database."""
    number = text[-digits - 2 : -2]
    whole = encode_select(int(number)) if number.isdigit() else b""
    return whole if len(whole) == len(text) and text.endswith(whole[-digits - _LAST_LINES :]) else None


def _arguments(reader: Reader, at: int, most: int = _MAX_ARGUMENTS) -> list[Argument]:
    found: list[Argument] = []
    while len(found) < most and (argument := read_argument(reader, at)) is not None:
        found.append(argument)
        at = argument.end
    return found


def _name(reader: Reader, argument: Argument) -> bytes:
    return reader.at(argument.payload_start, min(argument.length, 64)).upper()


def _differences(one: bytes, two: bytes) -> int:
    return sum(a != b for a, b in zip(one, two, strict=True)) if len(one) == len(two) else len(one) + len(two)


def _one_bit(one: bytes, two: bytes) -> bool:
    """Tell whether two texts differ by one bit."""
    return sum((a ^ b).bit_count() for a, b in zip(one, two, strict=True)) == 1


def _heal_count(reader: Reader, at: int, habits: Habits, accepts: Accepts) -> Healing | None:
    """Heal the `*` line when all arguments behind it are whole."""
    head = reader.at(at, _HEADER_BYTES)
    first = next((p for p in range(1, len(head)) if head[p : p + 1] == b"$"), None)
    if first is None:
        return None
    arguments = _arguments(reader, at + first)
    if not arguments or not follows(reader, arguments[-1].end):
        return None
    line, proper = head[:first], b"*%d\r\n" % len(arguments)
    name = _name(reader, arguments[0])
    if line == proper or not accepts(name, len(arguments)) or _frames(reader, arguments):
        return None
    usual = habits.has(name, len(arguments))
    patch = Patch(at, at + first, proper)
    found = excerpt(line)
    had_more = _may_have_had_more(line, name, accepts)
    if had_more and habits.has(name, int(line[1:-2])):
        return None
    if _differences(line, proper) == 1:
        digit = _ANY_COUNT.fullmatch(line) is not None
        if digit and not usual:
            return None
        code = "broken-count" if digit or line[1:-2] != proper[1:-2] else "broken-type-byte"
        text = f"the line {found} must be {excerpt(proper)}"
        return Healing(at, arguments[-1].end, patch, code, True, text, may_lack=had_more)
    if _ANY_COUNT.fullmatch(line) and usual:
        text = f"the count {found} must be {len(arguments)}"
        return Healing(at, arguments[-1].end, patch, "broken-count", True, text, may_lack=had_more)
    return None


def _frames(reader: Reader, arguments: list[Argument]) -> bool:
    """Tell whether an argument holds framing: it may have swallowed what was a command."""
    return any(
        _FRAMING.search(reader.at(argument.payload_start, min(argument.length, _FRAMED_BYTES))) is not None
        for argument in arguments
    )


def _may_have_had_more(line: bytes, name: bytes, accepts: Accepts) -> bool:
    """Tell whether a count may be right, and its last arguments lost.

    A command that takes any number of arguments does not say how many it had: put right, it would become
    one that never was, which is not done where others around have so many.
    """
    if _ANY_COUNT.fullmatch(line) is None:
        return False
    count = int(line[1:-2])
    return count <= _MAX_ARGUMENTS and accepts(name, count)


def _heal_short_count(
    reader: Reader, at: int, habits: Habits, accepts: Accepts, floor: int
) -> Healing | None:
    """Heal a count that was too small: the command before was taken to end too early."""
    before = starts_before(reader, at, 1 << 16, floor)
    if not before:
        return None
    short = before[-1]
    header = read_number(reader, short.start, b"*")
    rest = _arguments(reader, at)
    if header is None or not rest or not follows(reader, rest[-1].end):
        return None
    count = len(short.arguments) + len(rest)
    name = short.name(reader)
    if not accepts(name, count) or not habits.has(name, count) or _frames(reader, rest):
        return None
    if accepts(name, header[0]) and (
        habits.times(name, header[0]) > 1 or len(rest) == 1 or _is_headless(reader, rest, accepts)
    ):
        # It may have been whole, and what follows the rest of another command.
        return None
    patch = Patch(short.start, header[1], b"*%d\r\n" % count)
    text = f"the count {header[0]} must be {count}"
    return Healing(short.start, rest[-1].end, patch, "broken-count", True, text)


def _is_headless(reader: Reader, rest: list[Argument], accepts: Accepts) -> bool:
    """Tell whether arguments are a whole command without its count."""
    return accepts(_name(reader, rest[0]), len(rest))


def _heal_argument(reader: Reader, at: int, habits: Habits, accepts: Accepts) -> Healing | None:
    """Heal one argument of a command whose `*` line is whole."""
    header = read_number(reader, at, b"*")
    if header is None or not 1 <= header[0] <= _MAX_ARGUMENTS:
        return None
    count, first = header
    whole = _arguments(reader, first, count)
    if len(whole) >= count:
        return None
    place = whole[-1].end if whole else first
    damaged = _Damaged(reader, at, count, whole, place)
    return damaged.heal_line(accepts) or damaged.heal_end() or damaged.heal_length(habits, accepts)


@dataclass(frozen=True)
class _Damaged:
    """A command whose arguments are whole up to the one that starts at `place`."""

    reader: Reader
    at: int
    count: int
    whole: list[Argument]
    place: int

    def _rest(self, payload_end: int) -> int | None:
        """Return the end of the command if its other arguments follow behind a payload."""
        left = self.count - len(self.whole) - 1
        others = _arguments(self.reader, payload_end + 2, left)
        if len(others) < left:
            return None
        end = others[-1].end if others else payload_end + 2
        return end if follows(self.reader, end) else None

    def heal_line(self, accepts: Accepts) -> Healing | None:
        """Heal a `$` line with one wrong byte beside its digits."""
        head = self.reader.at(self.place, _HEADER_BYTES)
        for pattern in (rb"[^$](0|[1-9][0-9]{0,9})\r\n", rb"\$(0|[1-9][0-9]{0,9})(?:[^\r]\n|\r[^\n])"):
            match = re.match(pattern, head, re.DOTALL)
            if match is None:
                continue
            end = self.place + match.end() + int(match[1])
            if self.reader.at(end, 2) != b"\r\n":
                continue
            behind = self._rest(end)
            if not _one_bit(match[0], b"$" + match[1] + b"\r\n"):
                # The bytes behind may be damaged too.
                continue
            first = Argument(self.place, self.place + match.end(), end)
            if not accepts(_name(self.reader, self.whole[0] if self.whole else first), self.count):
                continue
            if behind is not None and not self._in_zeros(self.place + match.end()):
                proper = b"$" + match[1] + b"\r\n"
                patch = Patch(self.place, self.place + match.end(), proper)
                text = f"the line {excerpt(match[0])} must be {excerpt(proper)}"
                return Healing(self.at, behind, patch, "broken-type-byte", True, text)
        return None

    def _in_zeros(self, at: int) -> bool:
        """Tell whether zeros go on on both sides of an offset: more than framing was overwritten."""
        return self.reader.at(at - 1, 2) == b"\0\0"

    def heal_end(self) -> Healing | None:
        """Heal the CRLF behind a payload."""
        line = read_number(self.reader, self.place, b"$")
        if line is None:
            return None
        end = line[0] + line[1]
        found = self.reader.at(end, 2)
        if len(found) < 2 or found == b"\r\n":
            return None
        behind = self._rest(end)
        if behind is None or self._in_zeros(end):
            return None
        if b"\r\n" in self.reader.at(max(end - _HURT_BYTES, line[1]), end - max(end - _HURT_BYTES, line[1])):
            # More than the line end was overwritten.
            return None
        half = found[:1] == b"\r" or found[1:] == b"\n"
        text = f"the payload ends in {excerpt(found)} instead of CRLF"
        return Healing(self.at, behind, Patch(end, end + 2, b"\r\n"), "bad-terminator", half, text)

    def _ends(self, start: int) -> Iterator[int]:
        at = start
        for _ in range(_ENDS):
            at = self.reader.find(b"\r\n", at, start + _END_REACH)
            if at < 0:
                return
            yield at
            at += 1

    def heal_length(self, habits: Habits, accepts: Accepts) -> Healing | None:
        """Re-derive a length from the first place where the rest of the stream follows."""
        line = _LENGTH_LINE.match(self.reader.at(self.place, _HEADER_BYTES + 4))
        if line is None:
            return None
        start = self.place + line.end()
        for end in self._ends(start):
            behind = self._rest(end)
            if behind is None:
                continue
            if not self._believable(line[1], start, end, habits, accepts):
                return None
            proper = b"$%d\r\n" % (end - start)
            patch = Patch(self.place, start, proper)
            text = f"the length {excerpt(line[1])} must be {end - start}"
            # What took bytes out of a payload left the digits in front of it, which say how long it was.
            lacking = line[1].isdigit() and int(line[1]) > end - start
            return Healing(self.at, behind, patch, "broken-length", False, text, may_lack=lacking)
        return None

    def _believable(self, digits: bytes, start: int, end: int, habits: Habits, accepts: Accepts) -> bool:
        """Tell whether the digits were damaged, and not the payload."""
        place, length = len(self.whole), end - start
        first = self.whole[0] if self.whole else Argument(self.place, start, end)
        name = _name(self.reader, first)
        if not accepts(name, self.count):
            return False
        payload = self.reader.at(start, min(length, _HEADER_BYTES << 10))
        if _FRAMING.search(payload) or _SEAM.search(payload):
            # Framing inside the payload: this is rather the seam of two commands.
            return False
        near = _differences(digits, b"%d" % length) == 1
        if not digits.isdigit():
            # A digit that is none was surely hit; a minus sign needs the habits to speak.
            negative = digits[:1] == b"-" and digits[1:].isdigit()
            return (near and bool(digits)) or (
                (near or negative) and habits.length_seen(name, self.count, place, length) >= _HABIT_TIMES
            )
        declared = int(digits)
        if habits.length_seen(name, self.count, place, declared):
            return False
        key = self.whole[1] if place > 1 else Argument(self.place, start, end)
        if place and not habits.key_like(self.reader.at(key.payload_start, min(key.length, 64))):
            return False
        usual = habits.length_seen(name, self.count, place, length) >= _HABIT_TIMES
        most = _ABSURD * max(habits.largest, 64)
        if declared > self.reader.size_bytes - start:
            # The file may have been cut while a value was written that holds what follows here.
            most = max(most, self.reader.size_bytes)
        absurd = declared > most
        return usual and (near or absurd)
