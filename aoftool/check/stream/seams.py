"""Seams: where bytes of different commands meet, and by chance look like one.

A lost, doubled or misplaced block joins the head of one command to the tail of another. Often that shows
at once; sometimes the two make a whole command, and only what follows is out of place. This looks back
from such a place for the reading in which everything fits.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import islice

from aoftool.check.stream.heal import Healing, Patch
from aoftool.check.stream.remains import Remains
from aoftool.check.stream.resync import Landing, Resync, openings
from aoftool.check.stream.shapes import (
    Shape,
    chain,
    follows,
    is_arguments,
    is_one_command,
    is_torn_command,
    read_argument,
    starts_before,
)
from aoftool.check.stream.window import Reader
from aoftool.regex import regex
from aoftool.units import counted

__all__ = ["Seams"]

_REACH = 1 << 20
_SPLICE_TAIL = 1 << 16
_SPLICE_REACH = 1 << 16
_SPLICE_COMMANDS = 32
_SPLICE_MARGIN = 4096
_SPLICE_PLACES = 64
_SPLICE_HEADS = 8
_CHAIN_COMMANDS = 256
_SWALLOWED = regex(rb"\r\n[$*](?:0|[1-9][0-9]{0,9})\r\n")
_TORN_LINE = regex(rb"\r\n\$[0-9]*\Z")
_STAR = regex(rb"(?:(?<=\r\n)|\A)\*[1-9]")
_MANY = 1 << 30
_ANNOTATED_BYTES = 16 << 10
_ANNOTATION = regex(rb"(?:(?<=\n)|\A)#TS:[0-9]{1,19}\r\n")
_LIKE_ANNOTATION = regex(rb"(?:(?<=\n)|\A)#T[^\n]{0,64}\n")
_CARRIERS_TRIED = 1
_TORN_BYTES = 64
_REST_BYTES = 1024
# Shorter or plainer pieces stand there twice by chance.
_LEAST_DOUBLED = 16
_LEAST_FRAMED = 48
_LEAST_VARIETY = 6
# Logarithms of odds: what must speak for commands that were read out of a value.
_SURELY = 0.5
_NAMED = 3.0
_DOUBLED_BYTES = 1 << 16
# The line end of a value, with an element of the stream behind.
_VALUE_END = regex(rb"\r\n(?=[*$#]|\Z)")


class Seams:
    """Look for seams in one file.

    Args:
        reader: the file.
        resync: knows what the log holds in its values.
        floor: where the command stream begins.
    """

    def __init__(self, reader: Reader, resync: Resync, floor: int) -> None:
        self._reader = reader
        self._resync = resync
        self._floor = floor
        # Where the stretch in front of the damage begins: no chain leads over the wound before it.
        self.since = floor

    def fits_without(self, start: int, first: int, last: int, end: int) -> bool:
        """Tell whether a span is a whole command once its middle is taken out."""
        if not (start < first and last < end) or end - start > 2 * _REACH:
            return False
        text = self._reader.at(start, first - start) + self._reader.at(last, end - last)
        return is_one_command(text)

    def swallowing(self, at: int) -> int:
        """Return where damage begins if the command in front of a place took bytes of others for its own.

        It is whole only by chance: its value holds framing, in a log whose values hold none.
        """
        before = starts_before(self._reader, at, _SPLICE_REACH // 4, self.since)
        if not before:
            return at
        last = before[-1]
        text = self._reader.at(last.start, min(last.end - last.start, _SPLICE_REACH))
        framed = any(
            _SWALLOWED.search(text, argument.payload_start - last.start, argument.payload_end - last.start)
            for argument in last.arguments
        )
        return last.start if framed and self._resync.holds_no_resp(last) else at

    def foreign_before(self, at: int, end: int) -> tuple[int, int] | None:
        """Find commands before a damage that were put into the middle of another one.

        The head of that command may by chance have become a whole command with what was put in; then
        only its tail shows as damage. Without what was put in, head and tail fit together.

        Returns:
            Start of the command, and start of what stands in its middle and ends at `at`.
        """
        if end - at > _SPLICE_TAIL:
            return None
        tail = self._reader.at(at, end - at)
        before = starts_before(self._reader, at, _SPLICE_REACH, self.since)[-_SPLICE_COMMANDS:]
        begins = before[0].start if before else at
        low = max(begins - _SPLICE_MARGIN, self._floor)
        whole = {shape.start for shape in before[1:]}
        places = list(openings(self._reader, low, at))
        inside = [place for place in places if place not in whole][-_SPLICE_PLACES:]
        for first in reversed(inside):
            for start in self._heads(first, places):
                fits = is_one_command(self._reader.at(start, first - start) + tail)
                if fits and self._chains_to(first, at):
                    return start, first
        return None

    def _heads(self, first: int, places: list[int]) -> list[int]:
        """Return where a command may start whose head ends at `first`, its `*` line cut or not."""
        low = max(first - 32, self._floor)
        text = self._reader.at(low, first - low)
        cut = [low + match.start() for match in _STAR.finditer(text)]
        number = bisect_left(places, first)
        near = places[max(number - _SPLICE_HEADS, 0) : number]
        return [place for place in sorted({*near, *cut}, reverse=True) if place < first]

    def _chains_to(self, start: int, end: int) -> bool:
        at = start
        for shape in chain(self._reader, start, _CHAIN_COMMANDS):
            at = shape.end
            if at >= end:
                break
        return at == end

    def inside_value(self, at: int, end: int) -> int | None:
        """Find where commands began that were read out of a value, when what ends there looks so.

        Where bytes of a value that holds RESP were lost or put in, its declared length ends in the middle
        of it, and the rest is read as commands, up to the line end that closes the value. Behind that
        stands nothing, or the arguments that followed the value.
        """
        reach = min(self._resync.inside_bytes, _REACH)
        needed = self._ends_a_value(at, end) if end - at <= reach else None
        if needed is None:
            return None
        low = max(at - 2 * reach, self._floor)
        shapes = starts_before(self._reader, at, at - low, self.since, enough=_MANY)
        tries = 0
        for number in range(len(shapes) - 2, -1, -1):
            carrier = shapes[number]
            if at - carrier.end > max(carrier.end - carrier.start, reach):
                # What is left of a value is no longer than the value.
                continue
            inner = self._resync.held_by(carrier)
            if inner and self._resync.rather(shapes[number + 1 :], inner, shapes[:number]) > needed:
                return carrier.start
            tries += bool(inner)
            if tries > _CARRIERS_TRIED:
                break
        return self._back_to_turn(shapes) if self._reader.at(at, 2) == b"\r\n" else None

    def _back_to_turn(self, shapes: list[Shape]) -> int | None:
        """Return where the last commands begin that look like those in values, and surely so."""
        odds, best, start = 0.0, _NAMED, None
        for shape in reversed(shapes[-_CHAIN_COMMANDS:]):
            odds += self._resync.inner_odds(shape)
            if odds > best:
                best, start = odds, shape.start
        return start

    def _ends_a_value(self, at: int, end: int) -> float | None:
        """Tell whether a span is a torn command or nothing, a line end, and perhaps arguments behind.

        Returns:
            What the looks of the commands before it must say for it, None where it is nothing such.
        """
        if end - at > _REST_BYTES:
            return None
        text = self._reader.at(at, end - at)
        if text[:2] == b"\r\n":
            return _SURELY
        for found in islice(re.finditer(rb"\r\n(?=\$|\Z)", text), _SPLICE_PLACES):
            torn = text[: found.start()]
            if len(torn) > _TORN_BYTES:
                break
            if is_arguments(text[found.end() :]) and (not torn or is_torn_command(torn)):
                return _NAMED if torn and self._resync.names_command(at) else _SURELY
        return None

    def torn_annotation(self, at: int) -> int:
        """Return where damage begins if soon before a place stands an annotation that is none.

        Loaders read any line that begins with `#`; one that took bytes of others for its own, in a log
        whose annotations are in order, is where the damage began.
        """
        low = max(at - _ANNOTATED_BYTES, self.since)
        text = self._reader.at(low, at - low)
        sound = len(_ANNOTATION.findall(text))
        for found in _LIKE_ANNOTATION.finditer(text):
            if sound and _ANNOTATION.match(text, found.start()) is None:
                shapes = list(chain(self._reader, low + found.end(), _SPLICE_COMMANDS))
                if at in {low + found.end(), *(shape.end for shape in shapes)}:
                    return low + found.start()
        return at

    def doubled_inside(self, remains: Remains) -> Healing | None:
        """Find the block that was written twice inside a value or behind it; without it the rest fits.

        The value is longer than declared by exactly the block.
        """
        value = remains.value
        if value is None or remains.count is None or value[1] > self._reader.size_bytes:
            return None
        if value[1] - remains.start > _REACH:
            return None
        left = remains.count - len(remains.arguments) - 1
        start = remains.start
        low = max(start - _DOUBLED_BYTES, self._floor)
        text = self._reader.at(low, value[1] + _DOUBLED_BYTES - low)
        best: Healing | None = None
        for found in islice(_VALUE_END.finditer(text, value[1] + 1 - low), _SPLICE_PLACES):
            length = low + found.start() - value[1]
            if length < _LEAST_DOUBLED:
                continue
            second = _repeated(text[: found.start() + 2], length, start + 1 - low)
            if second is None or not _is_telling(text[second : second + length]):
                continue
            end = _behind_arguments(self._reader, low + found.end(), left)
            whole = text[start - low : second] + text[second + length : (end or 0) - low]
            if end is not None and end - low <= len(text) and is_one_command(whole):
                # Of several blocks the longest: short ones stand there twice by chance.
                patch = Patch(low + second, low + second + length, b"")
                reason = f"{counted(length, 'byte stands', 'bytes stand')} there twice in a row"
                best = Healing(start, end, patch, "doubled-block", False, reason)
        return best

    def read_through(self, at: int, floor: int) -> tuple[int, Landing] | None:
        """Find a reading that goes through a damage, begun inside the command before it.

        Where a block is lost, the head of one command and the tail of another can by chance make a
        whole one, which swallows the `*` line of the next.
        """
        before = starts_before(self._reader, at, 1 << 16, floor)
        if not before:
            return None
        last = before[-1]
        for place in openings(self._reader, last.start + 1, at):
            landing = self._resync.through(place, at, last)
            if landing is not None:
                return last.start, landing
        return None


def _is_telling(block: bytes) -> bool:
    """Tell whether a block hardly stands twice in a row by chance, as framing does."""
    framed = b"\r\n*" in block or b"\r\n$" in block
    return len(set(block)) >= _LEAST_VARIETY and (len(block) >= _LEAST_FRAMED or not framed)


def _repeated(text: bytes, length: int, first: int) -> int | None:
    """Return where the second copy of some block of a length starts, at `first` or behind it."""
    begin = max(first - length, 0)
    size = len(text) - length - begin
    if size < length:
        return None
    one = int.from_bytes(text[begin : begin + size], "big")
    two = int.from_bytes(text[begin + length :], "big")
    same = (one ^ two).to_bytes(size, "big").find(bytes(length))
    return None if same < 0 else begin + same + length


def _behind_arguments(reader: Reader, at: int, count: int) -> int | None:
    """Return the end of so many whole arguments if the stream goes on behind them."""
    for _ in range(count):
        argument = read_argument(reader, at)
        if argument is None:
            return None
        at = argument.end
    return at if follows(reader, at) else None
