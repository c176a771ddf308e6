"""Whether a place behind damage may lie in a value, and up to where.

A value can hold RESP, and it can end in such a way that what it holds chains on into the log. Then the
chain alone does not tell where it began. What is left of the damaged command tells, header lines in front
of the place do, and the looks of the commands beside those that values are known to hold. Knows nothing
of how far a chain reaches: that is judged in `aoftool.check.stream.resync`.
"""

from __future__ import annotations

from collections.abc import Callable

from aoftool.check.stream.lessons import Lessons, openings_in
from aoftool.check.stream.remains import Remains, declared_around
from aoftool.check.stream.shapes import Habits, Shape, chain, read_number
from aoftool.check.stream.window import Reader
from aoftool.dataclass import dataclass
from aoftool.regex import regex
from aoftool.resp.model import TailTally

__all__ = ["HELD_ODDS", "Clue", "InValues", "Reach"]

_INSPECTED_BYTES = 1 << 20
# A length so many times larger than the largest command, or than a long key, was never written.
_ABSURD = 16
# Keys, names of fields and options are rarely longer than this.
_LONG_KEY = 256
# So long a text without a line end is the end of a plain value, not of one that holds RESP.
_PLAIN_BYTES = 24
# RESP so near to the start of a value is what the value holds.
_LEAD_BYTES = 16
_NEAR_BYTES = 64 << 10
_LEAKING_COMMANDS = 1 << 14
_TELLING_COMMANDS = 64
# Of the log's own commands one in so many looks like one before.
_KNOWN_SHARE = 6
_SIGNATURE = 48
_LENGTH = regex(rb"\$(0|[1-9][0-9]{0,9})\r\n")
# Logarithms of the odds that a chain began in a value, before its commands are looked at: where nothing
# in particular speaks for it;
_STRANGE_ODDS = -6.0
# where the damaged value holds commands in front of it, in a log whose values hold such, and in another;
HELD_ODDS = 0.5
_SPLICED_ODDS = -3.0
# where it stands at the very start of a value of the damaged command.
_FIRST_ODDS = 1.5
# What is added where no line end stands in front, and taken away where a whole command ends there.
_ODD_START = 2.0
_EXPLAINED = 4.0
# Odds that fall so far behind the best ones do not come back.
_HOPELESS = 12.0


Reach = Callable[[int, int], int]
"""Returns the last boundary of a canonical chain, begun at one offset, that is not behind another."""


@dataclass(frozen=True)
class Clue:
    """What is known of a place from which commands chain on.

    Attributes:
        at: the place.
        since: end of what is whole of the damaged command, or the last boundary of a chain that was found
            to begin in a value.
        closed: a value seems to end right in front of it.
        habits: of the commands around, where they are known.
    """

    at: int
    since: int
    closed: bool
    habits: Habits | None


