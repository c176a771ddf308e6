"""Where the command stream goes on behind damage, on evidence.

A place that looks like a command may lie inside a value: values hold RESP too (backups, cached
replies, scripts). What tells them apart is how far the chain of commands reaches from there. Real
commands chain to the end of the file, or to the next damage; a chain inside a value dies at the end of
the value, so it is never longer than the longest value that holds RESP. Chains that may be inside a
value are passed over and stay part of the damage. See docs/safety.md for what this can cost.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from aoftool.check.stream.inside_values import HELD_ODDS, Clue, InValues, Reach
from aoftool.check.stream.lessons import LONGEST_OPENING, OPENING, Lessons
from aoftool.check.stream.looks import Looks, form_of
from aoftool.check.stream.remains import Remains
from aoftool.check.stream.shapes import Habits, Shape, chain, read_argument, read_number, starts_before
from aoftool.check.stream.window import BLOCK_BYTES, Reader
from aoftool.dataclass import dataclass
from aoftool.regex import regex
from aoftool.resp.model import Reason, TailTally

__all__ = ["TORN", "Landing", "Resync", "Scanner", "openings"]

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
_LONG_BYTES = 4096
# A value with RESP may be so large without any like it having been seen.
_VALUE_BYTES = 1 << 20
_NEAR_BYTES = 64 << 10
_ALIKE_COMMANDS = 256
# One command in so many may look like no other around.
_STRANGE_SHARE = 10
_COUNT_LINE = regex(rb"\*[1-9][0-9]{0,8}\r\n")


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
        reach: returns the last boundary of a chain at or before an offset.
        known_name: tells whether a command name is known, or stands elsewhere in the log.
    """

    def __init__(
        self, reader: Reader, scan: Scanner, reach: Reach, known_name: Callable[[bytes], bool]
    ) -> None:
        self._reader = reader
        self._scan = scan
        self._known_name = known_name
        self._lessons = Lessons(reader)
        self._in_values = InValues(reader, self._lessons, reach)
        self._scanned: OrderedDict[int, TailTally] = OrderedDict()
        self._surveyed_to = 0

    @property
    def inside_bytes(self) -> int:
        """Return the bytes of the largest command known to carry RESP in a value, 0 for none."""
        return self._lessons.inside_bytes

    @property
    def _doubtful_bytes(self) -> int:
        """Return the bytes of a chain that can lie in a value, or be two commands that damage joined."""
        return _DOUBT * max(self._lessons.inside_bytes, min(self._lessons.largest_bytes, _LONG_BYTES))

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
            self._lessons.take(longest, sure=False)

    def learn(self, tally: TailTally) -> None:
        """Take in a healthy stretch: how large its commands are, and whether values hold RESP."""
        self._lessons.take(tally)

    def land(
        self, remains: Remains, habits: Habits | None = None, *, end: int | None = None
    ) -> Landing | None:
        """Return the first place behind damage where the stream surely goes on.

        Args:
            remains: of the command that could not be read.
            habits: of the commands around.
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
            # Behind the line end of a value whose RESP broke off there, little lies in it any more.
            closed = bool(passed) and passed[-1][1] + 2 == at and self._reader.at(at - 2, 2) == b"\r\n"
            inside = None
            if believed:
                clue = Clue(at, led_out, closed and at > remains.place, habits)
                inside = self._in_values.inside_until(clue, remains, tally)
            if believed and inside is None:
                return Landing(at, tally, tuple(passed[:_CHAINS_KEPT]))
            # What lies inside a chain that is not believed is not believed either; of one that leads out
            # of a value, the rest is.
            if inside is None:
                behind = _canonical_end(tally)
                floor = max(self._surely_passed(at, behind, tally), at + 1)
            else:
                behind = led_out = self._in_values.boundary(at, inside, tally)
                floor = max(behind, at + 1)
            passed.append((at, behind))
        return None

    def _surely_passed(self, at: int, behind: int, tally: TailTally) -> int:
        """Return up to where no command of the log can begin, of a chain that is not believed.

        Where the chain breaks off, its last command may have taken bytes of others for its own; at the
        end of a value it is whole.
        """
        if tally.commands > _ALIKE_COMMANDS or tally.leniencies or self._closes_value(behind):
            return behind
        last = at
        for shape in chain(self._reader, at, tally.commands):
            last = shape.start
        return last + 1

    def through(self, at: int, damage: int, holder: Shape) -> Landing | None:
        """Return the landing at an offset before a damage if its chain goes on over it.

        Args:
            holder: the command in which it stands, whole only by chance.
        """
        if not self._plausible(at):
            return None
        tally = self._tally(at)
        if tally.good_end <= damage or tally.commands < 2 or not self._believed(at, tally):
            return None
        longest = holder.end - holder.start
        if (
            not self.holds_no_resp(holder)
            and self._in_values.turns_at(at, HELD_ODDS, [], longest) is not None
        ):
            return None
        return Landing(at, tally, ())

    def is_alike(self, island: Landing, since: int, before: int, behind: int) -> bool:
        """Tell whether a chain looks like the commands from `since` to `before` and from `behind` on."""
        around = [
            *starts_before(self._reader, before, _NEAR_BYTES, since)[-_ALIKE_COMMANDS:],
            *chain(self._reader, behind, _ALIKE_COMMANDS),
        ]
        known = {form_of(self._reader, shape) for shape in around}
        found = list(chain(self._reader, island.start, _ALIKE_COMMANDS))
        found = [shape for shape in found if shape.end <= island.tally.good_end]
        strange = sum(form_of(self._reader, shape) not in known for shape in found)
        return strange * _STRANGE_SHARE <= len(found)

    def holds_no_resp(self, shape: Shape) -> bool:
        """Tell whether no command that was seen carries RESP in a value, but for this one perhaps."""
        return self._lessons.carriers - {shape.start} == set()

    def inner_odds(self, shape: Shape) -> float:
        """Return how much the looks of a command speak for a place in a value, as a logarithm of odds."""
        return self._lessons.inner([]).odds(shape, self._lessons.outer)

    def is_absurd(self, remains: Remains) -> bool:
        """Tell whether the length of the argument that breaks off cannot be what was written."""
        return self._in_values.is_absurd(remains)

    def held_by(self, shape: Shape) -> list[Shape]:
        """Return the commands that a command holds in its values, the whole ones."""
        return self._lessons.held_by(shape)

    def rather(self, found: list[Shape], inner: list[Shape], outer: list[Shape]) -> float:
        """Return how much rather commands look like some that a value holds than like those of the log."""
        held = Looks(self._reader, inner)
        around = Looks(self._reader, outer[-_ALIKE_COMMANDS:])
        return sum(held.odds(shape, around) for shape in found[:_ALIKE_COMMANDS])

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
            return _canonical_end(tally) - at > self._doubtful_bytes
        if remains is not None and value is not None and value[0] <= at < value[1]:
            if value[1] > self._reader.size_bytes:
                return self._believed_in_torn_value(at, tally, remains)
            if tally.good_end <= value[1]:
                return False
        if reason is Reason.END and tally.commands:
            return True
        first = value is not None and at == value[0]
        if (first or tally.good_end - at <= _VALUE_BYTES) and self._closes_value(tally.good_end):
            return False
        # A torn end is as good as the exact end unless values hold RESP.
        long_enough = tally.good_end - at > self._doubtful_bytes
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
        if reason is Reason.END and tally.commands and self._in_values.is_absurd(remains):
            return at > start or not self._lessons.leaking_bytes
        if reason is Reason.END and tally.commands > 1 and at > start:
            # A file that was cut ends at a boundary of what a value holds only by chance.
            return self._in_values.looks_outside(at)
        length = tally.good_end - at
        return at >= start + 2 and length > max(
            self._doubtful_bytes, self._lessons.largest_bytes, _LONG_BYTES
        )

    def _frames(self, start: int, end: int) -> bool:
        """Tell whether a span holds the first line of a command."""
        text = self._reader.at(start, min(end - start, _NEAR_BYTES))
        return _COUNT_LINE.search(text) is not None
