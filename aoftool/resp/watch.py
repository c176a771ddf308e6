"""Which commands a reader of a stream looks out for, and where it stands in the stream.

Compares bytes only: it knows neither where the keys of a command are nor what the command does, so an
argument that happens to equal a watched key is a hit too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum

from aoftool.dataclass import dataclass, field

__all__ = [
    "EVENT_EXEC",
    "EVENT_MULTI",
    "WORD_MOST",
    "Area",
    "AreaEnd",
    "SieveState",
    "SieveStatus",
    "Watch",
]

EVENT_MULTI, EVENT_EXEC = 1, 2
"""Values of `SieveState.first_event`."""

# Longer arguments are looked through only so far for a literal.
LITERAL_REACH = 64 * 1024


WORD_MOST = 32
"""The most bytes of what is taken for a word in an area."""
_FIELDS = b"FIELDS"


class AreaEnd(IntEnum):
    """What ends an area before the last argument: nothing, its first argument, one that begins with no
    letter, one that begins with a digit and holds a minus sign, the word FIELDS.
    """

    NEVER = 0
    AT_ONCE = 1
    PLAIN = 2
    ENTRY_ID = 3
    FIELDS = 4


@dataclass(frozen=True, slots=True)
class Area:
    """Where in a command the words stand that a watch knows; another word there makes a hit.

    Attributes:
        start: number of the first argument that belongs to it, at least 1; the name is number 0.
        words: in upper case; an argument of 2 to `WORD_MOST` bytes that begins with a letter is a hit where
            it is none of them, whatever its case. With none, and no end, every argument is a hit.
        end: what ends the area.
        size: arguments from its end on come in groups of so many, and a rest is a hit. 0: any number.
    """

    start: int
    words: frozenset[bytes] = frozenset()
    end: AreaEnd = AreaEnd.NEVER
    size: int = 0

    def look(self, number: int, argument: bytes, argc: int) -> tuple[bool, bool]:
        """Return whether an argument makes a hit, and whether the area goes on behind it.

        Args:
            number: of the argument, at least `start`.
            argc: number of arguments of the command, its name included.
        """
        if self.end is AreaEnd.AT_ONCE:
            return self._leaves_rest(argc - number), False
        if not self.words:
            return True, False
        if argument[:1].isalpha():
            word = argument.upper() if 1 < len(argument) <= WORD_MOST else b""
            return bool(word) and word not in self.words, self.end is not AreaEnd.FIELDS or word != _FIELDS
        if self.end is AreaEnd.PLAIN:
            return self._leaves_rest(argc - number), False
        if self.end is AreaEnd.ENTRY_ID and argument[:1].isdigit() and b"-" in argument:
            return self._leaves_rest(argc - number - 1), False
        return False, True

    def _leaves_rest(self, count: int) -> bool:
        return self.size > 1 and count % self.size != 0


class SieveStatus(IntEnum):
    """Why a walk came back: more bytes are needed, the limit is reached, or a form it does not read."""

    MORE = 0
    DONE = 1
    IRREGULAR = 2


@dataclass(frozen=True, slots=True)
class Watch:
    """What makes a command a hit; any one of these is enough.

    Attributes:
        keys: byte strings, one of which an argument behind the name equals.
        names: command names in upper case.
        known: names in upper case; a command of any other name is a hit. None: names do not matter.
        literal: a byte string that an argument holds; empty for none.
        at_start: the literal must begin the argument.
        min_length: commands of at least so many bytes with framing; 0 for none.
        areas: by command name in upper case, at most 255.
    """

    keys: frozenset[bytes] = frozenset()
    names: frozenset[bytes] = frozenset()
    known: frozenset[bytes] | None = None
    literal: bytes = b""
    at_start: bool = False
    min_length: int = 0
    areas: Mapping[bytes, Area] = field(default_factory=dict)
    lengths: frozenset[int] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", frozenset(map(len, self.keys)))

    def wants_argument(self, argument: bytes) -> bool:
        """Tell whether one argument makes its command a hit."""
        if len(argument) in self.lengths and argument in self.keys:
            return True
        if not self.literal:
            return False
        if self.at_start:
            return argument.startswith(self.literal)
        return self.literal in argument[:LITERAL_REACH]

    def wants_name(self, upper: bytes) -> bool:
        """Tell whether a name in upper case makes its command a hit; empty stands for one too long."""
        return upper in self.names or (self.known is not None and upper not in self.known)

    def wants_form(self, upper: bytes, argv: Sequence[bytes]) -> bool:
        """Tell whether what stands in the area of a command makes it a hit.

        Args:
            upper: its name in upper case.
        """
        area, goes_on = self.areas.get(upper), True
        for number in range(0 if area is None else area.start, len(argv)):
            if area is None or not goes_on:
                return False
            hit, goes_on = area.look(number, argv[number], len(argv))
            if hit:
                return True
        return False


@dataclass(slots=True)
class SieveState:
    """Where a walk stands.

    Attributes:
        db: selected database; `INHERITED_DB` before the first SELECT of a range in the middle.
        txn: transactions begun so far.
        is_open: a MULTI waits for its EXEC.
        open_offset: where that MULTI is.
        time_s: the last `#TS`, -1 without one.
        commands: commands so far.
        first_event, first_event_offset: `EVENT_MULTI` or `EVENT_EXEC`, whichever came first, and where; 0
            for neither.
    """

    db: int = 0
    txn: int = 0
    is_open: bool = False
    open_offset: int = -1
    time_s: int = -1
    commands: int = 0
    first_event: int = 0
    first_event_offset: int = -1

    @property
    def unclosed_at(self) -> int | None:
        """Offset of the MULTI that has no EXEC so far; None without one."""
        return self.open_offset if self.is_open else None

    def begin(self, offset: int) -> int:
        """Follow a MULTI; return the number of its transaction."""
        self._note(EVENT_MULTI, offset)
        if not self.is_open:
            self.txn += 1
            self.is_open, self.open_offset = True, offset
        return self.txn

    def end(self, offset: int) -> int:
        """Follow an EXEC; return the number of the transaction it ends, 0 for none."""
        self._note(EVENT_EXEC, offset)
        if not self.is_open:
            return 0
        self.is_open = False
        return self.txn

    def _note(self, event: int, offset: int) -> None:
        if not self.first_event:
            self.first_event, self.first_event_offset = event, offset
