"""Where the command stream goes on behind damage, on evidence.

A place that looks like a command may lie inside a value: values hold RESP too (backups, cached
replies, scripts). What tells them apart is how far the chain of commands reaches from there. Real
commands chain to the end of the file, or to the next damage; a chain inside a value dies at the end of
the value, so it is never longer than the longest value that holds RESP. Chains that may be inside a
value are passed over and stay part of the damage. See docs/safety.md for what this can cost.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aoftool.check.reader import BLOCK_BYTES, Reader
from aoftool.check.shapes import chain
from aoftool.resp.model import Reason, TailTally

__all__ = ["TORN", "Landing", "Resync", "openings", "resp_inside"]

_OPENING = re.compile(rb"\*[1-9][0-9]{0,8}\r\n\$[0-9]{1,19}\r\n|#TS:[0-9]{1,19}\r?\n")
_LONGEST_OPENING = 48
_INSIDE = re.compile(rb"\*[1-9][0-9]{0,8}\r\n\$[0-9]{1,19}\r\n")
# How a stream ends that was cut while it was written.
TORN = frozenset(
    {
        Reason.TORN_HEADER,
        Reason.TORN_PAYLOAD,
        Reason.LENGTH_BEYOND_END,
        Reason.MISSING_FINAL_CRLF,
        Reason.TORN_ANNOTATION,
    }
)
_INSPECTED_BYTES = 1 << 20
_INSPECTED_COMMAND = 64 << 20
_FEW = 3
# The largest value with RESP that was seen need not be the largest there is.
_DOUBT = 2
_CHAINS_KEPT = 16
_TALLIES_KEPT = 8
# Stretches that are looked into for values with RESP; later ones tell nothing new.
_LESSONS = 100
_ABSURD = 16
_LONG_BYTES = 4096


@dataclass(frozen=True)
class Landing:
    """Where the stream goes on, with the tally of everything up to the next stop.

    Attributes:
        start: first byte of the first command.
        tally: of the stream from there, its start state inherited.
        passed_over: spans of chains that were found before and not believed, the first few.
    """

    start: int
    tally: TailTally
    passed_over: tuple[tuple[int, int], ...]


Scanner = Callable[[int], TailTally]
"""Counts the stream from an offset on, in an inherited state."""


def openings(reader: Reader, start: int, end: int) -> Iterator[int]:
    """Yield offsets in [start, end) where something stands that begins like a command."""
    at = start
    while at < end:
        stop = min(at + BLOCK_BYTES, end)
        piece = reader.at(at, stop - at + _LONGEST_OPENING)
        for match in _OPENING.finditer(piece):
            if match.start() < stop - at:
                yield at + match.start()
        at = stop


def resp_inside(reader: Reader, tally: TailTally) -> int:
    """Return the bytes of the largest command found that carries RESP in a value, 0 for none.

    Looks at the largest command of every name, and into the commands of the last megabyte: what a log
    keeps in its values rarely changes without notice.
    """
    largest = 0
    for row in tally.rows.values():
        if row.largest_offset < 0 or not largest < row.largest_bytes <= _INSPECTED_COMMAND:
            continue
        if _holds_resp(reader, row.largest_offset, row.largest_bytes):
            largest = row.largest_bytes
    return largest


def _holds_resp(reader: Reader, start: int, length: int) -> bool:
    """Tell whether an opening stands in a command behind its own."""
    at, end = start + 1, start + length
    while at < end:
        stop = min(at + BLOCK_BYTES, end)
        if _INSIDE.search(reader.at(at, stop - at + _LONGEST_OPENING)):
            return True
        at = stop
    return False


def _canonical_end(tally: TailTally) -> int:
    """Return the end of a chain, or the place where it first departs from the canonical form."""
    return min((seen.first_offset for seen in tally.leniencies.values()), default=tally.good_end)


class Resync:
    """Find landings in one file.

    Args:
        reader: the file.
        scan: counts the stream from an offset on.
        known_name: tells whether a command name is known, or stands elsewhere in the log.
    """

    def __init__(self, reader: Reader, scan: Scanner, known_name: Callable[[bytes], bool]) -> None:
        self._reader = reader
        self._scan = scan
        self._known_name = known_name
        self._inside_bytes = 0
        self._largest_bytes = 0
        self._scanned: OrderedDict[int, TailTally] = OrderedDict()
        self._surveyed_to = 0
        self._learned = 0

    @property
    def inside_bytes(self) -> int:
        """Return the bytes of the largest command known to carry RESP in a value, 0 for none."""
        return self._inside_bytes

    def _tally(self, at: int) -> TailTally:
        """Return the tally from an offset; the last few are kept, for they are asked for again."""
        tally = self._scanned.get(at)
        if tally is None:
            tally = self._scanned[at] = self._scan(at)
            if len(self._scanned) > _TALLIES_KEPT:
                self._scanned.popitem(last=False)
        return tally

    def _survey(self, damage: int) -> None:
        """Learn from the longest chain soon behind a damage, for what stands before may tell little."""
        if damage < self._surveyed_to:
            return
        longest: TailTally | None = None
        floor = damage + 1
        self._surveyed_to = limit = damage + _INSPECTED_BYTES
        for at in openings(self._reader, damage + 1, min(limit, self._reader.size_bytes)):
            if at < floor or not self._plausible(at):
                continue
            tally = self._tally(at)
            floor = max(tally.good_end, at + 1)
            if longest is None or tally.good_end - tally.start > longest.good_end - longest.start:
                longest = tally
            if floor > limit or (tally.stop is not None and tally.stop.clean):
                break
        if longest is not None:
            self.learn(longest)

    def learn(self, tally: TailTally) -> None:
        """Take in a healthy stretch: how large its commands are, and whether values hold RESP."""
        for row in tally.rows.values():
            self._largest_bytes = max(self._largest_bytes, row.largest_bytes)
        self._learned += 1
        if self._learned > _LESSONS:
            return
        self._inside_bytes = max(self._inside_bytes, resp_inside(self._reader, tally))
        self._inside_bytes = max(self._inside_bytes, self._inside_near(tally.start, tally.good_end))

    def _inside_near(self, start: int, end: int) -> int:
        """Look for values with RESP among the last commands of a stretch."""
        largest = 0
        at = start if end - start <= _INSPECTED_BYTES // 4 else end - _INSPECTED_BYTES // 4
        at = next(openings(self._reader, at, end), end)
        for shape in chain(self._reader, at, 1000):
            if shape.end > end:
                break
            length = shape.end - shape.start
            if (
                length > max(largest, 64)
                and length <= BLOCK_BYTES
                and _holds_resp(self._reader, shape.start, length)
            ):
                largest = length
        return largest

    def land(
        self, damage: int, *, end: int | None = None, value: tuple[int, int] | None = None
    ) -> Landing | None:
        """Return the first place behind `damage` where the stream surely goes on.

        Args:
            damage: first byte of the command that could not be read.
            end: look no further than this.
            value: span that the damaged command declares for the value in which it broke off.
        """
        self._survey(damage)
        limit = self._reader.size_bytes if end is None else end
        passed: list[tuple[int, int]] = []
        floor = damage + 1
        for at in openings(self._reader, damage, limit):
            if at < floor or not self._plausible(at):
                continue
            tally = self._tally(at)
            if tally.commands == 0 and not tally.annotations.count:
                continue
            if self._believed(at, tally, value):
                return Landing(at, tally, tuple(passed[:_CHAINS_KEPT]))
            passed.append((at, tally.good_end))
            # What lies inside a chain that is not believed is not believed either.
            floor = max(_canonical_end(tally), at + 1)
        return None

    def through(self, at: int, damage: int) -> Landing | None:
        """Return the landing at an offset before a damage if its chain goes on over it."""
        if not self._plausible(at):
            return None
        tally = self._tally(at)
        if tally.good_end > damage and tally.commands > 1 and self._believed(at, tally, None):
            return Landing(at, tally, ())
        return None

    def _plausible(self, at: int) -> bool:
        """Tell whether the command that would start there has a name one can believe."""
        if self._reader.at(at, 1) == b"#":
            return True
        shape = next(chain(self._reader, at, 1), None)
        if shape is None:
            return False
        return self._known_name(shape.name(self._reader))

    def _believed(self, at: int, tally: TailTally, value: tuple[int, int] | None) -> bool:
        assert tally.stop is not None
        reason = tally.stop.reason
        if tally.leniencies:
            # Servers write the canonical form: a chain that departs from it may have left the log.
            return _canonical_end(tally) - at > _DOUBT * self._inside_bytes
        if value is not None and value[0] <= at < value[1]:
            if value[1] > self._reader.size_bytes:
                return self._believed_in_torn_value(at, tally, value)
            if tally.good_end <= value[1]:
                return False
        if reason is Reason.END and tally.commands:
            return True
        # A torn end is as good as the exact end unless values hold RESP.
        long_enough = tally.good_end - at > _DOUBT * self._inside_bytes
        return long_enough and (tally.commands > 0 or reason is Reason.END or reason in TORN)

    def _believed_in_torn_value(self, at: int, tally: TailTally, value: tuple[int, int]) -> bool:
        """Judge a chain inside a value that would end past the file.

        Either the length was damaged, or the file was cut while a value with RESP was written.
        """
        assert tally.stop is not None
        length = tally.good_end - at
        reason = tally.stop.reason
        if at < value[0] + 2:
            return False
        if length > max(2 * self._inside_bytes, self._largest_bytes, _LONG_BYTES):
            return reason is Reason.END or reason in TORN
        absurd = value[1] - value[0] > _ABSURD * max(self._largest_bytes, 64)
        exact = reason is Reason.END and tally.commands >= _FEW
        return exact and absurd and self._inside_bytes == 0
