"""Whether damage in a stream can have taken a SELECT with it.

A lost block can have held anything. But damage that one broken command accounts for, from its start to
where the stream goes on, took no other command away, and neither did bytes that were put in between two
whole commands, a block that stands there twice, or zeros that lie where no SELECT fits. Says so only where
something speaks against a lost block as well: joined ends of two commands rarely look like one of them.
Knows nothing of repair, and refuses to say which database a stream is in.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.check.stream.remains import Remains, one_step, read_remains
from aoftool.check.stream.shapes import HEADER_LINE, Habits, habits_around, is_one_command
from aoftool.check.stream.window import Reader
from aoftool.check.stream.wounds import Wound
from aoftool.check.vocabulary import accepts
from aoftool.databases import DATABASE_DIGITS
from aoftool.regex import regex
from aoftool.resp.encode import encode_select

__all__ = ["SHORTEST_SELECT", "held_no_select", "shows_select"]

SHORTEST_SELECT = len(encode_select(0))
"""Bytes of the shortest SELECT that a server writes: 23."""

_MAX_WOUND = 1 << 16
_SELECT = b"SELECT"
_COUNT_LINE = regex(rb"\*?[^$*\r\n]{0,2}\r?\n?")
_COUNT_LINE_BYTES = 5
_ENDS = 64
# An argument of fewer commands than this says little of how long such arguments are.
_FEW = 8
# A shorter run of zeros is rather part of a value.
_ZERO_RUN = regex(rb"\0{8,}")
_ZEROS = regex(rb"\0{4,}")
_LOOKED_BACK = 64 << 10
# The longest header line.
_LINE_BYTES = 24
_ARGUMENT_LEAST = len(b"$0\r\n\r\n")
_SELECT_WORDS = 2
# Bytes by which a doubled block is found, how far into a wound that is tried, and with how many distances.
_SHORTEST_BLOCK = 16
_SIGNATURE = 12
_SIGNATURE_STEP = 4
_SIGNATURE_REACH = 4096
_SHIFTS = 16


def held_no_select(reader: Reader, wound: Wound, floor: int) -> bool:
    """Tell whether no SELECT can have been in the bytes that a wound replaced or lost.

    Args:
        wound: one that commands follow.
        floor: start of the healthy stretch in front of it.
    """
    size = wound.end - wound.start
    if not 0 < size <= _MAX_WOUND:
        return False
    text = reader.at(wound.start, size)
    if _is_doubled(reader, wound):
        return True
    if _SELECT in text.upper():
        return False
    if _was_put_in(text):
        return True
    remains = read_remains(reader, wound.start)
    zeros = _zeros(reader, text, wound, remains, floor)
    if zeros is not None:
        reached = _least_end(reader, remains)
        return reached <= wound.end and not _select_fits(text, zeros, reached - wound.start)
    habits = habits_around(reader, wound.start, wound.end, floor)
    return _lacks_count(reader, remains, wound.end) or _one_length_off(reader, remains, text, habits)


def shows_select(reader: Reader, wound: Wound) -> bool:
    """Tell whether what is left in a wound, or all of it, is a SELECT that is damaged."""
    text = reader.at(wound.start, min(wound.end - wound.start, _MAX_WOUND))
    if b"\r\n" + _SELECT + b"\r\n$" in text.upper():
        return True
    run = _ZERO_RUN.search(text)
    return run is not None and any(
        len(pattern) == len(text) and _agrees(text, 0, pattern, *run.span()) for pattern in _selects()
    )


def _was_put_in(text: bytes) -> bool:
    """Tell whether bytes between whole commands are part of no command.

    What is left of a lost block is the head of a command, the tail of another, or both; a head begins
    with `*` and a tail ends in CRLF. A line that is a command of its own was typed.
    """
    if text.startswith((b"*", b"$", b"#", b"\0")) or text.endswith((b"\r", b"\0")) or text == b"\n":
        return False
    if b"\r\n" not in text:
        return True
    words = text.split()
    return text.find(b"\r\n") == len(text) - 2 and bool(words) and accepts(words[0], len(words))


# A block that stands there twice


def _is_doubled(reader: Reader, wound: Wound) -> bool:
    """Tell whether the bytes before a place in a wound stand behind it again, and hold no SELECT.

    Nothing is lost then: the stream goes on where it was before. In a log that repeats itself a lost block
    looks the same, so the bytes must stand nowhere else near, and repeat nothing themselves.
    """
    low = max(wound.start - _LOOKED_BACK, 0)
    text = reader.at(low, min(wound.end + _LOOKED_BACK, reader.size_bytes) - low)
    first, last = wound.start - low, wound.end - low
    tried: set[int] = set()
    for at in range(first, min(last, first + _SIGNATURE_REACH), _SIGNATURE_STEP):
        found = text.rfind(text[at : at + _SIGNATURE], 0, at + _SIGNATURE - 1)
        shift = at - found
        if found < 0 or shift < _SHORTEST_BLOCK or shift in tried:
            continue
        if len(tried) == _SHIFTS:
            break
        tried.add(shift)
        start, end = _repeated(text, found, shift)
        if end - start < shift or end + shift <= first:
            continue
        block = text[start : start + shift]
        if block in (block + block)[1:-1]:
            continue
        alone = text.find(block, 0, start + shift - 1) < 0 and text.find(block, end + 1) < 0
        if alone and _SELECT not in text[start : end + shift].upper():
            return True
    return False


def _repeated(text: bytes, at: int, shift: int) -> tuple[int, int]:
    """Return the span around a place of which every byte stands there again, so many bytes later."""
    start = end = at
    while start and text[start - 1] == text[start - 1 + shift]:
        start -= 1
    while end + shift < len(text) and text[end] == text[end + shift]:
        end += 1
    return start, end


# One broken command


def _lacks_count(reader: Reader, remains: Remains, end: int) -> bool:
    """Tell whether nothing but the `*` line of one command is damaged."""
    if remains.count is not None or not remains.arguments or remains.arguments[-1].end != end:
        return False
    first = remains.arguments[0]
    line = reader.at(remains.start, first.start - remains.start)
    if len(line) > _COUNT_LINE_BYTES or _COUNT_LINE.fullmatch(line) is None:
        return False
    name = reader.at(first.payload_start, min(first.length, 64))
    return accepts(name, len(remains.arguments))


def _one_length_off(reader: Reader, remains: Remains, text: bytes, habits: Habits) -> bool:
    """Tell whether one digit of one length is damaged, and all else of the command is whole.

    Two commands that a lost block joined can look the same, so the length that stands there must be one
    that such arguments never have, and the one that fits one they do.
    """
    if remains.payload_start is None or remains.count is None:
        return False
    low, digits = remains.payload_start - remains.start, remains.digits
    head, line = text[: remains.place - remains.start], b"$" + digits + b"\r\n"
    if not text[len(head) :].startswith(line):
        return False
    place = len(remains.arguments)
    for end in _ends(text, low):
        proper = b"%d" % (end - low)
        if not one_step(digits, proper) or HEADER_LINE.search(text, low, end):
            continue
        if not is_one_command(head + b"$" + proper + b"\r\n" + text[low:]):
            continue
        name = text[low:end] if place == 0 else reader.at(remains.arguments[0].payload_start, 64)
        if place:
            name = name[: remains.arguments[0].length]
        if not accepts(name, remains.count):
            return False
        return place == 0 or _was_never(remains.length, end - low, habits, name.upper(), place)
    return False


def _ends(text: bytes, low: int) -> Iterator[int]:
    """Yield where a payload may end in the text of a broken command."""
    at = low
    for _ in range(_ENDS):
        at = text.find(b"\r\n", at)
        if at < 0:
            return
        yield at
        at += 1


def _was_never(declared: int | None, length: int, habits: Habits, name: bytes, place: int) -> bool:
    """Tell whether an argument never has the length that is declared, and often one like the other."""
    if declared is None:
        return True
    seen = [
        (size, times)
        for (other, _, where, size), times in habits.lengths.items()
        if (other, where) == (name, place)
    ]
    if sum(times for _, times in seen) < _FEW:
        return False
    sizes = [size for size, _ in seen]
    return min(sizes) <= length <= max(sizes) and not min(sizes) <= declared <= max(sizes)


# Zeros in the place of bytes


def _zeros(reader: Reader, text: bytes, wound: Wound, remains: Remains, floor: int) -> tuple[int, int] | None:
    """Return the span of the one run of zeros in a wound, where the stream breaks there.

    A log whose values hold zeros tells nothing by them.
    """
    runs = [match.span() for match in _ZERO_RUN.finditer(text)]
    if len(runs) != 1:
        return None
    low, high = runs[0]
    before = max(floor, wound.start - _LOOKED_BACK)
    if _ZEROS.search(reader.at(before, wound.start - before)) or not (
        low <= wound.stop.offset - wound.start <= high or _breaks_in(remains, wound.start, low, high)
    ):
        return None
    return low, high


def _breaks_in(remains: Remains, start: int, low: int, high: int) -> bool:
    """Tell whether a run of zeros holds the first element of a command that is not whole."""
    value = remains.value
    place = remains.place - start
    line = low - _LINE_BYTES < place <= high
    return line or (value is not None and low < value[1] + 2 - start <= high + 2)


def _least_end(reader: Reader, remains: Remains) -> int:
    """Return an offset that the broken command reaches at least; its start where it may be a SELECT."""
    if remains.count is None or (not remains.arguments and remains.count == _SELECT_WORDS):
        return remains.start
    whole = len(remains.arguments)
    value = remains.value
    if value is None or value[1] > reader.size_bytes:
        return remains.place + _ARGUMENT_LEAST * max(remains.count - whole, 0)
    return value[1] + 2 + _ARGUMENT_LEAST * max(remains.count - whole - 1, 0)


def _select_fits(text: bytes, zeros: tuple[int, int], floor: int) -> bool:
    """Tell whether a SELECT can have stood behind `floor`, the zeros being bytes that are not known."""
    low, high = zeros
    for pattern in _selects():
        first = max(floor, low - len(pattern) + 1, 0)
        for at in range(first, min(high, len(text) - len(pattern) + 1)):
            if _agrees(text, at, pattern, low, high):
                return True
    return False


def _selects() -> Iterator[bytes]:
    """Yield every form of a SELECT, with `#` for a digit of the database."""
    for digits in range(1, DATABASE_DIGITS + 1):
        yield b"*2\r\n$6\r\nSELECT\r\n$%d\r\n" % digits + b"#" * digits + b"\r\n"


def _agrees(text: bytes, at: int, pattern: bytes, low: int, high: int) -> bool:
    for number, wanted in enumerate(pattern, at):
        if low <= number < high:
            continue
        found = text[number : number + 1].upper()
        if found != bytes([wanted]) and not (wanted == ord("#") and found.isdigit()):
            return False
    return True