class InValues:
    """Judge whether places lie in values.

    Args:
        reader: the file.
        lessons: what the log keeps in its values.
        reach: returns the last boundary of a chain at or before an offset, by the scanner.
    """

    def __init__(self, reader: Reader, lessons: Lessons, reach: Reach) -> None:
        self._reader = reader
        self._lessons = lessons
        self._reach = reach

    def inside_until(self, clue: Clue, remains: Remains, tally: TailTally) -> int | None:
        """Return up to where a place may lie in a value, None when nothing speaks for it.

        A value can end in such a way that what it holds chains on into the log. Then the chain does not
        tell, and what is left of the commands in front of it must.

        Args:
            clue: the place, from which commands chain on, and what is known of it.
            remains: of the damaged command.
            tally: of the chain.
        """
        at, since, habits = clue.at, clue.since, clue.habits
        if at == since and at > remains.place:
            return None
        explained = self._explains(remains, at, habits)
        if at < remains.place:
            return None if explained or self._cuts_in(at, remains) else remains.place
        value = remains.value
        declared = declared_around(self._reader, since, at)
        ends_there = explained and value is not None and value[1] + 2 == declared
        if declared is not None and not ends_there and self._meets(at, declared, tally):
            return declared
        held = [] if value is None else self._lessons.held_in(value[0], min(at, value[0] + _NEAR_BYTES))
        if (explained or clue.closed) and not (held or self._lessons.inside_bytes):
            return None
        within = value is not None and value[0] <= at < value[1]
        if value is not None and within and not explained and self._leads_out(at, value, tally):
            return value[1] + 2
        if not (held or self._lessons.inside_bytes) or self._doubles(at):
            return None
        odds = self._odds(at, remains, held)
        if explained or clue.closed or self._ends_outside(since, at, held):
            odds -= _EXPLAINED
        longest = self._lessons.inside_bytes
        if value is not None and not self.is_absurd(remains):
            longest = max(longest, value[1] - value[0])
        return self.turns_at(at, odds, held, longest)

    def _explains(self, remains: Remains, at: int, habits: Habits | None) -> bool:
        """Tell whether what is left of a command is a whole one that ends at a place, but for one thing."""
        return remains.explained_by(self._reader, at) or (
            habits is not None and remains.ends_as_usual(self._reader, at, habits)
        )

    def _odds(self, at: int, remains: Remains, held: list[Shape]) -> float:
        """Return the logarithm of the odds that a chain began in a value, before its commands are seen."""
        odds = _STRANGE_ODDS
        if held:
            odds = HELD_ODDS if self._lessons.inside_bytes else _SPLICED_ODDS
        elif remains.length is not None and remains.payload_start == at and not self.is_absurd(remains):
            odds = _FIRST_ODDS
        elif self._lessons.leaking_bytes:
            odds = self._lessons.leaking_odds
        return odds if self._reader.at(at - 1, 1) == b"\n" else odds + _ODD_START

    def _cuts_in(self, at: int, remains: Remains) -> bool:
        """Tell whether a command begins in arguments that only seem to be whole.

        Where the head of one command meets another, the line ends of the other serve as those of the
        first: its `*` line ends an argument, or the last argument ends by chance at one of its lines.
        """
        holder = next((a for a in remains.arguments if a.payload_start <= at < a.end), None)
        if holder is None:
            return False
        header = read_number(self._reader, at, b"*")
        if header is not None and header[1] == holder.end:
            return True
        last = holder is remains.arguments[-1] and self._reader.at(holder.end, 1) not in (b"$", b"*", b"#")
        return last and self.turns_at(at, _STRANGE_ODDS, [], holder.length) is None

    def turns_at(self, at: int, odds: float, held: list[Shape], longest: int) -> int | None:
        """Return the boundary up to which a chain is rather what values hold, None where it never is.

        Adds up, command by command, how much more its looks are those of commands in values than those
        of the log's own, and takes the boundary at which most speaks for it.

        Args:
            odds: logarithm of the odds, before any look, that the chain began in a value.
            held: commands that are known to stand in the very value.
            longest: bytes that can be left of the value.
        """
        best, settled = 0.0, False
        until: int | None = None
        before_multi: tuple[float, int | None] | None = None
        inner, outer = self._lessons.inner(held), self._lessons.outer
        for shape in chain(self._reader, at, _LEAKING_COMMANDS):
            name = shape.name(self._reader)
            if name == b"EXEC" and before_multi is not None:
                # No value ends between the two marks of a transaction of the log.
                best, until = before_multi
                before_multi = None
            elif name == b"MULTI":
                before_multi = None if settled else (best, until)
            settled = settled or shape.start >= at + longest or odds < best - _HOPELESS
            if settled and before_multi is None:
                break
            if settled:
                continue
            odds += inner.odds(shape, outer)
            if odds > best:
                best, until = odds, shape.end
        return until

    def looks_outside(self, at: int) -> bool:
        """Tell whether a chain that begins in a value which is torn off looks like the log all the same."""
        lessons = self._lessons
        if lessons.inside_bytes:
            return self.turns_at(at, _FIRST_ODDS, [], lessons.inside_bytes) is None
        found = list(chain(self._reader, at, _TELLING_COMMANDS))
        return sum(map(lessons.own.knows, found)) * _KNOWN_SHARE >= len(found)

    def _meets(self, at: int, behind: int, tally: TailTally) -> bool:
        """Tell whether a chain has a boundary at an offset, or a payload that starts there."""
        at = self._near(at, behind)
        if at == behind:
            return True
        for shape in chain(self._reader, at, tally.commands):
            if behind in (shape.start, shape.end) or any(a.payload_start == behind for a in shape.arguments):
                return True
            if shape.end > behind:
                break
        return False

    def _near(self, at: int, low: int) -> int:
        """Return a boundary of a chain from which an offset is not far; a large value is not read here."""
        return at if low - at <= _NEAR_BYTES else self._reach(at, low)

    def _leads_out(self, at: int, value: tuple[int, int], tally: TailTally) -> bool:
        """Tell whether a chain begun in a declared value has a boundary right behind it."""
        lead = openings_in(self._reader, value[0], value[0] + _LEAD_BYTES)
        if not (lead or self._lessons.inside_bytes) or value[1] > self._reader.size_bytes:
            return False
        return self.boundary(at, value[1] + 2, tally) == value[1] + 2

    def _ends_outside(self, start: int, at: int, held: list[Shape]) -> bool:
        """Tell whether arguments that lead up to a place hold one longer than any seen in a value."""
        longest = max((a.length for shape in held for a in shape.arguments), default=0)
        longest = max(longest, self._lessons.longest_argument)
        plain = max(longest, _PLAIN_BYTES) + 1
        if at - 2 - plain >= start and b"\r\n" not in self._reader.at(at - 2 - plain, plain):
            return True
        low = max(start, at - _NEAR_BYTES)
        text = self._reader.at(low, at - low)
        leading = {len(text)}
        for line in reversed(list(_LENGTH.finditer(text))):
            behind = line.end() + int(line[1]) + 2
            if behind in leading and text[behind - 2 : behind] == b"\r\n":
                if int(line[1]) > longest:
                    return True
                leading.add(line.start())
        return False

    def _doubles(self, at: int) -> bool:
        """Tell whether the bytes in front of a place stand there once more: a block was written twice."""
        low = max(at - _INSPECTED_BYTES, 0)
        before = self._reader.at(low, at - low).rfind(self._reader.at(at, _SIGNATURE))
        length = at - low - before
        return before >= 0 and self._reader.at(at, length) == self._reader.at(at - length, length)

    def boundary(self, at: int, low: int, tally: TailTally) -> int:
        """Return the first boundary of a chain at `low` or behind it."""
        if low >= tally.good_end:
            return tally.good_end
        at = self._near(at, low)
        if at == low:
            return low
        for shape in chain(self._reader, at, tally.commands):
            if shape.start >= low:
                return shape.start
            if shape.end >= low:
                return shape.end
        return tally.good_end

    def is_absurd(self, remains: Remains) -> bool:
        """Tell whether a length cannot be what was written: larger than the log, or far too long a key."""
        if remains.length is None:
            return False
        largest = _ABSURD * max(self._lessons.largest_bytes, 64)
        if remains.length > max(largest, self._reader.size_bytes):
            return True
        return len(remains.arguments) <= 1 and remains.length > _ABSURD * _LONG_KEY
