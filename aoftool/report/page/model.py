"""A page as data: what is said, in which order, each number with its text. Knows no form of output.

Everything here is printable text already: bytes went through `aoftool.escape`. What a form of output must
escape beyond that (markup) is its own business.
"""

from __future__ import annotations

from enum import Enum

from aoftool.dataclass import dataclass, field
from aoftool.next_step import is_line

__all__ = [
    "Bars",
    "Block",
    "Cell",
    "Column",
    "Entry",
    "Figure",
    "Hex",
    "Lanes",
    "LanesMark",
    "Lines",
    "Page",
    "Section",
    "Segment",
    "Sentences",
    "Stack",
    "StackRow",
    "Strip",
    "Strips",
    "Table",
    "Tile",
    "Tiles",
    "Tone",
    "Words",
]

Number = int | float


class Tone(str, Enum):
    """How something is to be taken; always said in words too. Values are stable."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, and the number that the text is of, if it is one.

    Attributes:
        is_code: it is a name from a log, a line to type or a digest, and stays as it is.
        is_moment: the number is a time, and reads as words.
    """

    text: str
    value: Number | None = None
    is_code: bool = False
    is_moment: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name for machines, its heading for people."""

    name: str
    heading: str
    is_number: bool = False


@dataclass(slots=True)
class Table:
    """A table.

    Attributes:
        id: unique on the page.
        left_out: rows that are not in it.
        is_detail: the table of a chart, which is folded at first.
    """

    id: str
    caption: str
    columns: list[Column]
    rows: list[list[Cell]] = field(default_factory=list)
    left_out: int = 0
    is_detail: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One key figure, with what it is and a remark."""

    name: str
    label: str
    cell: Cell
    remark: str = ""
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class StackRow:
    """One layer: its values, one a step."""

    name: str
    values: tuple[int, ...]


@dataclass(slots=True)
class Stack:
    """A stacked chart over an axis, and its table.

    Attributes:
        edges: where the steps begin, and where the last one ends, as on the axis.
        ticks: (place, label), ascending.
        shared: charts with the same word follow each other when one is zoomed.
    """

    id: str
    title: str
    description: str
    edges: list[int]
    rows: list[StackRow]
    ticks: list[tuple[int, str]]
    unit: str
    table: Table
    shared: str = "log"
    is_line: bool = False


@dataclass(frozen=True, slots=True)
class LanesMark:
    """One mark in a lane."""

    at: int
    until: int
    text: str


@dataclass(slots=True)
class Lanes:
    """Marks by lane over the axis of a stack."""

    id: str
    title: str
    description: str
    edges: list[int]
    lanes: list[tuple[str, list[LanesMark]]]
    ticks: list[tuple[int, str]]
    table: Table
    shared: str = "log"


@dataclass(slots=True)
class Bars:
    """Bars of a few parts each, side by side, and their table."""

    id: str
    title: str
    description: str
    parts: tuple[str, ...]
    rows: list[StackRow]
    table: Table


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of a treemap: its size, and what of it is dead; None where nobody looked."""

    name: str
    size: int
    dead: int | None
    text: str


@dataclass(slots=True)
class Tiles:
    """A treemap, and its table."""

    id: str
    title: str
    description: str
    tiles: list[Tile]
    table: Table


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a file; `kind` is rdb, commands, unread, damage, aside or kept."""

    kind: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Strip:
    """One file, drawn to scale; what a repair would do with it lies below."""

    name: str
    size: int
    segments: tuple[Segment, ...]
    repaired: tuple[Segment, ...] = ()


@dataclass(slots=True)
class Strips:
    """Files on one scale, and their table."""

    id: str
    title: str
    description: str
    strips: list[Strip]
    table: Table


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: a sentence, where and when, and what stood around it.

    Attributes:
        facts: (label, text, whether it is code), in reading order.
        around: lines of commands, folded at first.
    """

    tone: Tone
    badge: str
    when: str
    text: str
    facts: tuple[tuple[str, str, bool], ...] = ()
    around: tuple[str, ...] = ()


@dataclass(slots=True)
class Sentences:
    """A list of what happened."""

    id: str
    caption: str
    entries: list[Entry]
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines to type, or that are to stay as they are, under a heading."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hex:
    """The bytes of a place with what they mean."""

    heading: str
    lines: tuple[str, ...]
    left_out: int = 0


Block = Table | Stack | Lanes | Bars | Tiles | Strips | Sentences | Words | Lines | Hex


@dataclass(slots=True)
class Section:
    """One part of the page."""

    id: str
    title: str
    blocks: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class Page:
    """All of it.

    Attributes:
        verdict: one sentence.
        steps: what for, and the line to type, or a sentence where no line does it.
    """

    title: str
    subtitle: str
    verdict: str
    tone: Tone
    steps: list[tuple[str, str]]
    figures: list[Figure]
    sections: list[Section]

    @property
    def next_lines(self) -> list[tuple[str, str]]:
        """What for, and the line to type."""
        return [(what, line) for what, line in self.steps if is_line(line)]

    @property
    def hints(self) -> list[tuple[str, str]]:
        """What for, and what to do about it where no line does it."""
        return [(what, words) for what, words in self.steps if not is_line(words)]
