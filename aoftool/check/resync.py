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

from aoftool.check.lessons import LONGEST_OPENING, OPENING, Lessons, openings_in
from aoftool.check.reader import BLOCK_BYTES, Reader
from aoftool.check.remains import Remains, declared_around
from aoftool.check.shapes import Shape, chain, read_argument, read_number, starts_before
from aoftool.resp.model import Reason, TailTally

__all__ = ["TORN", "Landing", "Resync", "openings"]

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
# The largest value with RESP that was seen need not be the largest there is.
_DOUBT = 2
_CHAINS_KEPT = 16
_TALLIES_KEPT = 8
_ABSURD = 16
_LONG_BYTES = 4096
# RESP so near to the start of a value is what the value holds.
_LEAD_BYTES = 16
# A value with RESP may be so large without any like it having been seen.
_VALUE_BYTES = 1 << 20
_NEAR_BYTES = 64 << 10
_ALIKE_COMMANDS = 256
# One command in so many may look like no other around.
_STRANGE_SHARE = 10
_FRAMING = re.compile(rb"[$*](?:0|[1-9][0-9]{0,9})\r\n")
_LENGTH = re.compile(rb"\$(0|[1-9][0-9]{0,9})\r\n")
_LEAKING_COMMANDS = 1 << 14
_SIGNATURE = 48
# Keys, names of fields and options are rarely longer than this.
_LONG_KEY = 256


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
        piece = reader.at(at, stop - at + LONGEST_OPENING)
        for match in OPENING.finditer(piece):
            if match.start() < stop - at:
                yield at + match.start()
        at = stop


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
        self._lessons = Lessons(reader)
        self._scanned: OrderedDict[int, TailTally] = OrderedDict()
        self._surveyed_to = 0

    @property
    def inside_bytes(self) -> int:
        """Return the bytes of the largest command known to carry RESP in a value, 0 for none."""
        return self._lessons.inside_bytes

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
        self._lessons.take(tally)

    def land(self, remains: Remains, *, end: int | None = None) -> Landing | None:
        """Return the first place behind damage where the stream surely goes on.

        Args:
            remains: of the command that could not be read.
            end: look no further than this.
        """
        damage = remains.start
        self._survey(damage)
        limit = self._reader.size_bytes if end is None else end
        passed: list[tuple[int, int]] = []
        floor = damage + 1
        led_out = remains.place
        for at in openings(self._reader, damage, limit):
            if at < floor or not self._plausible(at):
                continue
            tally = self._tally(at)
            if tally.commands == 0 and not tally.annotations.count:
                continue
            believed = self._believed(at, tally, remains)
            # Behind the line end of a value whose RESP broke off there, nothing lies in it any more.
            closed = bool(passed) and passed[-1][1] + 2 == at and self._reader.at(at - 2, 2) == b"\r\n"
            inside = None
            if believed and not (closed and at > remains.place):
                inside = self._inside_until(at, led_out, remains, tally)
            if believed and inside is None:
                return Landing(at, tally, tuple(passed[:_CHAINS_KEPT]))
            # What lies inside a chain that is not believed is not believed either; of one that leads out
            # of a value, the rest is.
            if inside is None:
                behind = _canonical_end(tally)
            else:
                behind = led_out = self._boundary(at, inside, tally)
            passed.append((at, behind))
            floor = max(behind, at + 1)
        return None

    def _boundary(self, at: int, low: int, tally: TailTally) -> int:
        """Return the first boundary of a chain at `low` or behind it."""
        if low >= tally.good_end:
            return tally.good_end
        for shape in chain(self._reader, at, tally.commands):
            if shape.start >= low:
                return shape.start
            if shape.end >= low:
                return shape.end
        return tally.good_end

    def _inside_until(self, at: int, since: int, remains: Remains, tally: TailTally) -> int | None:
        """Return up to where a place may lie in a value, None when nothing speaks for it.

        A value can end in such a way that what it holds chains on into the log. Then the chain does not
        tell, and what is left of the commands in front of it must.

        Args:
            at: the place, from which commands chain on.
            since: end of what is whole of the damaged command, or the last boundary of a chain that was
                found to begin in a value.
            tally: of the chain.
        """
        if at == since and at > remains.place:
            return None
        explained = remains.explained_by(self._reader, at)
        if at < remains.place:
            return None if explained else remains.place
        leaks = self._lessons.leaking_bytes > 0
        value = remains.value
        first = value is not None and value[0] == at
        declared = declared_around(self._reader, since, at, likely=leaks and not first)
        if declared is not None and not (explained and value is not None and value[1] + 2 == declared):
            return declared
        if explained:
            return None
        if value is not None and value[0] <= at < value[1] and self._leads_out(at, value, tally):
            return value[1] + 2
        until = self._leaking_until(at, since, value) if leaks or first else None
        return self._strangers_until(at, tally) if until is None else until

    def _strangers_until(self, at: int, tally: TailTally) -> int | None:
        """Return the end of the first commands of a chain that look like those in values, and only those."""
        for shape in chain(self._reader, at, min(tally.commands, _LEAKING_COMMANDS)):
            if not self._lessons.only_inner(shape):
                return None if shape.start == at else shape.start
        return None

    def _leads_out(self, at: int, value: tuple[int, int], tally: TailTally) -> bool:
        """Tell whether a chain begun in a declared value has a boundary right behind it."""
        lead = openings_in(self._reader, value[0], value[0] + _LEAD_BYTES)
        if not (lead or self._lessons.inside_bytes) or value[1] > self._reader.size_bytes:
            return False
        return self._boundary(at, value[1] + 2, tally) == value[1] + 2

    def _leaking_until(self, at: int, since: int, value: tuple[int, int] | None) -> int | None:
        """Return up to where a place may lie in one of those values whose RESP leads out of them."""
        if self._doubles(at) or self._ends_outside(since, at):
            return None
        lessons = self._lessons
        longest = lessons.leaking_bytes
        if value is not None and value[0] <= at < value[1]:
            longest = max(longest, min(value[1] - value[0], lessons.inside_bytes))
        by_itself = self._reader.at(at - 1, 1) == b"\n"
        for shape in chain(self._reader, at, _LEAKING_COMMANDS):
            outside = shape.end > at + longest or not lessons.like_inner(shape)
            if outside and (by_itself or shape.start > at):
                return None if shape.start == at else shape.start
        return at + longest

    def _ends_outside(self, start: int, at: int) -> bool:
        """Tell whether arguments that lead up to a place hold one longer than any in a value that leaks."""
        low = max(start, at - _NEAR_BYTES)
        text = self._reader.at(low, at - low)
        leading = {len(text)}
        for line in reversed(list(_LENGTH.finditer(text))):
            behind = line.end() + int(line[1]) + 2
            if behind in leading and text[behind - 2 : behind] == b"\r\n":
                if int(line[1]) > self._lessons.longest_argument:
                    return True
                leading.add(line.start())
        return False

    def _doubles(self, at: int) -> bool:
        """Tell whether the bytes in front of a place stand there once more: a block was written twice."""
        low = max(at - _INSPECTED_BYTES, 0)
        before = self._reader.at(low, at - low).rfind(self._reader.at(at, _SIGNATURE))
        length = at - low - before
        return before >= 0 and self._reader.at(at, length) == self._reader.at(at - length, length)

    def through(self, at: int, damage: int) -> Landing | None:
        """Return the landing at an offset before a damage if its chain goes on over it."""
        if not self._plausible(at):
            return None
        tally = self._tally(at)
        if tally.good_end > damage and tally.commands > 1 and self._believed(at, tally):
            return Landing(at, tally, ())
        return None

    def is_alike(self, island: Landing, since: int, before: int, behind: int) -> bool:
        """Tell whether a chain looks like the commands from `since` to `before` and from `behind` on."""
        form = self._lessons.form
        around = [
            *starts_before(self._reader, before, _NEAR_BYTES, since)[-_ALIKE_COMMANDS:],
            *chain(self._reader, behind, _ALIKE_COMMANDS),
        ]
        known = set(map(form, around))
        found = list(chain(self._reader, island.start, _ALIKE_COMMANDS))
        strange = sum(form(shape) not in known for shape in found if shape.end <= island.tally.good_end)
        return strange * _STRANGE_SHARE <= len(found)

    def holds_no_resp(self, shape: Shape) -> bool:
        """Tell whether no command that was seen carries RESP in a value, but for this one perhaps."""
        return self._lessons.carriers - {shape.start} == set()

    def names_command(self, at: int) -> bool:
        """Tell whether something begins at an offset that names a known command, whole or not."""
        header = read_number(self._reader, at, b"*")
        first = None if header is None else read_argument(self._reader, header[1])
        return first is not None and self._known_name(
            self._reader.at(first.payload_start, 64)[: first.length].upper()
        )

    def _plausible(self, at: int) -> bool:
        """Tell whether the command that would start there has a name one can believe."""
        if self._reader.at(at, 1) == b"#":
            return True
        shape = next(chain(self._reader, at, 1), None)
        if shape is None:
            return False
        return self._known_name(shape.name(self._reader))

    def _believed(self, at: int, tally: TailTally, remains: Remains | None = None) -> bool:
        assert tally.stop is not None
        value = None if remains is None else remains.value
        reason = tally.stop.reason
        if tally.leniencies:
            # Servers write the canonical form: a chain that departs from it may have left the log.
            return _canonical_end(tally) - at > _DOUBT * self._lessons.inside_bytes
        if remains is not None and value is not None and value[0] <= at < value[1]:
            if value[1] > self._reader.size_bytes:
                return self._believed_in_torn_value(at, tally, remains)
            if tally.good_end <= value[1]:
                return False
        if reason is Reason.END and tally.commands:
            return True
        if tally.good_end - at <= _VALUE_BYTES and self._closes_value(tally.good_end):
            return False
        # A torn end is as good as the exact end unless values hold RESP.
        long_enough = tally.good_end - at > _DOUBT * self._lessons.inside_bytes
        return long_enough and (tally.commands > 0 or reason is Reason.END or reason in TORN)

    def _closes_value(self, at: int) -> bool:
        """Tell whether a chain ends at a line end that belongs to none of its commands: that of a value."""
        behind = self._reader.at(at, 3)
        return behind[:2] == b"\r\n" and behind[2:] in (b"", b"*", b"#", b"$")

    def _believed_in_torn_value(self, at: int, tally: TailTally, remains: Remains) -> bool:
        """Judge a chain inside a value that would end past the file.

        Either the length was damaged, or the file was cut while a value with RESP was written. A length
        one step away from one that fits was damaged; so was one that no key, and no value of a log of
        this size, ever had. Else only a chain speaks that is longer than what values hold.
        """
        assert tally.stop is not None
        assert remains.payload_start is not None
        reason, start = tally.stop.reason, remains.payload_start
        if reason is not Reason.END and reason not in TORN:
            return False
        if at >= start + 2 and remains.explained_by(self._reader, at) and not self._frames(start, at):
            return True
        if reason is Reason.END and tally.commands and self._is_absurd(remains):
            return at > start
        length = tally.good_end - at
        return at >= start + 2 and length > max(
            _DOUBT * self._lessons.inside_bytes, self._lessons.largest_bytes, _LONG_BYTES
        )

    def _frames(self, start: int, end: int) -> bool:
        """Tell whether a span holds framing."""
        text = self._reader.at(start, min(end - start, _NEAR_BYTES))
        return _FRAMING.search(text) is not None

    def _is_absurd(self, remains: Remains) -> bool:
        """Tell whether a length cannot be what was written: larger than the log, or far too long a key."""
        assert remains.length is not None
        largest = _ABSURD * max(self._lessons.largest_bytes, 64)
        if remains.length > max(largest, self._reader.size_bytes):
            return True
        return len(remains.arguments) <= 1 and remains.length > _ABSURD * _LONG_KEY
