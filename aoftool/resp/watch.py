"""Which commands a reader of a stream looks out for, and where it stands in the stream.

Compares bytes only: it knows neither where the keys of a command are nor what the command does, so an
argument that happens to equal a watched key is a hit too.
"""

from __future__ import annotations

from enum import IntEnum

from aoftool.dataclass import dataclass, field

__all__ = ["EVENT_EXEC", "EVENT_MULTI", "SieveState", "SieveStatus", "Watch"]

EVENT_MULTI, EVENT_EXEC = 1, 2
"""Values of `SieveState.first_event`."""

# Longer arguments are looked through only so far for a literal.
LITERAL_REACH = 64 * 1024


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
    """

    keys: frozenset[bytes] = frozenset()
    names: frozenset[bytes] = frozenset()
    known: frozenset[bytes] | None = None
    literal: bytes = b""
    at_start: bool = False
    min_length: int = 0
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
