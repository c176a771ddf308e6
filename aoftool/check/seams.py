"""Seams: where bytes of different commands meet, and by chance look like one.

A lost, doubled or misplaced block joins the head of one command to the tail of another. Often that shows
at once; sometimes the two make a whole command, and only what follows is out of place. This looks back
from such a place for the reading in which everything fits.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from aoftool.check.reader import Reader
from aoftool.check.resync import Landing, Resync, openings
from aoftool.check.shapes import Shape, chain, is_one_command, is_torn_command, starts_before

__all__ = ["Seams"]

_REACH = 1 << 20
_SPLICE_TAIL = 1 << 16
_SPLICE_REACH = 1 << 16
_SPLICE_COMMANDS = 32
_SPLICE_MARGIN = 4096
_SPLICE_PLACES = 64
_SPLICE_HEADS = 8
_CHAIN_COMMANDS = 256
_SWALLOWED = re.compile(rb"\r\n[$*](?:0|[1-9][0-9]{0,9})\r\n")
_TORN_LINE = re.compile(rb"\r\n\$[0-9]*\Z")
_STAR = re.compile(rb"(?:(?<=\r\n)|\A)\*[1-9]")
_TORN_RESP = re.compile(rb"\r\n\$[0-9]{1,10}\r\n")
_WHOLE_RESP = re.compile(rb"\*[1-9][0-9]{0,8}\r\n\$[0-9]{1,10}\r\n")


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

        Behind damage, the rest of a value that holds RESP can be read as commands by chance. Such a
        chain ends at the line end of the value, and begins behind a command whose own value holds the
        torn rest of another command.
        """
        text = self._reader.at(at, min(end - at, 256))
        rest = text.rstrip(b"\r\n")
        if not text.endswith(b"\r\n") or (
            rest and (self._resync.names_command(at) or not is_torn_command(rest))
        ):
            return None
        reach = self._resync.inside_bytes
        if not reach or end - at > reach:
            return None
        low = max(at - 2 * reach, self._floor)
        for shape in reversed(starts_before(self._reader, at, at - low, self.since)):
            body = self._reader.at(shape.start, min(shape.end - shape.start, 1 << 16))
            if self._holds_torn_resp(shape, body):
                return shape.start
        return None

    def _holds_torn_resp(self, shape: Shape, body: bytes) -> bool:
        """Tell whether a value holds an argument before, or without, the command it belongs to."""
        for argument in shape.arguments[1:]:
            low, high = argument.payload_start - shape.start, argument.payload_end - shape.start
            first = _WHOLE_RESP.search(body, low, high)
            rest = low if first is None else first.start()
            if _TORN_RESP.search(body, low, rest):
                return True
            for inner in chain(self._reader, shape.start + rest):
                if inner.end > argument.payload_end:
                    break
                rest = inner.end - shape.start
            if _TORN_RESP.search(body, rest, high) and first is not None:
                return True
        return False

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
            landing = self._resync.through(place, at)
            if landing is not None:
                return last.start, landing
        return None
