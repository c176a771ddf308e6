"""A command stream taken apart, as data: healthy stretches and the wounds between them.

Made by `aoftool.check.stream.dissect`, or of a single clean pass. Apart from it, so that a healthy log is
checked without the machinery that damage needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.commands.framing import FRAMING
from aoftool.dataclass import dataclass, field
from aoftool.resp.model import INHERITED_DB, Leniency, Stop, TailTally

if TYPE_CHECKING:
    from aoftool.check.stream.heal import Healing, Patch

__all__ = ["TORN_KINDS", "Dissection", "Stretch", "Wound", "commands_in_doubt"]

TORN_KINDS = (
    Leniency.HEADER_JUNK,
    Leniency.BARE_LINE_FEED,
    Leniency.TERMINATOR,
    Leniency.ZERO_TERMINATOR,
)
"""What loaders let pass and what can yet be where commands were torn apart."""


@dataclass
class Stretch:
    """A span in order, with everything the scanner counted in it.

    Attributes:
        start, end: half-open span, from boundary to boundary.
        tally: of the span; its start state is that of a fresh file for the first stretch, inherited
            for the others.
    """

    start: int
    end: int
    tally: TailTally


@dataclass
class Wound:
    """A span that cannot be read as it stands.

    Attributes:
        start, end: half-open span; the stream goes on at `end`, or never where it is the size.
        code: code of the finding.
        stop: what the scanner met.
        healing: the command that the span is, if one patch makes it whole.
        copies: the span repeats bytes that stand elsewhere, so taking it out loses nothing.
        run_twice: bytes of whole commands in front of a copy that stand behind it again with it.
        insert: bytes that, put at the start of the span, make it whole: (offset, bytes).
        selects: the database that those bytes leave the stream in; None where they select none.
        is_stray: the span never was part of a command.
        last: nothing in order follows.
        passed_over: chains of commands inside that may lie in values and were not believed.
        evidence: what stands there, printable.
    """

    start: int
    end: int
    code: str
    stop: Stop
    healing: Healing | None = None
    copies: bool = False
    run_twice: int = 0
    insert: Patch | None = None
    selects: int | None = None
    is_stray: bool = False
    last: bool = False
    passed_over: int = 0
    evidence: str = ""


@dataclass
class Dissection:
    """A command stream as stretches and wounds that meet without gap or overlap.

    Attributes:
        start, size_bytes: span of the stream in its file.
        pieces: in order.
        capped: there were more wounds than are kept.
        complete: the whole stream was looked at; else only up to the first wound.
        first: the tally up to the first stop, as a loader meets it; a healing may take back the last
            command of the stretch it made.
    """

    start: int
    size_bytes: int
    pieces: list[Stretch | Wound] = field(default_factory=list)
    capped: bool = False
    complete: bool = True
    first: TailTally = field(default_factory=TailTally)

    @property
    def stretches(self) -> list[Stretch]:
        """Return the healthy spans."""
        return [piece for piece in self.pieces if isinstance(piece, Stretch)]

    @property
    def wounds(self) -> list[Wound]:
        """Return the damaged spans."""
        return [piece for piece in self.pieces if isinstance(piece, Wound)]

    @property
    def commands(self) -> int:
        """Return the number of whole commands in all stretches."""
        return sum(stretch.tally.commands for stretch in self.stretches)


def commands_in_doubt(tally: TailTally) -> int:
    """Return how many commands of a span stand in the database that is open at its start."""
    return sum(
        row.commands for key, row in tally.rows.items() if key.db == INHERITED_DB and key.name not in FRAMING
    )
